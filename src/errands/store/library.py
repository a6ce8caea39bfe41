"""Agents and models that a project declares in files beside its tasks. Both have the same shape."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Select, Table, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.values import JsonObject
from errands.store.identifiers import new_id
from errands.store.rows import fetch_all, fetch_one
from errands.store.tables import agents, models

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


def _of_project(shelf: Shelf, project_id: UUID) -> Select[tuple[object, ...]]:
    table = _TABLES[shelf]
    columns = (table.c.id, table.c.name, table.c.source, table.c.definition, table.c.updated_at)
    return select(*columns).where(table.c.project_id == project_id)
