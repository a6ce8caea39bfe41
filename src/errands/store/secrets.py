"""Secrets as they lie in the database: encrypted. What the bytes mean is the vault's affair."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import any_, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.store.rows import affected, fetch_all, fetch_one
from errands.store.tables import secrets


@dataclass(frozen=True, slots=True)
class SecretRow:
    """An encrypted secret."""

    id: UUID
    project_id: UUID | None
    """None: the installation's own."""
    name: str
    ciphertext: bytes = field(repr=False)
    key_id: str


@dataclass(frozen=True, slots=True)
class SecretListed:
    """What may be said of a secret."""

    name: str
    created_at: datetime
    updated_at: datetime
    last_used_at: datetime | None
    only_tasks: Sequence[str] | None
    """None: every task of the project."""


_columns = (secrets.c.id, secrets.c.project_id, secrets.c.name, secrets.c.ciphertext, secrets.c.key_id)


async def find(
    connection: AsyncConnection, project_id: UUID | None, names: Sequence[str], task: str | None
) -> list[SecretRow]:
    """Those of the named secrets that exist and that the task may use; None: that every task may use."""
    everybodys = secrets.c.only_tasks.is_(None)
    allowed = everybodys if task is None else or_(everybodys, literal(task) == any_(secrets.c.only_tasks))
    whose = secrets.c.project_id.is_not_distinct_from(project_id)
    query = select(*_columns).where(whose, secrets.c.name.in_(names), allowed)
    return await fetch_all(connection, SecretRow, query)


async def listed(connection: AsyncConnection, project_id: UUID | None) -> list[SecretListed]:
    """All secrets of a project by name, or those of the installation, without their bytes.

    Those with a colon in their name are ours (`core.tool_servers.sign_in_secret`); no person has set them.
    """
    columns = (secrets.c.name, secrets.c.created_at, secrets.c.updated_at, secrets.c.last_used_at)
    query = (
        select(*columns, secrets.c.only_tasks)
        .where(secrets.c.project_id.is_not_distinct_from(project_id), ~secrets.c.name.contains(":"))
        .order_by(secrets.c.name)
    )
    return await fetch_all(connection, SecretListed, query)


async def put(
    connection: AsyncConnection, project_id: UUID | None, name: str, row_id: UUID, ciphertext: bytes, key_id: str
) -> None:
    """Store a secret under a new row id, in place of the one that had the name."""
    row = insert(secrets).values(id=row_id, project_id=project_id, name=name, ciphertext=ciphertext, key_id=key_id)
    changed = {"id": row_id, "ciphertext": ciphertext, "key_id": key_id, "updated_at": func.now()}
    await connection.execute(row.on_conflict_do_update(index_elements=["project_id", "name"], set_=changed))


async def remove(connection: AsyncConnection, project_id: UUID | None, name: str) -> bool:
    """Delete it; False where there is none."""
    whose = secrets.c.project_id.is_not_distinct_from(project_id)
    return await affected(connection, delete(secrets).where(whose, secrets.c.name == name)) > 0


async def limit(connection: AsyncConnection, project_id: UUID, name: str, tasks: Sequence[str] | None) -> bool:
    """Say which tasks alone may use it; None: all. False where there is no such secret."""
    chosen = update(secrets).where(secrets.c.project_id == project_id, secrets.c.name == name)
    only = None if tasks is None else list(tasks)
    return await affected(connection, chosen.values(only_tasks=only)) > 0


async def touch(connection: AsyncConnection, ids: Sequence[UUID], at_most_every: timedelta) -> None:
    """Note that they were used, unless that was noted lately."""
    due = or_(secrets.c.last_used_at.is_(None), secrets.c.last_used_at < func.now() - at_most_every)
    await connection.execute(update(secrets).where(secrets.c.id.in_(ids), due).values(last_used_at=func.now()))


async def next_of_other_key(connection: AsyncConnection, key_id: str, after: UUID | None) -> SecretRow | None:
    """The next secret, by id, that is encrypted with another key; its row is locked."""
    query = select(*_columns).where(secrets.c.key_id != key_id).order_by(secrets.c.id).limit(1).with_for_update()
    return await fetch_one(connection, SecretRow, query if after is None else query.where(secrets.c.id > after))


async def page(connection: AsyncConnection, after: UUID | None, size: int) -> list[SecretRow]:
    """Secrets of all projects and of the installation, by id."""
    query = select(*_columns).order_by(secrets.c.id).limit(size)
    return await fetch_all(connection, SecretRow, query if after is None else query.where(secrets.c.id > after))


async def recrypt(connection: AsyncConnection, row_id: UUID, ciphertext: bytes, key_id: str) -> None:
    """The same secret under another key."""
    await connection.execute(update(secrets).where(secrets.c.id == row_id).values(ciphertext=ciphertext, key_id=key_id))
