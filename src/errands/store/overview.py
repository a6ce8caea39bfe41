"""What a project's first screen shows: figures over its newest runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from errands.store.connections import Pool
from errands.store.sql import statement


@dataclass(frozen=True, slots=True)
class DayCount:
    """The runs of one day."""

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
class TaskCount:
    """The runs of one task."""

    task: str
    recent: Sequence[str]
    """States of the newest runs, newest first, twenty at most."""
    recent_ids: Sequence[UUID]
    runs: int
    succeeded: int
    failed: int
    p50_seconds: float | None
    p95_seconds: float | None
    tokens: int
    usd: float


async def by_day(pool: Pool, project_id: UUID, first: UUID, zone: str, most: int) -> list[DayCount]:
    """Days of the newest `most` runs since the id `first`, earliest first. Index: ix_runs_project_history."""
    rows = await pool.fetch(statement("runs_by_day"), project_id, first, most, zone)
    return [DayCount(*(row[name] for name in DayCount.__dataclass_fields__)) for row in rows]


async def by_task(pool: Pool, project_id: UUID, first: UUID, most: int) -> list[TaskCount]:
    """Tasks of the newest `most` runs since the id `first`, by name. Index: ix_runs_project_history."""
    rows = await pool.fetch(statement("runs_by_task"), project_id, first, most)
    return [TaskCount(*(row[name] for name in TaskCount.__dataclass_fields__)) for row in rows]
