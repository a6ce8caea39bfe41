"""The journal's writer: fenced, and committed in groups.

Steps hand in entries and await them. One or two writers per worker commit whatever has gathered while the last
commit ran; there is no timer. At rest a step costs one commit, under load a small part of one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import structlog

from errands.core.outcomes import StepFailed
from errands.engine.patience import DATABASE_AWAY, delay_after
from errands.engine.records import LeaseLostError, RecordRefusedError
from errands.engine.tally import Tally
from errands.store.connections import Connection, Pool
from errands.store.sql import statement

log = structlog.get_logger()

_ONE_WRITTEN = "INSERT 0 1"
"""What the database answers to an insert that has written one row."""

Also = Callable[[Connection], Awaitable[None]]


@dataclass(slots=True)
class Entry:
    """A record in the form in which it is written: JSON as text, already redacted."""

    run_id: UUID
    epoch: int
    path: str
    kind: str
    status: str | None
    input: str | None
    output: str | None
    output_ref: str | None
    error: str | None
    facts: str | None
    started_at: datetime | None
    finished_at: datetime | None
    also: Also | None
    """Further writes of the same transaction, made only if the record was written. StepFailed undoes the record."""
    done: asyncio.Future[None]


class Journal:
    """Commits entries of all runs of a worker. `append` from any task; `open` before, `close` after.

    Each run has one writer, so that its records are committed in the order in which they were made: no crash can keep
    a later one and lose an earlier one.
    """

    def __init__(
        self, pool: Pool, tally: Tally | None = None, /, *, writers: int = 2, largest_batch: int = 1000
    ) -> None:
        self._pool = pool
        self.tally = tally or Tally()
        self._largest = largest_batch
        self._pending: list[list[Entry]] = [[] for _ in range(writers)]
        self._more = [asyncio.Event() for _ in range(writers)]
        self._tasks: list[asyncio.Task[None]] = []
        self.batches = 0
        self.entries = 0

    def open(self) -> None:
        """Start the writers."""
        numbers = range(len(self._pending))
        self._tasks = [asyncio.create_task(self._write(n), name=f"journal-writer-{n}") for n in numbers]

    async def close(self) -> None:
        """Stop the writers. Entries that are not committed fail with LeaseLostError."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for pending in self._pending:
            for entry in pending:
                _fail(entry, LeaseLostError(entry.run_id))
            pending.clear()

    def append(self, entry: Entry) -> asyncio.Future[None]:
        """Hand an entry in. The future ends at its commit, or with LeaseLostError, RecordRefusedError or StepFailed."""
        writer = entry.run_id.int % len(self._pending)
        self._pending[writer].append(entry)
        self._more[writer].set()
        return entry.done

    @property
    def gathered(self) -> int:
        """How many entries wait for a writer."""
        return sum(len(pending) for pending in self._pending)

    def _take(self, writer: int) -> list[Entry]:
        pending = self._pending[writer]
        batch = pending[: self._largest]
        del pending[: self._largest]
        if not pending:
            self._more[writer].clear()
        return batch

    async def _write(self, writer: int) -> None:
        while True:
            await self._more[writer].wait()
            batch = self._take(writer)
            if batch:
                self.batches += 1
                self.entries += len(batch)
                self.tally.add("journal_batch", len(batch))
                await self._commit(batch)

    async def _commit(self, batch: list[Entry]) -> None:
        """Write a batch, however long the database is away; split it when the database refuses its content."""
        tries = 0
        while True:
            try:
                await self._insert(batch)
                return
            except DATABASE_AWAY as error:
                delay = delay_after(tries)
                tries += 1
                log.warning("journal.database_away", error=type(error).__name__, entries=len(batch), retry_in=delay)
                await asyncio.sleep(delay)
            except (asyncpg.PostgresError, StepFailed) as error:
                await self._commit_halves(batch, error)
                return
            except asyncio.CancelledError:
                for entry in batch:
                    _fail(entry, LeaseLostError(entry.run_id))
                raise
            except Exception as error:
                log.exception("journal.batch_refused", entries=len(batch))
                await self._commit_halves(batch, error)
                return

    async def _commit_halves(self, batch: list[Entry], error: Exception) -> None:
        if len(batch) == 1:
            refused = RecordRefusedError(f"{type(error).__name__}: {error}")
            _fail(batch[0], error if isinstance(error, StepFailed) else refused)
            return
        middle = len(batch) // 2
        await self._commit(batch[:middle])
        await self._commit(batch[middle:])

    async def _insert(self, batch: list[Entry]) -> None:
        """Write a batch and tell of it before the connection goes back: what waits for it goes on that much sooner."""
        async with self._pool.acquire() as connection:
            further = [entry for entry in batch if entry.also is not None]
            if not further:
                written = await _append(connection, batch)
            else:
                async with connection.transaction():
                    written = await _append(connection, batch)
                    for entry in further:
                        if entry.also is not None and (entry.run_id, entry.path) in written:
                            await entry.also(connection)
            _settle(batch, written)


async def _append(connection: Connection, batch: list[Entry]) -> set[tuple[UUID, str]]:
    """Which entries are written now, by run and path."""
    if len(batch) == 1:
        return await _append_one(connection, batch[0])
    rows = await connection.fetch(
        statement("append_records"),
        list({e.run_id for e in batch}),
        [e.run_id for e in batch],
        [e.epoch for e in batch],
        [e.path for e in batch],
        [e.kind for e in batch],
        [e.status for e in batch],
        [e.input for e in batch],
        [e.output for e in batch],
        [e.output_ref for e in batch],
        [e.error for e in batch],
        [e.facts for e in batch],
        [e.started_at for e in batch],
        [e.finished_at for e in batch],
    )
    return {(row[0], row[1]) for row in rows}


async def _append_one(connection: Connection, entry: Entry) -> set[tuple[UUID, str]]:
    """As a batch at rest mostly is: the same in half the time, since nothing has to be put into arrays and back."""
    done = await connection.execute(
        statement("append_record"),
        entry.run_id,
        entry.epoch,
        entry.path,
        entry.kind,
        entry.status,
        entry.input,
        entry.output,
        entry.output_ref,
        entry.error,
        entry.facts,
        entry.started_at,
        entry.finished_at,
    )
    return {(entry.run_id, entry.path)} if done == _ONE_WRITTEN else set()


def _settle(batch: list[Entry], written: set[tuple[UUID, str]]) -> None:
    for entry in batch:
        if (entry.run_id, entry.path) not in written:
            _fail(entry, LeaseLostError(entry.run_id))
        elif not entry.done.done():
            entry.done.set_result(None)


def _fail(entry: Entry, error: Exception) -> None:
    if not entry.done.done():
        entry.done.set_exception(error)
        entry.done.exception()  # Seen: an entry that nobody awaits any more must not warn.
