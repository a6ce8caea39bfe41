"""Triggers and their ledger as services read and change them. The engine has SQL of its own."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    and_,
    case,
    func,
    literal,
    literal_column,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.values import JsonObject
from errands.store.identifiers import new_id
from errands.store.rows import fetch_all, fetch_one
from errands.store.tables import projects, runs, tasks
from errands.store.tables_people import users
from errands.store.tables_triggers import occurrences, triggers

CHANNEL = "errands_triggers"
_LISTENING = ("webhook", "email")
"""Kinds that have an address."""


@dataclass(frozen=True, slots=True)
class TriggerRow:
    """A trigger with its task."""

    id: UUID
    project_id: UUID
    project: str
    task_id: UUID
    task: str
    task_title: str | None
    tags: Sequence[str]
    name: str
    kind: str
    definition: JsonObject
    enabled: bool
    note: str | None
    owner: str | None
    default_timezone: str
    owner_timezone: str | None
    planned_up_to: datetime
    next_at: datetime | None
    fired: int
    last_planned_at: datetime | None
    last_outcome: str | None
    last_run_id: UUID | None
    closed_at: datetime | None
    paused_at: datetime | None
    pause_note: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class OccurrenceRow:
    """A row of the ledger, with the state of its run."""

    trigger_id: UUID
    trigger: str
    task: str
    planned_at: datetime
    cause: str
    decided_at: datetime
    outcome: str
    code: str | None
    reason: str | None
    run_id: UUID | None
    run_status: str | None
    source: str
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A trigger as a published version declares it."""

    name: str
    kind: str
    definition: JsonObject
    enabled: bool
    note: str | None
    event_task: str | None
    event_outcomes: Sequence[str] | None
    event_name: str | None
    event_key: str | None


async def of_task(connection: AsyncConnection, task_id: UUID, *, lock: bool = False) -> list[TriggerRow]:
    """Every trigger that a task has or had, by name."""
    query = _triggers().where(triggers.c.task_id == task_id).order_by(triggers.c.name)
    return await fetch_all(
        connection, TriggerRow, query.with_for_update(of=triggers, key_share=True) if lock else query
    )


async def find(connection: AsyncConnection, task_id: UUID, name: str, *, lock: bool = False) -> TriggerRow | None:
    """A task's trigger of this name."""
    query = _triggers().where(triggers.c.task_id == task_id, triggers.c.name == name)
    return await fetch_one(
        connection, TriggerRow, query.with_for_update(of=triggers, key_share=True) if lock else query
    )


async def by_id(connection: AsyncConnection, trigger_id: UUID) -> TriggerRow | None:
    """The trigger of this id."""
    return await fetch_one(connection, TriggerRow, _triggers().where(triggers.c.id == trigger_id))


async def every(
    connection: AsyncConnection, *, project_id: UUID | None = None, kind: str | None = None
) -> list[TriggerRow]:
    """The open triggers of a project, or of all, by task and name."""
    query = _triggers().where(triggers.c.closed_at.is_(None), tasks.c.archived_at.is_(None))
    if project_id is not None:
        query = query.where(triggers.c.project_id == project_id)
    if kind is not None:
        query = query.where(triggers.c.kind == kind)
    return await fetch_all(connection, TriggerRow, query.order_by(projects.c.name, tasks.c.name, triggers.c.name))


Place = tuple[str, str] | tuple[datetime | None, UUID]
"""Where a page ended: task and name of a trigger, or its next planned time and its id."""


async def page(
    connection: AsyncConnection,
    project_id: UUID,
    task_ids: Sequence[UUID] | None,
    order: Literal["task", "next"],
    after: Place | None,
    limit: int,
) -> list[tuple[TriggerRow, datetime | None]]:
    """Up to `limit` open triggers of a project, or of some of its tasks, each with its next planned time.

    Ids are chosen first, so that no more definitions are read than are given. Index: ix_triggers_project,
    uq_triggers_task_id.
    """
    starts = and_(triggers.c.enabled, tasks.c.paused_at.is_(None))
    due = case((starts, func.coalesce(triggers.c.planned_at, triggers.c.next_at)), else_=None)
    chosen = select(triggers.c.id, due.label("due")).join(tasks, tasks.c.id == triggers.c.task_id)
    chosen = chosen.where(
        triggers.c.project_id == project_id, triggers.c.closed_at.is_(None), tasks.c.archived_at.is_(None)
    )
    if task_ids is not None:
        chosen = chosen.where(triggers.c.task_id.in_(task_ids))
    by = (tasks.c.name, triggers.c.name) if order == "task" else (func.coalesce(due, _NEVER), triggers.c.id)
    if after is not None:
        chosen = chosen.where(tuple_(*by) > tuple_(*(_NEVER if one is None else literal(one) for one in after)))
    ids = chosen.order_by(*by).limit(limit).subquery()
    query = _triggers().join(ids, ids.c.id == triggers.c.id).add_columns(ids.c.due).order_by(*by)
    rows = (await connection.execute(query)).mappings()
    return [(TriggerRow(**{name: row[name] for name in TriggerRow.__dataclass_fields__}), row["due"]) for row in rows]


async def open_new(
    connection: AsyncConnection,
    task: tuple[UUID, UUID],
    wanted: Wanted,
    *,
    owner: str | None,
    zones: tuple[str, str | None],
    now: datetime,
) -> None:
    """A trigger that the task did not have. `task` is project and task id, `zones` the default and the owner's."""
    await connection.execute(
        insert(triggers).values(
            id=new_id(),
            project_id=task[0],
            task_id=task[1],
            name=wanted.name,
            enabled=wanted.enabled,
            note=wanted.note,
            owner=owner,
            default_timezone=zones[0],
            owner_timezone=zones[1],
            planned_up_to=now,
            next_at=_first_look(wanted.kind, now),
            address=new_address() if wanted.kind in _LISTENING else None,
            **_declared(wanted),
        )
    )


async def change(
    connection: AsyncConnection,
    trigger_id: UUID,
    wanted: Wanted,
    *,
    owner: str | None,
    zones: tuple[str, str | None],
    now: datetime,
    afresh: bool,
) -> None:
    """What a new version says of a trigger. `afresh`: its planned times are others from now on."""
    values: dict[str, object] = {
        **_declared(wanted),
        "enabled": wanted.enabled,
        "note": wanted.note,
        "owner": owner,
        "default_timezone": zones[0],
        "owner_timezone": zones[1],
        "closed_at": None,
        "revision": triggers.c.revision + 1,
        # An address that is known to others stays, also while the trigger is of another kind.
        "address": func.coalesce(triggers.c.address, new_address() if wanted.kind in _LISTENING else None),
    }
    if afresh:
        values |= {
            "planned_up_to": func.greatest(triggers.c.planned_up_to, now),
            "planned_at": None,
            "next_at": _first_look(wanted.kind, now),
        }
    await connection.execute(update(triggers).where(triggers.c.id == trigger_id).values(**values))


async def close(connection: AsyncConnection, trigger_id: UUID, now: datetime) -> None:
    """It starts nothing any more; its ledger stays."""
    await connection.execute(
        update(triggers)
        .where(triggers.c.id == trigger_id)
        .values(closed_at=now, next_at=None, planned_at=None, revision=triggers.c.revision + 1)
    )


async def rest(connection: AsyncConnection, task_id: UUID) -> None:
    """No trigger of the task is looked at any more."""
    await connection.execute(
        update(triggers)
        .where(triggers.c.task_id == task_id)
        .values(next_at=None, planned_at=None, revision=triggers.c.revision + 1)
    )


async def wake(connection: AsyncConnection, task_id: UUID, now: datetime) -> None:
    """The task's schedules are planned from now on; nothing of what lies before is made up for."""
    await connection.execute(
        update(triggers)
        .where(triggers.c.task_id == task_id, triggers.c.closed_at.is_(None))
        .values(
            planned_up_to=func.greatest(triggers.c.planned_up_to, now),
            next_at=look_anew(now),
            revision=triggers.c.revision + 1,
        )
    )


async def switch(connection: AsyncConnection, trigger_id: UUID, *, enabled: bool, note: str | None) -> None:
    """Turn it on or off."""
    await connection.execute(
        update(triggers)
        .where(triggers.c.id == trigger_id)
        .values(enabled=enabled, note=note, revision=triggers.c.revision + 1)
    )


async def set_note(connection: AsyncConnection, trigger_id: UUID, note: str | None) -> None:
    """Change what readers are told."""
    await connection.execute(
        update(triggers).where(triggers.c.id == trigger_id).values(note=note, revision=triggers.c.revision + 1)
    )


async def set_address(connection: AsyncConnection, trigger_id: UUID, address: str) -> None:
    """From now on only the new address leads to it."""
    await connection.execute(update(triggers).where(triggers.c.id == trigger_id).values(address=address))


def new_address() -> str:
    """128 random bits in a form that also stands in a mail address, whose case nobody keeps."""
    return secrets.token_hex(16)


async def rezone(connection: AsyncConnection, owner: str, zone: str | None, now: datetime) -> None:
    """The person who owns triggers has moved to another zone: theirs are planned anew."""
    await connection.execute(
        update(triggers)
        .where(
            triggers.c.owner == owner, triggers.c.closed_at.is_(None), triggers.c.owner_timezone.is_distinct_from(zone)
        )
        .values(owner_timezone=zone, revision=triggers.c.revision + 1, next_at=look_anew(now))
    )


async def nudge(connection: AsyncConnection) -> None:
    """Tell the schedulers to look, once the transaction is committed."""
    await connection.execute(text("select pg_notify(:channel, '')"), {"channel": CHANNEL})


async def zones_of(connection: AsyncConnection, owner: str | None) -> str | None:
    """The zone of a person, `user:ana`."""
    if owner is None or not owner.startswith("user:"):
        return None
    zone = await connection.scalar(select(users.c.timezone).where(users.c.name == owner.removeprefix("user:")))
    return None if zone is None else str(zone)


async def ledger(
    connection: AsyncConnection,
    *,
    trigger_id: UUID | None = None,
    task_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    outcome: str | None = None,
    limit: int = 100,
) -> list[OccurrenceRow]:
    """What became of planned times and causes, latest first; `since` is included, `until` is not."""
    query = _occurrences()
    if trigger_id is not None:
        query = query.where(occurrences.c.trigger_id == trigger_id)
    if task_id is not None:
        query = query.where(triggers.c.task_id == task_id)
    if since is not None:
        query = query.where(occurrences.c.planned_at >= since)
    if until is not None:
        query = query.where(occurrences.c.planned_at < until)
    if outcome is not None:
        query = query.where(occurrences.c.outcome == outcome)
    return await fetch_all(connection, OccurrenceRow, query.order_by(occurrences.c.planned_at.desc()).limit(limit))


async def held_back(connection: AsyncConnection, trigger_ids: Sequence[UUID], code: str) -> list[OccurrenceRow]:
    """Planned times that started nothing because of a pause or a switch, earliest first."""
    query = _occurrences().where(
        occurrences.c.trigger_id.in_(trigger_ids),
        occurrences.c.outcome == "skipped",
        occurrences.c.code == code,
        occurrences.c.cause == "",
    )
    return await fetch_all(connection, OccurrenceRow, query.order_by(occurrences.c.planned_at))


async def make_up(connection: AsyncConnection, chosen: Sequence[OccurrenceRow], reason: str, now: datetime) -> None:
    """Let planned times that started nothing start now."""
    for one in chosen:
        await connection.execute(
            update(occurrences)
            .where(_is(one), occurrences.c.outcome == "skipped")
            .values(outcome="deferred", code=None, reason=reason, source="missed", due_at=now, decided_at=now)
        )


async def write_off(connection: AsyncConnection, left: Sequence[OccurrenceRow], reason: str, now: datetime) -> None:
    """Planned times that started nothing and will not: nobody asks about them again."""
    if not left:
        return
    keys = tuple_(occurrences.c.trigger_id, occurrences.c.planned_at)
    for start in range(0, len(left), 1000):
        some = [(one.trigger_id, one.planned_at) for one in left[start : start + 1000]]
        await connection.execute(
            update(occurrences)
            .where(keys.in_(some), occurrences.c.cause == "", occurrences.c.outcome == "skipped")
            .values(outcome="missed", code="missed", reason=reason, decided_at=now)
        )


async def usual_durations(connection: AsyncConnection, task_ids: Sequence[UUID]) -> dict[UUID, tuple[float, float]]:
    """Seconds and US dollars that a run of each task has taken on average: its last fifty that succeeded."""
    found: dict[UUID, tuple[float, float]] = {}
    for task_id in task_ids:
        recent = (
            select(runs.c.active_seconds, runs.c.usd)
            .where(runs.c.task_id == task_id, runs.c.status == "succeeded")
            .order_by(runs.c.id.desc())
            .limit(50)
            .subquery()
        )
        row = (await connection.execute(select(func.avg(recent.c.active_seconds), func.avg(recent.c.usd)))).one()
        if row[0] is not None:
            found[task_id] = (float(row[0]), float(row[1]))
    return found


def _first_look(kind: str, now: datetime) -> datetime | None:
    """The scheduler works out the first planned time itself."""
    return now if kind == "schedule" else None


def _declared(wanted: Wanted) -> dict[str, object]:
    return {
        "kind": wanted.kind,
        "definition": wanted.definition,
        "event_task": wanted.event_task,
        "event_outcomes": None if wanted.event_outcomes is None else list(wanted.event_outcomes),
        "event_name": wanted.event_name,
        "event_key": wanted.event_key,
    }


def look_anew(now: datetime) -> ColumnElement[datetime | None]:
    """Schedules are looked at now; what starts on an event has no next moment."""
    return case((triggers.c.kind == "schedule", now), else_=None)


def _is(one: OccurrenceRow) -> ColumnElement[bool]:
    return and_(
        occurrences.c.trigger_id == one.trigger_id,
        occurrences.c.planned_at == one.planned_at,
        occurrences.c.cause == one.cause,
    )


def _triggers() -> Select[tuple[object, ...]]:
    own = [triggers.c[name] for name in TriggerRow.__dataclass_fields__ if name in triggers.c]
    task = (tasks.c.name.label("task"), tasks.c.title.label("task_title"), *(tasks.c[n] for n in _OF_TASK))
    return (
        select(*own, projects.c.name.label("project"), *task)
        .join(tasks, tasks.c.id == triggers.c.task_id)
        .join(projects, projects.c.id == triggers.c.project_id)
    )


def _occurrences() -> Select[tuple[object, ...]]:
    own = [occurrences.c[name] for name in OccurrenceRow.__dataclass_fields__ if name in occurrences.c]
    return (
        select(
            *own,
            triggers.c.name.label("trigger"),
            tasks.c.name.label("task"),
            runs.c.status.label("run_status"),
        )
        .join(triggers, triggers.c.id == occurrences.c.trigger_id)
        .join(tasks, tasks.c.id == triggers.c.task_id)
        .outerjoin(runs, runs.c.id == occurrences.c.run_id)
    )


_NEVER = literal_column("timestamptz 'infinity'", DateTime(timezone=True))
_OF_TASK = ("tags", "paused_at", "pause_note")
