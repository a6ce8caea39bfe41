"""A worker: takes jobs from the queue, advances their runs, listens for wake-ups, and lets go in good order."""

import asyncio
import os
import platform
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import asyncpg
import structlog
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Job
from pgqueuer.qm import QueueManager

from errands import __version__
from errands.engine.holding import Hands, advance
from errands.engine.keeper import Keeper
from errands.engine.patience import DATABASE_AWAY, delay_after
from errands.engine.queue_connection import PatientQueries, listen
from errands.engine.queueing import ADVANCE

log = structlog.get_logger()


class Worker:
    """Advances runs until it is stopped. Any number may work on one database."""

    def __init__(self, hands: Hands, keeper: Keeper, pool: asyncpg.Pool, *, concurrency: int) -> None:
        self._hands = hands
        self._keeper = keeper
        self._pool = pool
        self._concurrency = max(concurrency, 2)
        self._stopping = asyncio.Event()
        self._queue: QueueManager | None = None
        self.ready = asyncio.Event()
        """Set once the worker listens and takes jobs."""

    @property
    def id(self) -> UUID:
        return self._hands.worker_id

    @property
    def held(self) -> int:
        """How many runs it holds now."""
        return len(self._hands.held)

    async def run(self) -> None:
        """Work until `stop`."""
        await self._register()
        self._hands.shared.journal.open()
        side = [asyncio.create_task(self._listen()), asyncio.create_task(self._keeper.run(self._stopping))]
        try:
            await self._take_jobs()
        finally:
            self._stopping.set()
            for task in side:
                task.cancel()
            await asyncio.gather(*side, return_exceptions=True)
            await self._hands.shared.journal.close()
            await self._hands.surroundings.flush()
            with suppress(*DATABASE_AWAY, asyncpg.PostgresError):
                await self._pool.execute("delete from workers where id = $1", self.id)

    async def stop(self, grace: timedelta | None = None) -> None:
        """Take no more jobs; give the steps in flight `grace` to end, then hand their runs over at once."""
        self._stopping.set()
        if self._queue is not None:
            self._queue.shutdown.set()
        for driven in list(self._hands.held.values()):
            driven.drain()
        limit = self._hands.shared.limits.grace if grace is None else grace
        with suppress(TimeoutError):
            async with asyncio.timeout(limit.total_seconds()):
                await self._hands.idle.wait()
        for driven in list(self._hands.held.values()):
            driven.ask(hand_over=True)

    async def _register(self) -> None:
        now = self._hands.clock()
        await self._pool.execute(
            "insert into workers (id, host, pid, release, started_at, seen_at) values ($1, $2, $3, $4, $5, $5) "
            "on conflict (id) do update set seen_at = excluded.seen_at",
            self.id,
            platform.node(),
            os.getpid(),
            __version__,
            now,
        )

    async def _take_jobs(self) -> None:
        """Run the queue; when the database goes away, start it anew as soon as it is back."""
        tries = 0
        while not self._stopping.is_set():
            queue = self._queue = self._new_queue()
            try:
                self.ready.set()
                await queue.run(
                    dequeue_timeout=timedelta(seconds=1),
                    batch_size=max(self._concurrency // 4, 1),
                    max_concurrent_tasks=self._concurrency,
                    heartbeat_timeout=self._hands.shared.limits.heartbeat,
                )
                tries = 0
            except DATABASE_AWAY as error:
                log.warning("worker.database_away", error=type(error).__name__)
            except asyncpg.PostgresError as error:
                log.warning("worker.database_refused", error=str(error))
            except ExceptionGroup as error:
                log.warning("worker.queue_broke", error=str(error))
            if not self._stopping.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(delay_after(tries)):
                        await self._stopping.wait()
                tries += 1

    def _new_queue(self) -> QueueManager:
        queries = PatientQueries(self._pool)
        queue = QueueManager(queries)
        queries.in_hand = queue.job_context.keys

        @queue.entrypoint(ADVANCE)
        async def advance_run(job: Job) -> None:
            if self._stopping.is_set():
                raise RetryRequested(delay=timedelta(0), reason="the worker stops")
            if job.payload is not None:
                await self._advance(UUID(bytes=job.payload))

        return queue

    async def _advance(self, run_id: UUID) -> None:
        try:
            await advance(self._hands, run_id)
        except Exception:
            # Another worker may fare better; the keeper enqueues the run again once this one is gone.
            log.exception("run.advance_failed", run=f"run_{run_id.hex}")

    async def _listen(self) -> None:
        """Hear of wake-ups and cancels of runs that are held here."""
        await listen(self._pool, "errands_runs", self._heard, listening=self._look_at_all)

    def _look_at_all(self) -> None:
        """What was said before this process listened was not heard."""
        for driven in list(self._hands.held.values()):
            driven.ask()

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        driven = self._hands.held.get(UUID(hex=str(payload)))
        if driven is not None:
            driven.ask()
