"""Projects: the outermost names."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.store.identifiers import new_id
from errands.store.rows import fetch_all, fetch_one
from errands.store.tables import projects, tasks
from errands.store.tables_triggers import triggers


@dataclass(frozen=True, slots=True)
class ProjectRow:
    id: UUID
    name: str
    title: str | None
    deleted_at: datetime | None
    remove_at: datetime | None
    """When a deleted project is removed."""


_columns = [projects.c[name] for name in ProjectRow.__dataclass_fields__]


async def find(connection: AsyncConnection, name: str) -> ProjectRow | None:
    """The project of this name."""
    return await fetch_one(connection, ProjectRow, select(*_columns).where(projects.c.name == name))


async def by_id(connection: AsyncConnection, project_id: UUID) -> ProjectRow | None:
    """The project of this id."""
    return await fetch_one(connection, ProjectRow, select(*_columns).where(projects.c.id == project_id))


async def ensure(connection: AsyncConnection, name: str, title: str | None = None) -> ProjectRow:
    """The project of this name, made if it is not there."""
    found = await find(connection, name)
    if found is None:
        row = insert(projects).values(id=new_id(), name=name, title=title).on_conflict_do_nothing()
        await connection.execute(row)
        found = await find(connection, name)
    assert found is not None
    return found


async def every(connection: AsyncConnection) -> list[ProjectRow]:
    """All projects by name."""
    return await fetch_all(connection, ProjectRow, select(*_columns).order_by(projects.c.name))


async def lock(connection: AsyncConnection, project_id: UUID) -> None:
    """Keep others from changing the project's definitions until the transaction ends."""
    await connection.execute(select(projects.c.id).where(projects.c.id == project_id).with_for_update(key_share=True))


async def delete(connection: AsyncConnection, project_id: UUID, now: datetime, remove_at: datetime) -> None:
    """Its tasks that are at work are archived, none of its triggers is looked at, and the keeper removes it then."""
    await connection.execute(
        update(projects).where(projects.c.id == project_id).values(deleted_at=now, remove_at=remove_at)
    )
    at_work = update(tasks).where(tasks.c.project_id == project_id, tasks.c.archived_at.is_(None))
    await connection.execute(at_work.values(archived_at=now))
    await connection.execute(
        update(triggers)
        .where(triggers.c.project_id == project_id)
        .values(next_at=None, planned_at=None, revision=triggers.c.revision + 1)
    )


async def restore(connection: AsyncConnection, project: ProjectRow) -> list[UUID]:
    """The tasks that were at work when it was deleted are again; gives their ids."""
    await connection.execute(
        update(projects).where(projects.c.id == project.id).values(deleted_at=None, remove_at=None)
    )
    archived_with_it = update(tasks).where(
        tasks.c.project_id == project.id, tasks.c.archived_at == project.deleted_at, tasks.c.remove_at.is_(None)
    )
    back = await connection.execute(archived_with_it.values(archived_at=None).returning(tasks.c.id))
    return list(back.scalars())
