"""Projects: the outermost names."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.store.identifiers import new_id
from errands.store.rows import fetch_all, fetch_one
from errands.store.tables import projects


@dataclass(frozen=True, slots=True)
class ProjectRow:
    id: UUID
    name: str
    title: str | None


_columns = (projects.c.id, projects.c.name, projects.c.title)


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
