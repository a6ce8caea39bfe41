"""Tasks and their immutable versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ScalarSelect, Select, Text, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.values import JsonObject
from errands.store.connections import Pool
from errands.store.identifiers import new_id
from errands.store.rows import fetch_all, fetch_one
from errands.store.sql import statement
from errands.store.tables import projects, task_versions, tasks
from errands.store.tables_people import task_access


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task with the numbers of its newest and its published version."""

    id: UUID
    project_id: UUID
    name: str
    title: str | None
    description: str
    tags: Sequence[str]
    published_version_id: UUID | None
    published: int | None
    latest: int
    paused_at: datetime | None
    pause_note: str | None
    archived_at: datetime | None
    remove_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TaskToStart:
    """A task, and who alone may run it and answer for it; empty narrows nothing."""

    task: TaskRow
    runners: Sequence[str]
    answerers: Sequence[str]


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version without its source and definition."""

    id: UUID
    task_id: UUID
    number: int
    digest: str
    author: str
    message: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class VersionBody:
    """A version's source text and parsed form."""

    id: UUID
    task_id: UUID
    number: int
    digest: str
    source: str
    definition: JsonObject
    agents: Mapping[str, JsonObject] | None
    """The agents that it uses, as they were when it was made. None: it is older than that habit."""


@dataclass(frozen=True, slots=True)
class NamedBody:
    """The version of a task that counts: the published one, or else the newest."""

    name: str
    number: int
    source: str
    definition: JsonObject


_version = task_versions.c
_body = (
    *(_version.id, _version.task_id, _version.number, _version.digest),
    *(_version.source, _version.definition, _version.agents),
)


async def find(connection: AsyncConnection, project_id: UUID, name: str, *, lock: bool = False) -> TaskRow | None:
    """The task of this name. `lock` keeps others from changing it until the transaction ends."""
    query = _tasks(project_id).where(tasks.c.name == name)
    return await fetch_one(connection, TaskRow, query.with_for_update(of=tasks, key_share=True) if lock else query)


async def find_in(connection: AsyncConnection, project: str, name: str, *, lock: bool = False) -> TaskRow | None:
    """The task of this name in the project of that name: one question where `find` would be the second."""
    owner = select(projects.c.id).where(projects.c.name == project).scalar_subquery()
    query = _tasks(owner).where(tasks.c.name == name)
    return await fetch_one(connection, TaskRow, query.with_for_update(of=tasks, key_share=True) if lock else query)


async def find_to_start(pool: Pool, project: str, name: str) -> TaskToStart | None:
    """The task of this name in the project of that name, with what it narrows: all that its start asks, at once."""
    row = await pool.fetchrow(statement("task_to_start"), project, name)
    if row is None:
        return None
    task = TaskRow(**{column: row[column] for column in TaskRow.__dataclass_fields__})
    return TaskToStart(task, row["runners"], row["answerers"])


async def every(
    connection: AsyncConnection,
    project_id: UUID,
    *,
    archived: bool = False,
    words: Sequence[str] = (),
    after: str | None = None,
    limit: int | None = None,
) -> list[TaskRow]:
    """All tasks of a project by name; archived ones are left out, or with `archived` told as well.

    `words`: only those in whose name, title, description or tags each of them stands, in whatever case.
    `after`: only those whose names come later. Index: uq_tasks_project_id_name.
    """
    query = _tasks(project_id).order_by(tasks.c.name).limit(limit)
    if after is not None:
        query = query.where(tasks.c.name > after)
    if not archived:
        query = query.where(tasks.c.archived_at.is_(None))
    told = func.lower(func.concat_ws(" ", tasks.c.name, tasks.c.title, tasks.c.description, cast(tasks.c.tags, Text)))
    query = query.where(*(func.strpos(told, word.lower()) > 0 for word in words))
    return await fetch_all(connection, TaskRow, query)


async def make(
    connection: AsyncConnection, project_id: UUID, name: str, title: str | None, description: str, tags: Sequence[str]
) -> UUID:
    """A new task without versions; where another was quicker, that one's id."""
    row = insert(tasks).values(
        id=new_id(), project_id=project_id, name=name, title=title, description=description, tags=list(tags)
    )
    row = row.on_conflict_do_update(
        index_elements=["project_id", "name"], set_={"description": row.excluded.description}
    )
    return UUID(str((await connection.execute(row.returning(tasks.c.id))).scalar_one()))


async def publish(
    connection: AsyncConnection,
    version: VersionRow,
    title: str | None,
    description: str,
    tags: Sequence[str],
    keep_runs: timedelta | None,
) -> None:
    """Let new runs take this version, and lists show what it says of itself."""
    await connection.execute(
        update(tasks)
        .where(tasks.c.id == version.task_id)
        .values(
            published_version_id=version.id,
            title=title,
            description=description,
            tags=list(tags),
            keep_runs=keep_runs,
        )
    )


async def pause(connection: AsyncConnection, task_id: UUID, note: str | None) -> None:
    """Runs are refused from now on. A task that is paused already keeps its moment and gets the note."""
    await connection.execute(
        update(tasks)
        .where(tasks.c.id == task_id)
        .values(paused_at=func.coalesce(tasks.c.paused_at, func.now()), pause_note=note)
    )


async def resume(connection: AsyncConnection, task_id: UUID) -> None:
    """Runs are admitted again."""
    await connection.execute(update(tasks).where(tasks.c.id == task_id).values(paused_at=None, pause_note=None))


async def ids_of(connection: AsyncConnection, project_id: UUID, names: Sequence[str]) -> dict[str, UUID]:
    """The tasks of these names in a project, archived ones too, as far as they are there."""
    query = select(tasks.c.name, tasks.c.id).where(tasks.c.project_id == project_id, tasks.c.name.in_(names))
    return {row.name: row.id for row in await connection.execute(query)}


async def archive(connection: AsyncConnection, task_id: UUID, now: datetime, *, remove_at: datetime | None) -> None:
    """The task starts nothing and is left out of lists; with `remove_at` the keeper removes it then."""
    await connection.execute(
        update(tasks)
        .where(tasks.c.id == task_id)
        .values(archived_at=func.coalesce(tasks.c.archived_at, now), remove_at=remove_at)
    )


async def restore(connection: AsyncConnection, task_id: UUID) -> None:
    """The task is as it was before it was archived or deleted."""
    await connection.execute(update(tasks).where(tasks.c.id == task_id).values(archived_at=None, remove_at=None))


async def add_version(
    connection: AsyncConnection,
    task_id: UUID,
    *,
    digest: str,
    source: str,
    definition: JsonObject,
    agents: Mapping[str, JsonObject],
    author: str,
    message: str | None,
) -> VersionRow:
    """The task's next version. The caller holds the task's row, so that numbers have no gaps and no twins."""
    number = select(func.coalesce(func.max(_version.number), 0) + 1).where(_version.task_id == task_id)
    row = insert(task_versions).values(
        id=new_id(),
        task_id=task_id,
        number=number.scalar_subquery(),
        digest=digest,
        source=source,
        definition=definition,
        agents=agents,
        author=author,
        message=message,
    )
    found = await fetch_one(connection, VersionRow, row.returning(*_versions(task_id).selected_columns))
    assert found is not None
    return found


async def versions(
    connection: AsyncConnection, task_id: UUID, before: int | None = None, limit: int | None = None
) -> list[VersionRow]:
    """Versions of a task, newest first; only those older than the number `before`.

    Index: uq_task_versions_task_id_number.
    """
    query = _versions(task_id).order_by(_version.number.desc()).limit(limit)
    return await fetch_all(connection, VersionRow, query if before is None else query.where(_version.number < before))


async def version(connection: AsyncConnection, task_id: UUID, number: int) -> VersionRow | None:
    """One version without its body."""
    return await fetch_one(connection, VersionRow, _versions(task_id).where(_version.number == number))


async def body(connection: AsyncConnection, task_id: UUID, number: int) -> VersionBody | None:
    """One version with source and definition."""
    query = select(*_body).where(_version.task_id == task_id, _version.number == number)
    return await fetch_one(connection, VersionBody, query)


async def body_by_id(connection: AsyncConnection, version_id: UUID) -> VersionBody | None:
    """The version with this id."""
    return await fetch_one(connection, VersionBody, select(*_body).where(_version.id == version_id))


async def frozen_agent(connection: AsyncConnection, of: tuple[UUID, str, int], agent: str) -> JsonObject | None:
    """An agent as a version keeps it. `of`: project, task and number. None: the version keeps none of this name."""
    project_id, task, number = of
    query = (
        select(_version.agents)
        .join(tasks, tasks.c.id == _version.task_id)
        .where(tasks.c.project_id == project_id, tasks.c.name == task, _version.number == number)
    )
    kept: Mapping[str, JsonObject] | None = await connection.scalar(query)
    return None if kept is None else kept.get(agent)


@dataclass(frozen=True, slots=True)
class KeptAgents:
    """The agents that a published version keeps."""

    task: str
    version: int
    agents: Mapping[str, JsonObject]


async def kept_agents(connection: AsyncConnection, project_id: UUID) -> list[KeptAgents]:
    """What the published versions of a project keep, by task."""
    query = (
        select(tasks.c.name.label("task"), _version.number.label("version"), _version.agents)
        .join(task_versions, _version.id == tasks.c.published_version_id)
        .where(tasks.c.project_id == project_id, tasks.c.archived_at.is_(None), _version.agents.is_not(None))
        .order_by(tasks.c.name)
    )
    return await fetch_all(connection, KeptAgents, query)


@dataclass(frozen=True, slots=True)
class PublishedBody:
    """What a task is published as, and who alone may run it and answer for it."""

    project: str
    name: str
    definition: JsonObject
    runners: Sequence[str] | None
    answerers: Sequence[str] | None


async def published_bodies(connection: AsyncConnection) -> list[PublishedBody]:
    """Every task that can be started now, over all projects, by project and name."""
    query = (
        select(
            projects.c.name.label("project"),
            tasks.c.name,
            _version.definition,
            task_access.c.runners,
            task_access.c.answerers,
        )
        .select_from(tasks)
        .join(projects, projects.c.id == tasks.c.project_id)
        .join(task_versions, _version.id == tasks.c.published_version_id)
        .outerjoin(task_access, task_access.c.task_id == tasks.c.id)
        .where(tasks.c.archived_at.is_(None), tasks.c.paused_at.is_(None))
        .order_by(projects.c.name, tasks.c.name)
    )
    return await fetch_all(connection, PublishedBody, query)


async def current_bodies(connection: AsyncConnection, project_id: UUID) -> list[NamedBody]:
    """What every task of the project is now: its published version, or the newest where none is published."""
    other = task_versions.alias()
    newest = select(other.c.id).where(other.c.task_id == tasks.c.id).order_by(other.c.number.desc()).limit(1)
    query = (
        select(tasks.c.name, _version.number, _version.source, _version.definition)
        .select_from(tasks)
        .join(task_versions, _version.id == func.coalesce(tasks.c.published_version_id, newest.scalar_subquery()))
        .where(tasks.c.project_id == project_id, tasks.c.archived_at.is_(None))
        .order_by(tasks.c.name)
    )
    return await fetch_all(connection, NamedBody, query)


def _versions(task_id: UUID) -> Select[tuple[UUID, UUID, int, str, str, str, datetime]]:
    columns = (_version.id, _version.task_id, _version.number, _version.digest, _version.author, _version.message)
    return select(*columns, _version.created_at).where(_version.task_id == task_id)


def _tasks(project_id: UUID | ScalarSelect[UUID]) -> Select[tuple[object, ...]]:
    published = select(_version.number).where(_version.id == tasks.c.published_version_id).scalar_subquery()
    latest = select(func.coalesce(func.max(_version.number), 0)).where(_version.task_id == tasks.c.id)
    return select(
        tasks.c.id,
        tasks.c.project_id,
        tasks.c.name,
        tasks.c.title,
        tasks.c.description,
        tasks.c.tags,
        tasks.c.published_version_id,
        published.label("published"),
        latest.scalar_subquery().label("latest"),
        tasks.c.paused_at,
        tasks.c.pause_note,
        tasks.c.archived_at,
        tasks.c.remove_at,
        tasks.c.created_at,
    ).where(tasks.c.project_id == project_id)
