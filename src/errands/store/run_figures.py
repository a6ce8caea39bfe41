"""Figures of a project's runs over some days, exact to the last run: sums of what is counted already
(`engine.counting`), and the few runs that are not.

Running times are kept on a scale whose steps grow by 4 %, so that they add up. A percentile is the running time at that
rank (as `percentile_disc` gives it) to within 2 %.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from errands.store.connections import Connection, Pool, Row
from errands.store.sql import statement

FIRST_STEP_SECONDS = 0.001
STEP_RATIO = 1.04

Order = Literal["failed", "slow", "cost", "often"]
_FRESH = statement("fresh_runs").format(first=FIRST_STEP_SECONDS, ratio=STEP_RATIO)
_BY_DAY = statement("figures_by_day").format(fresh=_FRESH)
_BY = {noun: statement(f"figures_by_{noun}").format(fresh=_FRESH) for noun in ("task", "starter", "model")}


@dataclass(frozen=True, slots=True)
class DayCount:
    """The runs that were queued on one day."""

    day: date
    succeeded: int
    failed: int
    timed_out: int
    cancelled: int
    skipped: int
    active: int
    p50_seconds: float | None
    p95_seconds: float | None
    tokens: int
    usd: float


@dataclass(frozen=True, slots=True)
class Count:
    """The runs of one task, one starter or one model. None: not known of it."""

    name: str
    runs: int
    succeeded: int | None
    failed: int
    """Failed or timed out."""
    p50_seconds: float | None
    p95_seconds: float | None
    requests: int
    """To the model."""
    tokens: int
    usd: float
    recent: Sequence[tuple[UUID, str]] = field(default_factory=tuple)
    """The newest runs of a task with their states, newest first."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Some of them, and how many there are."""

    found: Sequence[Count]
    all: int


async def by_day(pool: Pool, project_id: UUID, since: datetime, zone: str) -> list[DayCount]:
    """Days with a run since `since`, which must be on a quarter of an hour, in a zone; earliest first."""
    async with _standing_still(pool) as (connection, mark):
        rows = await connection.fetch(_BY_DAY, project_id, since, mark, zone)
    return [
        DayCount(
            *(row["day"], row["succeeded"], row["failed"], row["timed_out"], row["cancelled"], row["skipped"]),
            *(row["active"], _seconds(row["p50"]), _seconds(row["p95"]), row["tokens"], row["usd"]),
        )
        for row in rows
    ]


async def by_task(
    pool: Pool,
    project_id: UUID,
    since: datetime,
    order: Order,
    limit: int,
    *,
    recent: int,
) -> Counts:
    """The first `limit` tasks in an order, each with its newest `recent` runs."""
    async with _standing_still(pool) as (connection, mark):
        rows = await connection.fetch(_BY["task"], project_id, since, mark, order, limit)
        newest = await _newest(connection, [row["id"] for row in rows], since, recent)
    return _counts(rows, newest)


async def by_starter(pool: Pool, project_id: UUID, since: datetime, order: Order, limit: int) -> Counts:
    """The first `limit` persons and triggers by reference, such as `user:ana`, in an order."""
    async with _standing_still(pool) as (connection, mark):
        return _counts(await connection.fetch(_BY["starter"], project_id, since, mark, order, limit), {})


async def by_model(pool: Pool, project_id: UUID, since: datetime, order: Order, limit: int) -> Counts:
    """The first `limit` models in an order."""
    async with _standing_still(pool) as (connection, mark):
        return _counts(await connection.fetch(_BY["model"], project_id, since, mark, order, limit), {})


@asynccontextmanager
async def _standing_still(pool: Pool) -> AsyncIterator[tuple[Connection, int]]:
    """A moment of the database, and the number up to which runs are counted in it.

    The number is fetched first: as a parameter it lets the planner see how few runs come after it.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("set transaction isolation level repeatable read, read only")
        yield connection, await connection.fetchval("select changed from counted_runs")


async def _newest(
    connection: Connection, tasks: Sequence[UUID], since: datetime, limit: int
) -> dict[UUID, list[tuple[UUID, str]]]:
    rows = await connection.fetch(statement("newest_of_tasks"), tasks, since, limit)
    found: dict[UUID, list[tuple[UUID, str]]] = {}
    for row in rows:
        found.setdefault(row["task_id"], []).append((row["id"], row["status"]))
    return found


def _counts(rows: Sequence[Row], newest: dict[UUID, list[tuple[UUID, str]]]) -> Counts:
    found = [
        Count(
            *(row["name"], row["runs"], row["succeeded"], row["failed"], _seconds(row["p50"]), _seconds(row["p95"])),
            *(row["requests"], row["tokens"], row["usd"], newest.get(row["id"], ())),
        )
        for row in rows
    ]
    return Counts(found, rows[0]["rows"] if rows else 0)


def _seconds(step: int | None) -> float | None:
    """The middle of a step of the scale: no running time in it is further off than 2 %."""
    return None if step is None else FIRST_STEP_SECONDS * STEP_RATIO**step * 2 * STEP_RATIO / (1 + STEP_RATIO)
