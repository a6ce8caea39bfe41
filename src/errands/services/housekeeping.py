"""Work that must be done now and then for people and the audit log, by whichever process is there."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from errands.services.audit import seal_all
from errands.services.authority import Clock, utc_now
from errands.store import deliveries, model_minutes, people, rates, sessions
from errands.store.database import Database

_SEAL_EVERY = timedelta(seconds=2)
_PRUNE_EVERY = timedelta(minutes=10)
_KEEP_ATTEMPTS = timedelta(days=1)
_KEEP_LINKS = timedelta(days=30)
_KEEP_DELIVERIES = timedelta(days=90)
"""Whether a delivery has come before does not depend on it: the ledger of occurrences knows."""
_KEEP_MINUTES = timedelta(hours=1)
_KEEP_RATES = timedelta(minutes=2)
_LAST_CHORE = timedelta(seconds=5)
"""What a chore under way gets to end. A message that is cut off is sent again later."""


@dataclass(frozen=True, slots=True)
class Chore:
    """Something that must be done now and then beside it, by itself: it may take its time."""

    name: str
    every: timedelta
    """Between the end of one time and the beginning of the next."""
    do: Callable[[], Awaitable[object]]


class Housekeeping:
    """Chains new entries of the audit log, removes what has expired of sign-ins and deliveries, and does chores."""

    def __init__(self, database: Database, clock: Clock = utc_now, chores: Sequence[Chore] = ()) -> None:
        self._database = database
        self._clock = clock
        self._chores = chores

    async def run(self, stop: asyncio.Event) -> None:
        """Go on until `stop` is set; then chain once more. What fails is told and tried again."""
        chores = [asyncio.create_task(_again_and_again(chore, stop), name=chore.name) for chore in self._chores]
        try:
            await self._keep(stop)
            if chores:
                await asyncio.wait(chores, timeout=_LAST_CHORE.total_seconds())
        finally:
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)

    async def _keep(self, stop: asyncio.Event) -> None:
        pruned_at: datetime | None = None
        while not stop.is_set():
            try:
                await seal_all(self._database)
                if pruned_at is None or self._clock() - pruned_at >= _PRUNE_EVERY:
                    await self.prune()
                    pruned_at = self._clock()
            except Exception:
                structlog.get_logger().exception("housekeeping has failed and is tried again")
            await _pause(stop, _SEAL_EVERY)
        await seal_all(self._database)

    async def prune(self) -> None:
        """Remove what has expired."""
        now = self._clock()
        async with self._database.engine.begin() as connection:
            await sessions.prune(connection, now, now - _KEEP_ATTEMPTS)
            await people.prune_links(connection, now - _KEEP_LINKS)
        await deliveries.prune(self._database.pool, now - _KEEP_DELIVERIES)
        await model_minutes.prune(self._database.pool, _KEEP_MINUTES)
        await rates.prune(self._database.pool, _KEEP_RATES)


async def _again_and_again(chore: Chore, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await chore.do()
        except Exception as error:
            structlog.get_logger().warning("chore.failed", chore=chore.name, error=repr(error)[:300])
        await _pause(stop, chore.every)


async def _pause(stop: asyncio.Event, time: timedelta) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(time.total_seconds()):
            await stop.wait()
