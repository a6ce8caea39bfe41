"""A run's row as its holder sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from errands.core.outcomes import Usage
from errands.core.values import Json, JsonObject, from_text
from errands.store.connections import Connection, Pool, Row
from errands.store.sql import statement

_TAKE, _TAKE_FREE = (statement("take_runs").format(locking=locking) for locking in ("", "skip locked"))
_FINISH, _FINISH_FREE = (statement("finish_runs").format(locking=locking) for locking in ("", "skip locked"))


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
    row = await pool.fetchrow(_TAKE, [run_id], worker_id, now)
    return None if row is None else _held(row)


async def take_free(
    pool: Pool | Connection, run_ids: Sequence[UUID], worker_id: UUID, now: datetime
) -> list[HeldRun | None]:
    """Take several over at once. `None` as in `take`, and for one that somebody has locked just now."""
    taken = {row["id"]: _held(row) for row in await pool.fetch(_TAKE_FREE, run_ids, worker_id, now)}
    return [taken.get(run_id) for run_id in run_ids]


@dataclass(frozen=True, slots=True)
class Closing:
    """How a run ends: what its row will say. Only its holder, by the epoch, can close it."""

    id: UUID
    epoch: int
    status: str
    output: str | None
    output_ref: str | None
    error: str | None
    finished_at: datetime
    active_seconds: float
    """Running time since the run was taken."""
    usage: Usage
    untrusted: bool = False
    """What it leaves behind carries the mark of data from outside."""


async def finish(pool: Pool | Connection, closing: Closing) -> bool:
    """Close a run for good. False: its lease was lost."""
    return await pool.fetchrow(_FINISH, *([value] for value in _columns(closing))) is not None


async def finish_free(pool: Pool | Connection, closings: Sequence[Closing]) -> list[bool]:
    """Close several at once. False as in `finish`, and for one that somebody has locked just now."""
    columns = (list(column) for column in zip(*map(_columns, closings), strict=True))
    closed = {row["id"] for row in await pool.fetch(_FINISH_FREE, *columns)}
    return [closing.id in closed for closing in closings]


def _columns(closing: Closing) -> tuple[object, ...]:
    """In the order of `finish_runs.sql`."""
    usage = closing.usage
    return (
        closing.id,
        closing.epoch,
        closing.status,
        closing.output,
        closing.output_ref,
        closing.error,
        closing.finished_at,
        closing.active_seconds,
        usage.input_tokens,
        usage.output_tokens,
        usage.usd,
        usage.requests,
        usage.tool_calls,
        closing.untrusted,
    )


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
