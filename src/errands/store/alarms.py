"""Alarms: opened once for each episode, counted up while they are open, closed when it is over."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.definition.alarms import AlarmState
from errands.store.connections import Connection, Pool, Row
from errands.store.identifiers import new_id
from errands.store.rows import affected, fetch_all, fetch_one
from errands.store.sql import statement
from errands.store.tables import projects, tasks
from errands.store.tables_alarms import alarms

_TAKEN_OVER = ("project", "task")


@dataclass(frozen=True, slots=True)
class NewAlarm:
    """Something is wrong with a task."""

    project_id: UUID
    task_id: UUID
    task: str
    kind: str
    subject: str
    """What of the task it is about: a run, a trigger, an approval. Empty: the task as a whole."""
    message: str
    run_id: UUID | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class ClosedAlarm:
    """An alarm whose cause is over."""

    id: UUID
    project_id: UUID
    task_id: UUID
    task: str
    kind: str
    subject: str
    message: str
    count: int
    run_id: UUID | None
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An alarm as it is listed."""

    id: UUID
    project: str
    task: str
    kind: str
    subject: str
    message: str
    count: int
    run_id: UUID | None
    opened_at: datetime
    last_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    note: str | None


async def raise_(connection: Connection, found: Sequence[NewAlarm], now: datetime) -> dict[tuple[UUID, str, str], UUID]:
    """Open alarms, or count them up. Gives those that were opened, by task, kind and subject.

    Each (task, kind, subject) stands in `found` once at most.
    """
    if not found:
        return {}
    columns = zip(
        *(
            (new_id(), one.project_id, one.task_id, one.kind, one.subject, one.message, one.run_id, one.count)
            for one in found
        ),
        strict=True,
    )
    rows = await connection.fetch(statement("raise_alarms"), *(list(column) for column in columns), now)
    return {(row["task_id"], row["kind"], row["subject"]): row["id"] for row in rows if row["opened"]}


async def open_of(connection: Connection, kind: str) -> dict[tuple[UUID, str], UUID]:
    """What is open of a kind, by task and subject."""
    rows = await connection.fetch("select id, task_id, subject from alarms where closed_at is null and kind = $1", kind)
    return {(row["task_id"], row["subject"]): row["id"] for row in rows}


async def close(
    connection: Connection, task_ids: Sequence[UUID], kinds: Collection[str], now: datetime, by: str
) -> list[ClosedAlarm]:
    """Close what is open of these kinds on these tasks. `by`: what ended it, in a few words."""
    return _closed(
        await connection.fetch(
            f"{_CLOSE} and alarms.task_id = any($3) and alarms.kind = any($4) {_GIVES}",
            now,
            by,
            list(task_ids),
            list(kinds),
        )
    )


async def close_those(connection: Connection, alarm_ids: Sequence[UUID], now: datetime, by: str) -> list[ClosedAlarm]:
    """Close these alarms, as far as they are open."""
    return _closed(await connection.fetch(f"{_CLOSE} and alarms.id = any($3) {_GIVES}", now, by, list(alarm_ids)))


_CLOSE = (
    "update alarms set closed_at = $1, closed_by = $2 from tasks where tasks.id = alarms.task_id "
    "and alarms.closed_at is null"
)
_GIVES = (
    "returning alarms.id, alarms.project_id, alarms.task_id, tasks.name as task, alarms.kind, alarms.subject, "
    "alarms.message, alarms.count, alarms.run_id, alarms.opened_at"
)


def _closed(rows: Sequence[Row]) -> list[ClosedAlarm]:
    found = [ClosedAlarm(**{name: row[name] for name in ClosedAlarm.__dataclass_fields__}) for row in rows]
    return sorted(found, key=lambda one: one.id)


async def of_project(
    connection: AsyncConnection,
    project_id: UUID,
    *,
    state: AlarmState | None,
    kind: str | None,
    task_id: UUID | None,
    before: UUID | None,
    limit: int,
) -> list[AlarmRow]:
    """A project's alarms, newest first, before one. Index: ix_alarms_open, ix_alarms_project, ix_alarms_task."""
    query = _alarms().where(alarms.c.project_id == project_id)
    match state:
        case "open":
            query = query.where(alarms.c.closed_at.is_(None))
        case "acknowledged":
            query = query.where(alarms.c.closed_at.is_(None), alarms.c.acknowledged_at.is_not(None))
        case "closed":
            query = query.where(alarms.c.closed_at.is_not(None))
        case None:
            pass
    query = query if kind is None else query.where(alarms.c.kind == kind)
    query = query if task_id is None else query.where(alarms.c.task_id == task_id)
    query = query if before is None else query.where(alarms.c.id < before)
    return await fetch_all(connection, AlarmRow, query.order_by(alarms.c.id.desc()).limit(limit))


async def find(connection: AsyncConnection, alarm_id: UUID) -> AlarmRow | None:
    """One alarm."""
    return await fetch_one(connection, AlarmRow, _alarms().where(alarms.c.id == alarm_id))


async def acknowledge(connection: AsyncConnection, alarm_id: UUID, by: str, note: str | None, now: datetime) -> bool:
    """Note that somebody has seen an open alarm. False where it is closed."""
    which = (alarms.c.id == alarm_id, alarms.c.closed_at.is_(None))
    changed = {"acknowledged_at": now, "acknowledged_by": by, "note": note}
    return await affected(connection, update(alarms).where(*which).values(**changed)) > 0


async def prune(connection: Connection | Pool, before: datetime, most: int = 5000) -> None:
    """Remove alarms that were closed before a moment."""
    await connection.execute(
        "delete from alarms where id in (select id from alarms where closed_at < $1 order by closed_at limit $2)",
        before,
        most,
    )


def _alarms() -> Select[tuple[object, ...]]:
    own = [alarms.c[name] for name in AlarmRow.__dataclass_fields__ if name not in _TAKEN_OVER]
    return (
        select(*own, projects.c.name.label("project"), tasks.c.name.label("task"))
        .join(projects, projects.c.id == alarms.c.project_id)
        .join(tasks, tasks.c.id == alarms.c.task_id)
    )
