"""Figures of the whole server, for monitoring."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from errands.core.access import Principal, ServerResource, Verb
from errands.services.authority import Authority
from errands.services.errors import Unavailable
from errands.store.database import Database
from errands.store.figures import active_runs, living_workers, oldest_queued
from errands.store.migrations import is_current

_FRESH_SECONDS = 2.0
_PATIENCE_SECONDS = 5.0


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
    workers: int
    """Workers that were seen within their heartbeat."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a process can do its work."""

    status: Literal["ready"]
    workers: int
    """Workers that are alive, on all machines. 0: runs are kept and wait."""


class FigureService:
    """Counts what can be counted cheaply; nothing here looks at history."""

    def __init__(self, database: Database, authority: Authority, heartbeat: timedelta = timedelta(seconds=30)) -> None:
        """`heartbeat`: a worker that was not seen for this long counts as gone."""
        self._database = database
        self._authority = authority
        self._heartbeat = heartbeat
        self._counted: tuple[float, Mapping[str, int], datetime | None, int] | None = None

    async def now(self, caller: Principal, now: datetime) -> Figures:
        """The figures at `now`; what is counted in the database is up to two seconds old. Raises Denied."""
        await self._authority.authorise(caller, Verb.METRICS_READ, ServerResource("metrics"))
        pool = self._database.pool
        counted = self._counted
        if counted is None or time.monotonic() - counted[0] > _FRESH_SECONDS:
            alive = await living_workers(pool, now - self._heartbeat)
            counted = (time.monotonic(), await active_runs(pool), await oldest_queued(pool), alive)
            self._counted = counted
        _, active, oldest, workers = counted
        waited = 0.0 if oldest is None else max((now - oldest).total_seconds(), 0.0)
        return Figures(active, waited, pool.get_size(), pool.get_idle_size(), workers)

    async def ready(self, now: datetime, *, with_worker: bool = False) -> Readiness:
        """Whether the database answers and has the tables of this release; anybody may ask.

        `with_worker`: only if a worker is alive too. Raises Unavailable, and what the database raises.
        """
        pool = self._database.pool
        async with asyncio.timeout(_PATIENCE_SECONDS):
            if not await is_current(pool):
                hint = "Restart it with the release that the others have; the first that starts brings the tables up."
                raise Unavailable("The database has the tables of another release than this process.", hint)
            workers = await living_workers(pool, now - self._heartbeat)
        if with_worker and workers == 0:
            raise Unavailable("No worker is alive.", "Start one: errands worker, or errands start.")
        return Readiness("ready", workers)
