"""What is watched of tasks for alarms: the rules, how a task stands by them, and the signals that its runs leave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import case, delete, func, null, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.values import JsonObject, from_text
from errands.store.connections import Connection, Row
from errands.store.sql import statement
from errands.store.tables import task_versions, tasks
from errands.store.tables_alarms import alarm_defaults, task_watches


@dataclass(frozen=True, slots=True)
class Watched:
    """What is to be watched of a task."""

    task_id: UUID
    own: JsonObject
    rules: JsonObject
    late_seconds: float | None
    silent_seconds: float | None
    long_seconds: float | None
    long_factor: float | None


@dataclass(frozen=True, slots=True)
class Signal:
    """A run of a watched task has ended, or its budget is used up."""

    task_id: UUID
    run_id: UUID
    what: str
    detail: str | None
    error: JsonObject | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """How a watched task stands."""

    task_id: UUID
    task: str
    project_id: UUID
    project: str
    rules: JsonObject
    failures: int
    failures_to_pause: int
    silent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Tardy:
    """Something of a watched task that takes too long: a trigger that did not start, a run that does not end."""

    task_id: UUID
    task: str
    project_id: UUID
    rules: JsonObject
    subject: str
    why: str
    since: datetime
    run_id: UUID | None


async def defaults(connection: AsyncConnection, project_id: UUID) -> JsonObject:
    """The rules of a project's tasks that say nothing themselves."""
    query = select(alarm_defaults.c.rules).where(alarm_defaults.c.project_id == project_id)
    found: JsonObject | None = (await connection.execute(query)).scalar_one_or_none()
    return found or {}


async def put_defaults(connection: AsyncConnection, project_id: UUID, rules: JsonObject, now: datetime) -> None:
    """Keep a project's rules."""
    changed = {"rules": rules, "updated_at": now}
    row = insert(alarm_defaults).values(project_id=project_id, **changed)
    await connection.execute(row.on_conflict_do_update(index_elements=["project_id"], set_=changed))


async def published(connection: AsyncConnection, project_id: UUID) -> Mapping[UUID, JsonObject | None]:
    """What the published version of each task of a project says of alarms. The tasks are locked."""
    query = (
        select(tasks.c.id, task_versions.c.definition["alarms"])
        .join(task_versions, task_versions.c.id == tasks.c.published_version_id)
        .where(tasks.c.project_id == project_id)
        .order_by(tasks.c.id)
        .with_for_update(of=tasks, key_share=True)
    )
    return {row[0]: row[1] for row in (await connection.execute(query)).all()}


async def put(connection: AsyncConnection, project_id: UUID, one: Watched, now: datetime) -> None:
    """Watch a task from now on. A silence that is counted goes on, by the new bound."""
    table = task_watches.c
    changed = {
        "own": one.own,
        "rules": one.rules,
        "late_seconds": one.late_seconds,
        "silent_seconds": one.silent_seconds,
        "long_seconds": one.long_seconds,
        "long_factor": one.long_factor,
    }
    silent = None if one.silent_seconds is None else now + func.make_interval(0, 0, 0, 0, 0, 0, one.silent_seconds)
    kept = table.silent_at - func.make_interval(0, 0, 0, 0, 0, 0, table.silent_seconds)
    moved = kept + func.make_interval(0, 0, 0, 0, 0, 0, one.silent_seconds)
    row = insert(task_watches).values(task_id=one.task_id, project_id=project_id, silent_at=silent, **changed)
    after = (
        null()
        if one.silent_seconds is None
        else case((table.silent_seconds.is_(None), silent), (table.silent_at.is_(None), null()), else_=moved)
    )
    await connection.execute(
        row.on_conflict_do_update(index_elements=["task_id"], set_={**changed, "silent_at": after})
    )
    await connection.execute(update(tasks).where(tasks.c.id == one.task_id, ~tasks.c.watched).values(watched=True))


async def drop(connection: AsyncConnection, task_id: UUID) -> None:
    """Watch a task no more."""
    await connection.execute(delete(task_watches).where(task_watches.c.task_id == task_id))
    await connection.execute(update(tasks).where(tasks.c.id == task_id, tasks.c.watched).values(watched=False))


async def one_at_a_time(connection: Connection, look: Literal["signals", "times"]) -> bool:
    """Let only one server do this look, until its transaction ends. False: another one is at it."""
    key = {"signals": 7_405, "times": 7_406}[look]
    taken: bool = await connection.fetchval("select pg_try_advisory_xact_lock($1)", key)
    return taken


async def take_signals(connection: Connection, most: int) -> list[Signal]:
    """Signals in the order in which things happened; taken for good, if the transaction commits."""
    rows = await connection.fetch(statement("take_signals"), most)
    return [
        Signal(
            row["task_id"],
            row["run_id"],
            row["what"],
            row["detail"],
            None if row["error"] is None else _object(row["error"]),
            row["at"],
        )
        for row in rows
    ]


async def signal_budget(connection: Connection, task_id: UUID, run_id: UUID, said: str, now: datetime) -> None:
    """Note that a run has used up its budget and waits, in the transaction that lets it wait. Watched tasks only."""
    await connection.execute(
        "insert into alarm_signals (task_id, run_id, what, detail, at) "
        "select id, $2, 'budget', $3, $4 from tasks where id = $1 and watched",
        task_id,
        run_id,
        said,
        now,
    )


async def standings(connection: Connection, task_ids: Sequence[UUID]) -> list[Standing]:
    """How these tasks stand; those that are still watched. Locked, so that the two looks do not mix."""
    query = f"{_STANDING} where tasks.id = any($1) order by tasks.id {_LOCKED}"
    return _standings(await connection.fetch(query, list(task_ids)))


async def silent(connection: Connection, now: datetime, most: int) -> list[Standing]:
    """Tasks that have been silent for too long. One that is paused or archived starts anew. Index:
    ix_task_watches_silent.
    """
    await connection.execute(
        "update task_watches set silent_at = $1 + silent_seconds * interval '1 second' from tasks "
        "where silent_at <= $1 and tasks.id = task_watches.task_id "
        "and (tasks.paused_at is not null or tasks.archived_at is not null)",
        now,
    )
    query = f"{_STANDING} where silent_at <= $1 order by tasks.id limit $2 {_LOCKED}"
    return _standings(await connection.fetch(query, now, most))


async def silence_told(connection: Connection, task_ids: Sequence[UUID]) -> None:
    """Do not tell of it again until a run has succeeded."""
    await connection.execute("update task_watches set silent_at = null where task_id = any($1)", list(task_ids))


async def settle(connection: Connection, changed: Sequence[tuple[UUID, int, int, datetime | None]]) -> None:
    """Keep how tasks stand now: failures in a row, those that count for a pause, when they will be silent."""
    if changed:
        await connection.execute(
            "update task_watches set failures = new.failures, failures_to_pause = new.to_pause, "
            "silent_at = case when silent_seconds is not null then new.silent_at end "
            "from unnest($1::uuid[], $2::int[], $3::int[], $4::timestamptz[]) "
            "as new (task_id, failures, to_pause, silent_at) where task_watches.task_id = new.task_id",
            *(list(column) for column in zip(*changed, strict=True)),
        )


async def measure(connection: Connection, task_ids: Sequence[UUID]) -> None:
    """Take anew how long runs of these tasks usually take. Index: ix_runs_task_history."""
    await connection.execute(statement("measure_watched"), list(task_ids))


async def late(connection: Connection, now: datetime) -> list[Tardy]:
    """Triggers whose planned time has passed for too long without a start, each once."""
    return _tardy(await connection.fetch(statement("late_triggers"), now))


async def long(connection: Connection, now: datetime) -> list[Tardy]:
    """Runs that have run for too long."""
    return _tardy(await connection.fetch(statement("long_runs"), now))


async def over(connection: Connection) -> list[tuple[UUID, str]]:
    """Open alarms whose cause is over, with what ended it; those about failures and late triggers apart."""
    return [(row["id"], row["why"]) for row in await connection.fetch(statement("alarms_over"))]


async def switch_off(connection: Connection, task_id: UUID, note: str) -> list[str]:
    """Switch off the triggers of a task that are on. Gives their names."""
    rows = await connection.fetch(
        "update triggers set enabled = false, note = $2, revision = revision + 1 "
        "where task_id = $1 and enabled and closed_at is null returning name",
        task_id,
        note,
    )
    return sorted(row["name"] for row in rows)


_STANDING = (
    "select task_watches.task_id, tasks.name as task, task_watches.project_id, projects.name as project, "
    "task_watches.rules, failures, failures_to_pause, silent_at from task_watches "
    "join tasks on tasks.id = task_watches.task_id join projects on projects.id = task_watches.project_id"
)


_LOCKED = "for no key update of task_watches"


def _standings(rows: Sequence[Row]) -> list[Standing]:
    plain = [name for name in Standing.__dataclass_fields__ if name != "rules"]
    return [Standing(**{name: row[name] for name in plain}, rules=_object(row["rules"])) for row in rows]


def _tardy(rows: Sequence[Row]) -> list[Tardy]:
    plain = [name for name in Tardy.__dataclass_fields__ if name != "rules"]
    return [Tardy(**{name: row[name] for name in plain}, rules=_object(row["rules"])) for row in rows]


def _object(text: str) -> JsonObject:
    value = from_text(text)
    return value if isinstance(value, Mapping) else {}
