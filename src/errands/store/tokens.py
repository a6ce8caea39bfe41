"""Tokens of people, hashed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.store.identifiers import new_id
from errands.store.rows import affected, fetch_all, fetch_one
from errands.store.tables import projects
from errands.store.tables_people import tokens


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token, as far as it may be told."""

    id: UUID
    user_id: UUID
    name: str
    prefix: str
    scopes: Sequence[str]
    project_ids: Sequence[UUID] | None
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime


_columns = [tokens.c[name] for name in TokenRow.__dataclass_fields__]


async def make(
    connection: AsyncConnection,
    user_id: UUID,
    name: str,
    token_hash: bytes,
    prefix: str,
    scopes: Sequence[str],
    project_ids: Sequence[UUID] | None,
    expires_at: datetime | None,
) -> TokenRow:
    """A new token."""
    row = insert(tokens).values(
        id=new_id(),
        user_id=user_id,
        name=name,
        hash=token_hash,
        prefix=prefix,
        scopes=list(scopes),
        project_ids=None if project_ids is None else list(project_ids),
        expires_at=expires_at,
    )
    made = await fetch_one(connection, TokenRow, row.returning(*_columns))
    assert made is not None
    return made


async def by_id(connection: AsyncConnection, token_id: UUID) -> TokenRow | None:
    """One token."""
    return await fetch_one(connection, TokenRow, select(*_columns).where(tokens.c.id == token_id))


async def of_person(connection: AsyncConnection, user_id: UUID) -> list[TokenRow]:
    """A person's tokens that are not revoked, newest first."""
    query = select(*_columns).where(tokens.c.user_id == user_id, tokens.c.revoked_at.is_(None))
    return await fetch_all(connection, TokenRow, query.order_by(tokens.c.id.desc()))


async def revoke(connection: AsyncConnection, token_id: UUID, now: datetime) -> bool:
    """Let it work no more; False where that was so."""
    statement = update(tokens).where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
    return await affected(connection, statement.values(revoked_at=now)) > 0


async def revoke_all(connection: AsyncConnection, user_id: UUID, now: datetime) -> int:
    """Let none of a person's tokens work any more."""
    statement = update(tokens).where(tokens.c.user_id == user_id, tokens.c.revoked_at.is_(None))
    return await affected(connection, statement.values(revoked_at=now))


async def touch(connection: AsyncConnection, token_id: UUID, now: datetime, at_most_every: timedelta) -> None:
    """Note that it was used, unless that was noted lately."""
    due = or_(tokens.c.used_at.is_(None), tokens.c.used_at < now - at_most_every)
    await connection.execute(update(tokens).where(tokens.c.id == token_id, due).values(used_at=now))


async def project_names(connection: AsyncConnection, project_ids: Sequence[UUID]) -> list[str]:
    """Names of those projects that are still there."""
    query = select(projects.c.name).where(projects.c.id.in_(project_ids)).order_by(projects.c.name)
    return list((await connection.execute(query)).scalars())
