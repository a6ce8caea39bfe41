"""Agents and models that a project declares in files beside its tasks. Both have the same shape."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Select, Table, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.values import JsonObject
from errands.store.identifiers import new_id
from errands.store.rows import affected, fetch_all, fetch_one
from errands.store.tables import agents, models, projects

Shelf = Literal["agent", "model"]
_TABLES: dict[Shelf, Table] = {"agent": agents, "model": models}


@dataclass(frozen=True, slots=True)
class Declared:
    """An agent or model: its source text and parsed form."""

    id: UUID
    name: str
    source: str
    definition: JsonObject
    updated_at: datetime


async def every(connection: AsyncConnection, shelf: Shelf, project_id: UUID) -> list[Declared]:
    """All agents or models of a project by name."""
    query = _of_project(shelf, project_id).order_by(_TABLES[shelf].c.name)
    return await fetch_all(connection, Declared, query)


async def find(connection: AsyncConnection, shelf: Shelf, project_id: UUID, name: str) -> Declared | None:
    """The agent or model of this name."""
    query = _of_project(shelf, project_id).where(_TABLES[shelf].c.name == name)
    return await fetch_one(connection, Declared, query)


async def put(
    connection: AsyncConnection, shelf: Shelf, project_id: UUID, name: str, source: str, definition: JsonObject
) -> None:
    """Declare it, or replace what was declared under this name."""
    row = insert(_TABLES[shelf]).values(
        id=new_id(), project_id=project_id, name=name, source=source, definition=definition
    )
    changed = {"source": row.excluded.source, "definition": row.excluded.definition, "updated_at": func.now()}
    await connection.execute(row.on_conflict_do_update(index_elements=["project_id", "name"], set_=changed))


async def remove(connection: AsyncConnection, shelf: Shelf, project_id: UUID | None, name: str) -> bool:
    """Delete it; False where there is none. Without a project: of the installation."""
    table = _TABLES[shelf]
    whose = table.c.project_id.is_not_distinct_from(project_id)
    return await affected(connection, delete(table).where(whose, table.c.name == name)) > 0


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model of a project, or of the installation."""

    id: UUID
    project_id: UUID | None
    name: str
    source: str
    definition: JsonObject
    projects: Sequence[str] | None
    least_role: str | None
    updated_at: datetime


async def shared_models(connection: AsyncConnection) -> list[ModelRow]:
    """The installation's models by name."""
    query = select(*_model_columns).where(models.c.project_id.is_(None)).order_by(models.c.name)
    return await fetch_all(connection, ModelRow, query)


async def usable_models(connection: AsyncConnection, project_id: UUID, name: str | None = None) -> list[ModelRow]:
    """Those that a project may use, by name: its own, and for other names those of the installation that let it."""
    own_name = select(projects.c.name).where(projects.c.id == project_id).scalar_subquery()
    shared = models.c.project_id.is_(None) & or_(models.c.projects.is_(None), own_name == func.any(models.c.projects))
    query = select(*_model_columns).where(or_(models.c.project_id == project_id, shared))
    if name is not None:
        query = query.where(models.c.name == name)
    # False sorts before true: of two that share a name the project's own comes last, and stays.
    query = query.order_by(models.c.name, models.c.project_id.is_not(None))
    return list({row.name: row for row in await fetch_all(connection, ModelRow, query)}.values())


async def put_shared_model(
    connection: AsyncConnection,
    name: str,
    source: str,
    definition: JsonObject,
    allowed: Sequence[str] | None,
    least_role: str | None,
) -> None:
    """Set a model of the installation, in place of an earlier one."""
    row = insert(models).values(
        id=new_id(),
        name=name,
        source=source,
        definition=definition,
        projects=None if allowed is None else list(allowed),
        least_role=least_role,
    )
    names = ("source", "definition", "projects", "least_role")
    changed = {**{name: row.excluded[name] for name in names}, "updated_at": func.now()}
    await connection.execute(row.on_conflict_do_update(index_elements=["project_id", "name"], set_=changed))


def _of_project(shelf: Shelf, project_id: UUID) -> Select[tuple[object, ...]]:
    table = _TABLES[shelf]
    columns = (table.c.id, table.c.name, table.c.source, table.c.definition, table.c.updated_at)
    return select(*columns).where(table.c.project_id == project_id)


_model_columns = [models.c[name] for name in ModelRow.__dataclass_fields__]
