"""The keeper: fires what is due, and puts right what a crash has left behind. Every worker has one."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import structlog

from errands.core.ids import decode
from errands.engine import admission
from errands.engine.counting import Counting, forget_figures
from errands.engine.limits import EngineLimits
from errands.engine.patience import DATABASE_AWAY, delay_after
from errands.engine.queueing import enqueue, priority
from errands.engine.retention import (
    ArtifactBin,
    forget_ended,
    remove_deleted,
    remove_deleted_projects,
    remove_unneeded,
)
from errands.engine.wakeups import fire_due
from errands.store.connections import Pool
from errands.store.sql import statement

log = structlog.get_logger()

_LOOK_SECONDS = 1.0
"""The longest that a timer set by another worker may go unnoticed."""
_BATCH = 500
_FIGURES_KEPT = timedelta(days=400)
"""Insights look back 90 days; the rest is for whoever reads the tables."""


class Keeper:
    """Timers at once; heartbeats, orphans, caches, retention from time to time. Each job may run anywhere, twice."""

    def __init__(
        self,
        pool: Pool,
        worker_id: UUID,
        limits: EngineLimits,
        clock: Callable[[], datetime],
        artifacts: ArtifactBin,
        workspaces: Path,
    ) -> None:
        self._pool = pool
        self._worker_id = worker_id
        self._limits = limits
        self._clock = clock
        self._artifacts = artifacts
        self._workspaces = workspaces
        self._counting = Counting(pool)
        self._nudge = asyncio.Event()
        self._due: datetime | None = None

    def nudge(self, due_at: datetime) -> None:
        """A wait was just made that is due then: look no later."""
        if self._due is None or due_at < self._due:
            self._nudge.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until cancelled."""
        beat = self._limits.heartbeat / 3
        await asyncio.gather(
            self._fire_timers(stopping),
            self._every(beat, self.beat),
            self._every(self._limits.heartbeat / 2, self.adopt_orphans),
            self._every(timedelta(seconds=5), self.release_held),
            self._every(timedelta(seconds=5), self.count),
            self._every(timedelta(minutes=1), self.tidy),
            self._every(timedelta(hours=1), self.forget_figures),
        )

    async def _every(self, interval: timedelta, job: Callable[[], Awaitable[object]]) -> None:
        while True:
            await self._attempt(job)
            await asyncio.sleep(interval.total_seconds())

    async def _attempt(self, job: Callable[[], Awaitable[object]]) -> bool:
        """False: the database is away."""
        try:
            await job()
        except (*DATABASE_AWAY, asyncpg.PostgresError) as error:
            log.warning("keeper.skipped", job=getattr(job, "__name__", "job"), error=type(error).__name__)
            return False
        return True

    async def _fire_timers(self, stopping: asyncio.Event) -> None:
        tries = 0
        while not stopping.is_set():
            self._nudge.clear()
            went = await self._attempt(self.fire_timers)
            # A timer that is due stays so while the database is away: that is no reason to ask it without a pause.
            pause = self._pause() if went else delay_after(tries)
            tries = 0 if went else tries + 1
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._nudge.wait()

    def _pause(self) -> float:
        if self._due is None:
            return _LOOK_SECONDS
        return min(max((self._due - self._clock()).total_seconds(), 0.001), _LOOK_SECONDS)

    async def fire_timers(self) -> int:
        """Wake every run whose moment has come. Gives how many waits were closed."""
        fired = 0
        while True:
            async with self._pool.acquire() as connection, connection.transaction():
                count = await fire_due(connection, self._clock(), _BATCH)
            fired += count
            if count < _BATCH:
                break
        self._due = await self._pool.fetchval(
            "select min(due_at) from waits where done_at is null and due_at is not null"
        )
        return fired

    async def beat(self) -> None:
        """Say that this worker is alive."""
        await self._pool.execute("update workers set seen_at = $2 where id = $1", self._worker_id, self._clock())

    async def adopt_orphans(self) -> int:
        """Enqueue runs that should move but have no job and no living holder."""
        silent_since = self._clock() - self._limits.heartbeat
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval("select pg_try_advisory_xact_lock(7306)"):
                return 0  # Another worker is at it.
            rows = await connection.fetch(statement("orphaned_runs"), silent_since)
            if rows:
                await enqueue(connection, [(row["id"], priority(row["turn"], row["epoch"])) for row in rows])
                log.warning("keeper.orphans", runs=len(rows))
        return len(rows)

    async def release_held(self) -> None:
        """Let go held runs whose way is free: normally the run before them has done that, unless it crashed."""
        rows = await self._pool.fetch("select distinct task_id, key from runs where held_for is not null limit 1000")
        for row in rows:
            async with self._pool.acquire() as connection, connection.transaction():
                await admission.release(connection, row["task_id"], row["key"], self._clock())

    async def count(self) -> int:
        """Add runs that have ended to the figures that insights are made of. Gives how many changes it went past."""
        return await self._counting.count()

    async def forget_figures(self) -> None:
        """Remove figures that no insight looks back at any more."""
        await forget_figures(self._pool, self._clock() - _FIGURES_KEPT)

    async def tidy(self) -> None:
        """Remove what has expired: cache entries, silent workers, the queue's log, ended runs, what was deleted."""
        now = self._clock()
        await self._pool.execute("delete from cache_entries where expires_at < $1", now)
        await self._pool.execute("delete from workers where seen_at < $1", now - 20 * self._limits.heartbeat)
        await self._pool.execute("delete from pgqueuer_log where created < $1", now - timedelta(hours=1))
        await self.forget_ended()
        await self.remove_deleted()
        await self.remove_deleted_projects()
        await self.remove_unneeded()
        await self.sweep_workspaces()

    async def sweep_workspaces(self) -> int:
        """Remove workspaces of runs that have ended: their worker was killed before it could. Gives how many."""
        folders = {
            run_id: path for path in await asyncio.to_thread(_folders, self._workspaces) if (run_id := _run(path))
        }
        rows = await self._pool.fetch(
            "select id from runs where id = any($1) and status in ('queued', 'running', 'waiting')", list(folders)
        )
        live = {row["id"] for row in rows}
        stale = [path for run_id, path in folders.items() if run_id not in live]
        for path in stale:
            await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
        return len(stale)

    async def forget_ended(self) -> int:
        """Remove runs that are kept no longer, with their journals and files. Gives how many."""
        return await forget_ended(self._pool, self._artifacts, self._clock(), self._limits.retention)

    async def remove_deleted(self) -> int:
        """Remove deleted tasks whose grace is over, with their runs and files. Gives how many."""
        return await remove_deleted(self._pool, self._artifacts, self._clock())

    async def remove_deleted_projects(self) -> int:
        """Remove deleted projects whose grace is over, with everything of theirs. Gives how many."""
        return await remove_deleted_projects(self._pool, self._artifacts, self._clock())

    async def remove_unneeded(self) -> int:
        """Remove files that a killed process has let go of and not removed. Gives how many."""
        return await remove_unneeded(self._pool, self._artifacts, self._clock())


def _folders(workspaces: Path) -> list[Path]:
    return list(workspaces.iterdir()) if workspaces.exists() else []


def _run(workspace: Path) -> UUID | None:
    try:
        return decode("run", workspace.name)
    except ValueError:
        return None
