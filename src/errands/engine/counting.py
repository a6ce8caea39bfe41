"""Adds ended runs to the figures that insights are made of. A keeper calls it; closing a run pays nothing for it.

Every change of a run's state has a number (`runs.changed`), so what is not counted yet is what has a higher number than
the last that was counted. Numbers are given out before their transactions commit: one is only taken for reached when
every transaction that may hold a lower one has ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from errands.store.connections import Connection, Pool
from errands.store.run_figures import FIRST_STEP_SECONDS, STEP_RATIO
from errands.store.sql import statement

_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class _Fence:
    """Whoever holds a number up to `number` began before the transaction `before`."""

    number: int
    before: int


class Counting:
    """What one keeper has seen of the numbers. Any number of keepers may count: one at a time does."""

    def __init__(self, pool: Pool, *, batch: int = _BATCH) -> None:
        self._pool = pool
        self._batch = batch
        self._seen: int | None = None
        self._fence: _Fence | None = None

    async def count(self) -> int:
        """Count what has surely ended: all that had when the call before the last was made. Gives how many numbers.

        The newest number is looked up in one call and fenced in the next, some seconds later: in between, whoever took
        it has become a transaction that can be waited for.
        """
        row = await self._pool.fetchrow(
            "select pg_snapshot_xmin(at)::text::bigint as oldest, pg_snapshot_xmax(at)::text::bigint as next, "
            "(select last_value from run_changes) as newest from pg_current_snapshot() as at"
        )
        assert row is not None
        passed = 0
        if self._fence is not None and row["oldest"] >= self._fence.before:
            passed, self._fence = await self._count_up_to(self._fence.number), None
        if self._fence is None and self._seen is not None:
            self._fence = _Fence(self._seen, row["next"])
        self._seen = row["newest"]
        return passed

    async def _count_up_to(self, number: int) -> int:
        passed = 0
        while True:
            async with self._pool.acquire() as connection, connection.transaction():
                counted = await _count_some(connection, number, self._batch)
            passed += counted
            if not counted:
                return passed


async def _count_some(connection: Connection, number: int, batch: int) -> int:
    """One batch. 0: there is no more, or somebody else is at it."""
    last = await connection.fetchval("select changed from counted_runs for update skip locked")
    if last is None or last >= number:
        return 0
    upto = await connection.fetchval(
        "select changed from runs where changed > $1 and changed <= $2 order by changed offset $3 limit 1",
        last,
        number,
        batch - 1,
    )
    reached: int = number if upto is None else upto
    await _count(connection, last, reached)
    await connection.execute("update counted_runs set changed = $1", reached)
    return reached - int(last)


async def hold_counting(connection: Connection) -> int:
    """Keep others from counting until the transaction ends. To be held before a task is: counting points to tasks."""
    last: int = await connection.fetchval("select changed from counted_runs for update")
    return last


async def count_before_removal(connection: Connection, runs: Sequence[UUID]) -> None:
    """Count those of these ended runs that are not counted yet: once they are removed, nobody could any more."""
    last = await hold_counting(connection)
    for row in await connection.fetch("select changed from runs where id = any($1) and changed > $2", runs, last):
        await _count(connection, row["changed"] - 1, row["changed"])


async def _count(connection: Connection, after: int, upto: int) -> None:
    await connection.execute(statement("count_ended"), after, upto, FIRST_STEP_SECONDS, STEP_RATIO)


async def forget_figures(pool: Pool, before: datetime) -> None:
    """Remove figures of runs that were queued before then, project by project. Indexes: the primary keys."""
    for project in await pool.fetch("select id from projects"):
        for table in ("project_quarters", "project_durations", "task_quarters", "task_durations", "model_quarters"):
            await pool.execute(f"delete from {table} where project_id = $1 and slot < $2", project["id"], before)
