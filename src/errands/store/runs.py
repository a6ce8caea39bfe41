"""Runs as they are read: one by id, and the history by keyset. The engine writes them, with SQL of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Select, Text, cast, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.outcomes import RunStatus
from errands.core.values import Json, JsonObject
from errands.store.identifiers import first_id_at
from errands.store.rows import fetch_all, fetch_one
from errands.store.tables import projects, runs, task_versions, tasks

_RECENT = 10_000


@dataclass(frozen=True, slots=True)
class RunListed:
    """A run as the history lists it."""

    id: UUID
    status: str
    task: str
    task_title: str | None
    version: int
    trigger: JsonObject
    starter: str | None
    reason: str | None
    error: JsonObject | None
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    input_tokens: int
    output_tokens: int
    usd: Decimal
    requests: int
    tool_calls: int


@dataclass(frozen=True, slots=True)
class RunRow:
    """A whole run, without its journal."""

    id: UUID
    project_id: UUID
    project: str
    task_id: UUID
    task: str
    version_id: UUID
    version: int
    status: str
    held_for: str | None
    reason: str | None
    starter: str | None
    trigger: JsonObject
    arguments: JsonObject
    untrusted: bool
    parent_run_id: UUID | None
    rerun_of: UUID | None
    rerun_from: str | None
    queued_at: datetime
    started_at: datetime | None
    taken_at: datetime | None
    finished_at: datetime | None
    active_seconds: float
    cancel_requested_at: datetime | None
    cancel_by: str | None
    cancel_reason: str | None
    output: Json
    output_ref: str | None
    error: JsonObject | None
    input_tokens: int
    output_tokens: int
    usd: Decimal
    requests: int
    tool_calls: int
    changed: int
    """The number of the last change of its state."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which runs of a project to list; None does not filter."""

    task_id: UUID | None = None
    status: RunStatus | None = None
    since: datetime | None = None
    """Queued at or after this moment."""
    until: datetime | None = None
    """Queued before this moment."""
    before: UUID | None = None
    """Older than this run: where the page before ended."""


_run = runs.c


async def find(connection: AsyncConnection, run_id: UUID) -> RunRow | None:
    """The run with this id."""
    taken_over = {"project", "task", "version"}
    own = [_run[name] for name in RunRow.__dataclass_fields__ if name not in taken_over]
    query = _named(select(*own, projects.c.name.label("project"), tasks.c.name.label("task"), _number))
    return await fetch_one(
        connection, RunRow, query.join(projects, projects.c.id == _run.project_id).where(_run.id == run_id)
    )


async def with_idempotency_key(connection: AsyncConnection, project_id: UUID, key: str) -> RunRow | None:
    """The run that was started with this key. Index: uq_runs_idempotency."""
    query = select(_run.id).where(_run.project_id == project_id, _run.idempotency_key == key)
    found = (await connection.execute(query)).scalar_one_or_none()
    return None if found is None else await find(connection, found)


async def state(connection: AsyncConnection, run_id: UUID) -> tuple[RunStatus, int] | None:
    """Just the state of a run, and the number of its last change."""
    found = (await connection.execute(select(_run.status, _run.changed).where(_run.id == run_id))).one_or_none()
    return None if found is None else (RunStatus(found.status), found.changed)


async def history(connection: AsyncConnection, project_id: UUID, wanted: Filter, limit: int) -> list[RunListed]:
    """Up to `limit` runs, newest first. Costs the same however many runs there are: see `history_query`."""
    return await fetch_all(connection, RunListed, history_query(project_id, wanted, limit))


def history_query(project_id: UUID, wanted: Filter, limit: int) -> Select[tuple[object, ...]]:
    """The query of `history`.

    Ids are in the order of creation, so every bound is one on the index that the filter picks: ix_runs_task_history,
    ix_runs_failed_history (every state but succeeded) or ix_runs_project_history.
    """
    query = listed_query().where(*_conditions(project_id, wanted))
    return query.order_by(_run.id.desc()).limit(limit)


def listed_query(*more: ColumnElement[int] | ColumnElement[UUID]) -> Select[tuple[object, ...]]:
    """Runs as lists show them: the columns of RunListed, and more."""
    taken_over = {"task", "task_title", "version"}
    own = [_run[name] for name in RunListed.__dataclass_fields__ if name not in taken_over]
    task = (tasks.c.name.label("task"), tasks.c.title.label("task_title"))
    return _named(select(*own, *more, *task, _number))


def listed(row: RowMapping) -> RunListed:
    """A row of `listed_query`."""
    return RunListed(**{name: row[name] for name in RunListed.__dataclass_fields__})


async def with_digits(connection: AsyncConnection, digits: str) -> list[UUID]:
    """Up to three runs whose id begins with these hex digits, or whose id ends with them and that are recent.

    The beginning is the time of creation, so what people copy from a list is the end; it is looked for among the
    newest 10,000 runs only, because no index knows it.
    """
    first, last = UUID(hex=digits.ljust(32, "0")), UUID(hex=digits.ljust(32, "f"))
    prefix = select(_run.id).where(_run.id.between(first, last)).limit(3)
    recent = select(_run.id).order_by(_run.id.desc()).limit(_RECENT).subquery()
    text = cast(recent.c.id, Text)
    if len(digits) > 12:
        return list((await connection.execute(prefix)).scalars())
    suffix = select(recent.c.id).where(text.like(f"%{digits}")).limit(3)
    found = {*(await connection.execute(prefix)).scalars(), *(await connection.execute(suffix)).scalars()}
    return sorted(found)


async def projects_of(connection: AsyncConnection, run_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Names of the projects of these runs."""
    query = select(_run.id, projects.c.name).join(projects, projects.c.id == _run.project_id)
    return {row[0]: row[1] for row in (await connection.execute(query.where(_run.id.in_(run_ids)))).all()}


_number = task_versions.c.number.label("version")


def _named(query: Select[tuple[object, ...]]) -> Select[tuple[object, ...]]:
    return (
        query.select_from(runs)
        .join(tasks, tasks.c.id == _run.task_id)
        .join(task_versions, task_versions.c.id == _run.version_id)
    )


def _conditions(project_id: UUID, wanted: Filter) -> Sequence[ColumnElement[bool]]:
    """All runs of a task are of one project, so a task alone is enough, and lets its own index serve."""
    found: list[ColumnElement[bool]] = []
    found.append(_run.project_id == project_id if wanted.task_id is None else _run.task_id == wanted.task_id)
    if wanted.status is not None:
        # Written out: a parameter would hide from the planner that a partial index covers it.
        found.append(_run.status == literal_column(f"'{wanted.status.value}'"))
    if wanted.since is not None:
        found.append(_run.id >= first_id_at(wanted.since))
    if wanted.until is not None:
        found.append(_run.id < first_id_at(wanted.until))
    if wanted.before is not None:
        found.append(_run.id < wanted.before)
    return found
