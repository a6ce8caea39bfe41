"""Figures of the whole server, for monitoring."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from errands.core.access import Principal, ServerResource, Verb
from errands.services.authority import Authority
from errands.store.database import Database
from errands.store.figures import active_runs, oldest_queued


@dataclass(frozen=True, slots=True)
class Figures:
    """The server at this moment."""

    active: Mapping[str, int]
    """Runs by state, of the states that are not final."""
    oldest_queued_seconds: float
    """How long the run that has waited longest for a worker has waited. 0: none waits."""
    connections_open: int
    """Database connections that this process holds for running tasks."""
    connections_idle: int


class FigureService:
    """Counts what can be counted cheaply; nothing here looks at history."""

    def __init__(self, database: Database, authority: Authority) -> None:
        self._database = database
        self._authority = authority

    async def now(self, caller: Principal, now: datetime) -> Figures:
        """The figures at `now`. Raises Denied."""
        await self._authority.authorise(caller, Verb.METRICS_READ, ServerResource("metrics"))
        pool = self._database.pool
        active = await active_runs(pool)
        oldest = await oldest_queued(pool)
        waited = 0.0 if oldest is None else max((now - oldest).total_seconds(), 0.0)
        return Figures(active, waited, pool.get_size(), pool.get_idle_size())

    async def ready(self) -> None:
        """Whether the database answers; anybody may ask. Raises what the database raises."""
        await self._database.pool.fetchval("select 1", timeout=5)
