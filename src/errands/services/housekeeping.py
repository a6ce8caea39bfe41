"""Work that must be done now and then for people and the audit log, by whichever process is there."""

import asyncio
from datetime import datetime, timedelta

import structlog

from errands.services.audit import seal_all
from errands.services.authority import Clock, utc_now
from errands.store import people, sessions
from errands.store.database import Database

_SEAL_EVERY = timedelta(seconds=2)
_PRUNE_EVERY = timedelta(minutes=10)
_KEEP_ATTEMPTS = timedelta(days=1)
_KEEP_LINKS = timedelta(days=30)


class Housekeeping:
    """Chains new entries of the audit log, and removes sessions, links and attempts that have expired."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Go on until `stop` is set; then chain once more. What fails is told and tried again."""
        pruned_at: datetime | None = None
        while not stop.is_set():
            try:
                await seal_all(self._database)
                if pruned_at is None or self._clock() - pruned_at >= _PRUNE_EVERY:
                    await self.prune()
                    pruned_at = self._clock()
            except Exception:
                structlog.get_logger().exception("housekeeping has failed and is tried again")
            try:
                async with asyncio.timeout(_SEAL_EVERY.total_seconds()):
                    await stop.wait()
            except TimeoutError:
                continue
        await seal_all(self._database)

    async def prune(self) -> None:
        """Remove what has expired."""
        now = self._clock()
        async with self._database.engine.begin() as connection:
            await sessions.prune(connection, now, now - _KEEP_ATTEMPTS)
            await people.prune_links(connection, now - _KEEP_LINKS)
