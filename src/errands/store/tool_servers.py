"""Tool servers as they are kept: how they are reached, what was accepted of them, how they were lately."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, cast, delete, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.values import JsonObject
from errands.store.identifiers import new_id
from errands.store.rows import affected, fetch_all, fetch_one
from errands.store.tables import projects
from errands.store.tables_tools import tool_servers

Row = TypeVar("Row", bound=tuple[object, ...])
Tools = Mapping[str, JsonObject]
"""Tools by name, each as its server described it."""


@dataclass(frozen=True, slots=True)
class ToolServerRow:
    """A tool server."""

    id: UUID
    project_id: UUID | None
    """None: of the whole installation."""
    name: str
    connection: JsonObject
    projects: Sequence[str] | None
    enabled: bool
    tools: Tools | None
    found: Tools | None
    effects: Mapping[str, str]
    sign_in: JsonObject | None
    revision: int
    checked_at: datetime | None
    problem: str | None
    created_by: str
    created_at: datetime
    updated_at: datetime


async def find(
    connection: AsyncConnection, project_id: UUID | None, name: str, *, lock: bool = False
) -> ToolServerRow | None:
    """The project's own of this name, or without a project the installation's."""
    query = select(*_columns).where(tool_servers.c.project_id.is_not_distinct_from(project_id), _named(name))
    return await fetch_one(connection, ToolServerRow, query.with_for_update(key_share=True) if lock else query)


async def by_id(connection: AsyncConnection, server_id: UUID, *, lock: bool = False) -> ToolServerRow | None:
    """The one with this id."""
    query = select(*_columns).where(tool_servers.c.id == server_id)
    return await fetch_one(connection, ToolServerRow, query.with_for_update(key_share=True) if lock else query)


async def every(connection: AsyncConnection, project_id: UUID | None) -> list[ToolServerRow]:
    """All of a project itself, or of the installation, by name."""
    query = select(*_columns).where(tool_servers.c.project_id.is_not_distinct_from(project_id))
    return await fetch_all(connection, ToolServerRow, query.order_by(tool_servers.c.name))


async def usable(connection: AsyncConnection, project_id: UUID, name: str | None = None) -> list[ToolServerRow]:
    """Those that a project may use, by name: its own, and for other names those of the installation that let it."""
    query = _reaching(select(*_columns), project_id)
    if name is not None:
        query = query.where(_named(name))
    # False sorts before true: of two that share a name the project's own comes last, and stays.
    query = query.order_by(tool_servers.c.name, tool_servers.c.project_id.is_not(None))
    found = {row.name: row for row in await fetch_all(connection, ToolServerRow, query)}
    return [row for row in found.values() if row.enabled]


async def revisions(connection: AsyncConnection, project_id: UUID) -> str:
    """Changes whenever one of the servers does that a project may use."""
    ids = func.string_agg(cast(tool_servers.c.id, Text) + ":" + cast(tool_servers.c.revision, Text), ",")
    return str(await connection.scalar(_reaching(select(ids), project_id)) or "")


async def add(
    connection: AsyncConnection,
    project_id: UUID | None,
    name: str,
    way: JsonObject,
    allowed: Sequence[str] | None,
    by: str,
) -> None:
    """A new server; nothing of it is accepted yet."""
    row = insert(tool_servers).values(
        id=new_id(),
        project_id=project_id,
        name=name,
        connection=way,
        projects=None if allowed is None else list(allowed),
        created_by=by,
    )
    await connection.execute(row)


async def change(connection: AsyncConnection, server_id: UUID, values: Mapping[str, object]) -> None:
    """Set what a person sets or accepts; sessions and caches of the earlier revision are out of date."""
    absent = {name: null() for name in ("tools", "found", "sign_in") if name in values and values[name] is None}
    await connection.execute(
        update(tool_servers)
        .where(tool_servers.c.id == server_id)
        .values(**{**values, **absent}, revision=tool_servers.c.revision + 1, updated_at=func.now())
    )


async def note(
    connection: AsyncConnection, server_id: UUID, *, found: Tools | None, problem: str | None, at: datetime
) -> None:
    """How it was at the last look: what it had where that differs from what was accepted, and what was wrong."""
    kept = null() if found is None else found
    await connection.execute(
        update(tool_servers).where(tool_servers.c.id == server_id).values(found=kept, problem=problem, checked_at=at)
    )


async def note_problem(connection: AsyncConnection, server_id: UUID, problem: str, at: datetime) -> None:
    """What went wrong in a call."""
    await connection.execute(
        update(tool_servers).where(tool_servers.c.id == server_id).values(problem=problem, checked_at=at)
    )


async def remove(connection: AsyncConnection, server_id: UUID) -> bool:
    """Delete it; False where it is gone already."""
    return await affected(connection, delete(tool_servers).where(tool_servers.c.id == server_id)) > 0


def _reaching(query: Select[Row], project_id: UUID) -> Select[Row]:
    own_name = select(projects.c.name).where(projects.c.id == project_id).scalar_subquery()
    shared = tool_servers.c.project_id.is_(None) & or_(
        tool_servers.c.projects.is_(None), own_name == func.any(tool_servers.c.projects)
    )
    return query.where(or_(tool_servers.c.project_id == project_id, shared))


def _named(name: str) -> ColumnElement[bool]:
    return tool_servers.c.name == name


_columns = [tool_servers.c[name] for name in ToolServerRow.__dataclass_fields__]
