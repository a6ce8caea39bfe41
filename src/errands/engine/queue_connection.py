"""How the queue reaches the database: a connection that was cut is made anew, and no picked job is forgotten over it.

PgQueuer ends its loop at the first lost connection, and ends only once every job in hand has ended, which for a run
can take hours. What is below keeps the loop going instead.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy
from pgqueuer.adapters.drivers.asyncpg import AsyncpgPoolDriver, Relay
from pgqueuer.models import Job
from pgqueuer.ports.driver import NotifyCallback
from pgqueuer.ports.repository import EntrypointExecutionParameter
from pgqueuer.queries import Queries
from pgqueuer.types import JobId, QueueEntrypoint, QueueManagerId

from errands.engine.patience import DATABASE_AWAY, delay_after

log = structlog.get_logger()

_GIVE_BACK = """
update pgqueuer set status = 'queued', queue_manager_id = null, updated = now()
where queue_manager_id = $1 and status = 'picked' and id <> all($2)
"""
# One look at the index for each kind of job, however many are queued.
_NEXT = """
select min(soonest.execute_after) - now() as left
from unnest($1::text[]) as asked (entrypoint)
cross join lateral (
    select execute_after from pgqueuer
    where status = 'queued' and entrypoint = asked.entrypoint
    order by execute_after limit 1
) as soonest
"""


async def listen(
    pool: asyncpg.Pool,
    channel: str,
    heard: Callable[[object, int, str, object], None],
    *,
    listening: Callable[[], None] = lambda: None,
) -> None:
    """Hear a channel until cancelled, over a new connection whenever one is lost; `listening` is called for each."""
    tries = 0
    while True:
        lost = asyncio.Event()
        try:
            async with pool.acquire() as connection:
                connection.add_termination_listener(lambda *_, lost=lost: lost.set())
                await connection.add_listener(channel, heard)
                tries = 0
                listening()
                try:
                    await lost.wait()
                finally:
                    with suppress(*DATABASE_AWAY):
                        await connection.remove_listener(channel, heard)
        except (*DATABASE_AWAY, asyncpg.PostgresError) as error:
            log.warning("worker.listener_lost", channel=channel, error=type(error).__name__)
        await asyncio.sleep(delay_after(tries))
        tries += 1


class LastingDriver(AsyncpgPoolDriver):
    """A driver whose listeners outlive the connection they listen on, and whose statements wait for no disk.

    Who has picked a job and which one is done need not survive a crash of the database: a job whose pick was lost is
    picked again, one whose end was lost finds its run ended. What must last is written by others, later, and takes all
    that was committed before along. So the queue keeps one connection, which commits without waiting for the disk.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool)
        self._listeners: list[asyncio.Task[None]] = []
        self._kept: PoolConnectionProxy | None = None
        self._in_use = asyncio.Lock()

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        """The rows of one statement."""
        async with self._connection() as connection:
            return [dict(row) for row in await connection.fetch(query, *args)]

    async def execute(self, query: str, *args: object) -> str:
        """What the database says of one statement."""
        async with self._connection() as connection:
            return str(await connection.execute(query, *args))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[PoolConnectionProxy]:
        """The kept one while the driver is entered; before and after that any."""
        if self._entered == 0:
            async with self._pool.acquire() as connection:
                yield connection
            return
        async with self._in_use:
            kept = self._kept or await self._keep_one()
            try:
                yield kept
            except DATABASE_AWAY:
                await self._give_back()
                raise

    async def _keep_one(self) -> PoolConnectionProxy:
        self._kept = kept = await self._pool.acquire()
        try:
            await kept.execute("set synchronous_commit = off")
        except BaseException:
            await self._give_back()
            raise
        return kept

    async def _give_back(self) -> None:
        """Close the kept connection: nobody else may commit without waiting for the disk.

        One that was cut has gone back to the pool by itself, which asyncpg says of whatever is asked of it.
        """
        kept, self._kept = self._kept, None
        if kept is not None:
            with suppress(asyncpg.InterfaceError):
                kept.terminate()
            await self._pool.release(kept)

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        """Listen until the driver is left; gives once it is heard for the first time."""
        listening = asyncio.Event()
        task = asyncio.create_task(listen(self._pool, channel, Relay(callback), listening=listening.set))
        self._listeners.append(task)
        await listening.wait()

    async def __aexit__(self, *raised: object) -> None:
        await super().__aexit__(*raised)
        if self._entered > 0:
            return
        async with self._in_use:
            await self._give_back()
        for task in self._listeners:
            task.cancel()
        await asyncio.gather(*self._listeners, return_exceptions=True)
        self._listeners.clear()


class PatientQueries(Queries):
    """Queries of the queue's loop. A database that is away has no work just now, where others would end the loop."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(LastingDriver(pool))
        self.in_hand: Callable[[], Collection[JobId]] = tuple
        """The jobs that the queue knows it has picked."""
        self._answer_lost = False
        self._next: timedelta | None = None

    async def dequeue(
        self,
        batch_size: int,
        entrypoints: dict[QueueEntrypoint, EntrypointExecutionParameter],
        queue_manager_id: QueueManagerId,
        global_concurrency_limit: int | None,
        heartbeat_timeout: timedelta,
    ) -> list[Job]:
        """Pick jobs. Those whose answer was lost on the way are given back, for nobody else would before they age."""
        try:
            if self._answer_lost:
                await self.driver.execute(_GIVE_BACK, queue_manager_id, list(self.in_hand()))
                self._answer_lost = False
            return await super().dequeue(
                batch_size, entrypoints, queue_manager_id, global_concurrency_limit, heartbeat_timeout
            )
        except DATABASE_AWAY as error:
            self._answer_lost = True
            log.warning("worker.database_away", error=type(error).__name__)
            return []

    async def eligible_queued_work(self, entrypoints: list[QueueEntrypoint]) -> int:
        """1 if a job could be picked now, 0 if none could. One look answers the questions that follow it, too."""
        self._next = None
        try:
            rows = await self.driver.fetch(_NEXT, entrypoints)
        except DATABASE_AWAY:
            return 0
        left = rows[0]["left"]
        if not isinstance(left, timedelta):
            return 0
        self._next = max(left, timedelta(0))
        return 0 if self._next else 1

    async def next_deferred_eta(self, entrypoints: list[QueueEntrypoint]) -> timedelta | None:
        """How long until a job that was put off can be picked, as of that look, or `None`."""
        return self._next

    async def queued_work(self, entrypoints: list[QueueEntrypoint]) -> int:
        """0: that look saw all jobs at one moment, so none can have come due between two questions."""
        return 0
