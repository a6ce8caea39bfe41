"""A run's row as its holder sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from errands.core.outcomes import Usage
from errands.core.values import Json, JsonObject, from_text
from errands.store.connections import Connection, Pool, Row
from errands.store.sql import statement


@dataclass(slots=True)
class HeldRun:
    """A run that this worker has taken. `epoch` is its fence, `wakes` the wake-ups that it has seen."""

    id: UUID
    project_id: UUID
    task_id: UUID
    version_id: UUID
    epoch: int
    wakes: int
    key: str
    max_concurrent: int | None
    starter: str | None
    trigger: JsonObject
    arguments: JsonObject
    untrusted: bool
    parent_run_id: UUID | None
    parent_path: str | None
    rerun_of: UUID | None
    rerun_from: str | None
    started_at: datetime
    taken_at: datetime
    active_seconds: float
    cancel_by: str | None
    cancel_reason: str | None
    cancelled: bool
    usage: Usage


async def take(pool: Pool | Connection, run_id: UUID, worker_id: UUID, now: datetime) -> HeldRun | None:
    """Take a run over with a new epoch. `None`: it has ended, waits, is held back, or is gone."""
    row = await pool.fetchrow(statement("take_run"), run_id, worker_id, now)
    return None if row is None else _held(row)


def _held(row: Row) -> HeldRun:
    return HeldRun(
        id=row["id"],
        project_id=row["project_id"],
        task_id=row["task_id"],
        version_id=row["version_id"],
        epoch=row["epoch"],
        wakes=row["wakes"],
        key=row["key"],
        max_concurrent=row["max_concurrent"],
        starter=row["starter"],
        trigger=_object(row["trigger"]),
        arguments=_object(row["arguments"]),
        untrusted=row["untrusted"],
        parent_run_id=row["parent_run_id"],
        parent_path=row["parent_path"],
        rerun_of=row["rerun_of"],
        rerun_from=row["rerun_from"],
        started_at=row["started_at"],
        taken_at=row["taken_at"],
        active_seconds=row["active_seconds"],
        cancel_by=row["cancel_by"],
        cancel_reason=row["cancel_reason"],
        cancelled=row["cancel_requested_at"] is not None,
        usage=Usage(
            row["input_tokens"],
            row["output_tokens"],
            Decimal(row["usd"]),
            row["requests"],
            row["tool_calls"],
        ),
    )


def _object(text: str) -> JsonObject:
    value: Json = from_text(text)
    return value if isinstance(value, Mapping) else {}
