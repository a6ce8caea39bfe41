"""How the queue reaches the database: a connection that was cut is made anew, and no picked job is forgotten over it.

PgQueuer ends its loop at the first lost connection, and ends only once every job in hand has ended, which for a run
can take hours. What is below keeps the loop going instead.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import timedelta

import asyncpg
import structlog
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
    """A driver whose listeners outlive the connection they listen on."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool)
        self._listeners: list[asyncio.Task[None]] = []

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
        """How many jobs could be picked now, or 0."""
        try:
            return await super().eligible_queued_work(entrypoints)
        except DATABASE_AWAY:
            return 0

    async def queued_work(self, entrypoints: list[QueueEntrypoint]) -> int:
        """How many jobs are queued, or 0."""
        try:
            return await super().queued_work(entrypoints)
        except DATABASE_AWAY:
            return 0

    async def next_deferred_eta(self, entrypoints: list[QueueEntrypoint]) -> timedelta | None:
        """How long until a job that was put off can be picked, or `None`."""
        try:
            return await super().next_deferred_eta(entrypoints)
        except DATABASE_AWAY:
            return None
