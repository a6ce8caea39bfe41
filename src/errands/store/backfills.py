"""Backfills and calendars as services read and change them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, cast, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.store.identifiers import new_id
from errands.store.rows import affected, fetch_all, fetch_one
from errands.store.tables import tasks
from errands.store.tables_triggers import backfills, calendars, occurrences, triggers
from errands.store.triggers import look_anew

OPEN = ("paused", "running")
"""States of a backfill that has not ended."""


@dataclass(frozen=True, slots=True)
class BackfillRow:
    """A backfill."""

    id: UUID
    trigger_id: UUID
    start_at: datetime
    end_at: datetime
    cursor_at: datetime
    overlap: str
    max_concurrent: int
    status: str
    total: int
    started: int
    passed_over: int
    starter: str | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class CalendarRow:
    """A named list of closed periods. Without a project it is the server's."""

    project_id: UUID | None
    name: str
    periods: Sequence[Mapping[str, str | None]]
    exempt_tags: Sequence[str]


async def add_backfill(
    connection: AsyncConnection,
    trigger: tuple[UUID, UUID],
    *,
    start: datetime,
    end: datetime,
    overlap: str,
    max_concurrent: int,
    total: int,
    starter: str,
) -> BackfillRow:
    """A backfill that begins at once. `trigger`: the ids of its project and of the trigger itself."""
    row = insert(backfills).values(
        id=new_id(),
        project_id=trigger[0],
        trigger_id=trigger[1],
        start_at=start,
        end_at=end,
        cursor_at=start,
        overlap=overlap,
        max_concurrent=max_concurrent,
        total=total,
        starter=starter,
    )
    found = await fetch_one(connection, BackfillRow, row.returning(*_backfill_columns))
    assert found is not None
    return found


async def backfill(connection: AsyncConnection, backfill_id: UUID, *, lock: bool = False) -> BackfillRow | None:
    """The backfill of this id."""
    query = select(*_backfill_columns).where(backfills.c.id == backfill_id)
    return await fetch_one(connection, BackfillRow, query.with_for_update(key_share=True) if lock else query)


@dataclass(frozen=True, slots=True)
class Listed:
    """A backfill with the names of its task and trigger."""

    backfill: BackfillRow
    task: str
    trigger: str


async def page(
    connection: AsyncConnection,
    project_id: UUID,
    trigger_id: UUID | None,
    before: UUID | None,
    limit: int,
) -> list[Listed]:
    """Up to `limit` backfills of a project, or of one of its triggers, that are older than `before`, latest first.

    Index: ix_backfills_project, ix_backfills_trigger.
    """
    latest = select(*_backfill_columns).where(backfills.c.project_id == project_id)
    if trigger_id is not None:
        latest = latest.where(backfills.c.trigger_id == trigger_id)
    if before is not None:
        latest = latest.where(backfills.c.id < before)
    chosen = latest.order_by(backfills.c.id.desc()).limit(limit).subquery()
    query = (
        select(*chosen.c, tasks.c.name.label("task"), triggers.c.name.label("trigger"))
        .join(triggers, triggers.c.id == chosen.c.trigger_id)
        .join(tasks, tasks.c.id == triggers.c.task_id)
        .order_by(chosen.c.id.desc())
    )
    rows = (await connection.execute(query)).mappings()
    names = BackfillRow.__dataclass_fields__
    return [Listed(BackfillRow(**{name: row[name] for name in names}), row["task"], row["trigger"]) for row in rows]


async def set_backfill_status(connection: AsyncConnection, backfill_id: UUID, status: str, now: datetime) -> None:
    """Pause, resume or cancel; what a cancelled one had made due and not started is skipped."""
    ended = now if status == "cancelled" else None
    await connection.execute(
        update(backfills).where(backfills.c.id == backfill_id).values(status=status, ended_at=ended)
    )
    if status == "cancelled":
        await connection.execute(
            update(occurrences)
            .where(occurrences.c.backfill_id == backfill_id, occurrences.c.due_at.is_not(None))
            .values(
                outcome="skipped", code="cancelled", reason="the backfill was cancelled", due_at=None, decided_at=now
            )
        )


async def calendars_of(connection: AsyncConnection, project_id: UUID | None) -> list[CalendarRow]:
    """A project's calendars and the server's, the server's first."""
    query = select(calendars.c.project_id, calendars.c.name, calendars.c.periods, calendars.c.exempt_tags)
    query = query.where(or_(calendars.c.project_id.is_(None), calendars.c.project_id == project_id))
    return await fetch_all(
        connection, CalendarRow, query.order_by(calendars.c.project_id.is_not(None), calendars.c.name)
    )


async def calendar(connection: AsyncConnection, project_id: UUID | None, name: str) -> CalendarRow | None:
    """The one of this name."""
    query = select(calendars.c.project_id, calendars.c.name, calendars.c.periods, calendars.c.exempt_tags)
    query = query.where(calendars.c.project_id.is_not_distinct_from(project_id), calendars.c.name == name)
    return await fetch_one(connection, CalendarRow, query)


async def lock_calendars(connection: AsyncConnection) -> None:
    """Keep others from changing calendars until the transaction ends; all can read them."""
    await connection.execute(text("lock table calendars in share row exclusive mode"))


async def put_calendar(
    connection: AsyncConnection,
    project_id: UUID | None,
    name: str,
    periods: Sequence[Mapping[str, str | None]],
    exempt_tags: Sequence[str],
    now: datetime,
) -> None:
    """Make the calendar, or replace it. Triggers that name it are looked at anew."""
    row = insert(calendars).values(
        id=new_id(), project_id=project_id, name=name, periods=list(periods), exempt_tags=list(exempt_tags)
    )
    await connection.execute(
        row.on_conflict_do_update(
            index_elements=["project_id", "name"],
            set_={"periods": row.excluded.periods, "exempt_tags": row.excluded.exempt_tags},
        )
    )
    await _look_at_schedules_anew(connection, project_id, now)


async def remove_calendar(connection: AsyncConnection, project_id: UUID | None, name: str, now: datetime) -> bool:
    """False: there was none."""
    removed = await affected(
        connection,
        delete(calendars).where(calendars.c.project_id.is_not_distinct_from(project_id), calendars.c.name == name),
    )
    await _look_at_schedules_anew(connection, project_id, now)
    return removed > 0


async def is_filling(connection: AsyncConnection, trigger_id: UUID) -> bool:
    """Whether a backfill of the trigger is under way or paused. Index: ix_backfills_open."""
    query = select(backfills.c.id).where(backfills.c.trigger_id == trigger_id, backfills.c.status.in_(OPEN))
    return (await connection.execute(query.limit(1))).first() is not None


async def ran_between(connection: AsyncConnection, trigger_id: UUID, start: datetime, end: datetime) -> set[datetime]:
    """Planned times of a range that have started a run, or are about to."""
    query = select(occurrences.c.planned_at).where(
        occurrences.c.trigger_id == trigger_id,
        occurrences.c.cause == "",
        occurrences.c.planned_at >= start,
        occurrences.c.planned_at < end,
        or_(occurrences.c.outcome.in_(("started", "queued")), occurrences.c.due_at.is_not(None)),
    )
    return set((await connection.execute(query)).scalars())


async def _look_at_schedules_anew(connection: AsyncConnection, project_id: UUID | None, now: datetime) -> None:
    query = update(triggers).where(
        triggers.c.kind == "schedule",
        triggers.c.closed_at.is_(None),
        func.strpos(cast(triggers.c.definition, Text), '"calendar"') > 0,
    )
    if project_id is not None:
        query = query.where(triggers.c.project_id == project_id)
    await connection.execute(query.values(next_at=look_anew(now), revision=triggers.c.revision + 1))


_backfill_columns = [backfills.c[name] for name in BackfillRow.__dataclass_fields__]
