"""The rates of models, kept for all workers in the database. The agents' `Pace`."""

import random
from uuid import UUID

from errands.core.definition.agents import Rate
from errands.store import model_minutes
from errands.store.database import Database

_SPREAD_SECONDS = 3.0
"""Who has waited for the same minute does not ask in the same moment."""


class Pacing:
    """Counts requests and tokens by the minute."""

    def __init__(self, database: Database) -> None:
        self._pool = database.pool

    async def take(self, model_id: str, rate: Rate, tokens: int) -> float:
        """Count one request of so many tokens, if the minute has room; else the seconds to wait."""
        wait = await model_minutes.take(self._pool, UUID(model_id), tokens, rate.requests, rate.tokens)
        return wait + random.uniform(0, _SPREAD_SECONDS) if wait else 0.0

    async def settle(self, model_id: str, tokens: int) -> None:
        """Count so many more tokens (fewer, below 0) in the present minute."""
        await model_minutes.settle(self._pool, UUID(model_id), tokens)
