"""Accounts, what outside providers call them, and the links that work once."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.store.identifiers import new_id
from errands.store.rows import affected, fetch_all, fetch_one
from errands.store.tables_people import identities, one_time_links, users

Purpose = Literal["administrator", "password"]


@dataclass(frozen=True, slots=True)
class UserRow:
    """An account."""

    id: UUID
    name: str
    title: str | None
    email: str | None
    timezone: str | None
    server_role: str
    password: str | None = field(repr=False)
    disabled_at: datetime | None
    last_seen_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link that works once."""

    id: UUID
    user_id: UUID | None
    expires_at: datetime
    used_at: datetime | None


_columns = [users.c[name] for name in UserRow.__dataclass_fields__]


async def find(connection: AsyncConnection, name: str, *, lock: bool = False) -> UserRow | None:
    """The account of this sign-in name."""
    query = select(*_columns).where(users.c.name == name)
    return await fetch_one(connection, UserRow, query.with_for_update(key_share=True) if lock else query)


async def by_id(connection: AsyncConnection, user_id: UUID, *, lock: bool = False) -> UserRow | None:
    """The account of this id."""
    query = select(*_columns).where(users.c.id == user_id)
    return await fetch_one(connection, UserRow, query.with_for_update(key_share=True) if lock else query)


async def by_identity(connection: AsyncConnection, issuer: str, subject: str) -> UserRow | None:
    """The account that an outside provider's belongs to."""
    query = select(*_columns).join(identities, identities.c.user_id == users.c.id)
    found = query.where(identities.c.issuer == issuer, identities.c.subject == subject)
    return await fetch_one(connection, UserRow, found)


async def prepared_for(connection: AsyncConnection, email: str) -> UserRow | None:
    """The account that an administrator has made for this address and that nobody has entered yet, if it is one."""
    taken = select(identities.c.id).where(identities.c.user_id == users.c.id).exists()
    query = select(*_columns).where(func.lower(users.c.email) == email.lower(), users.c.password.is_(None), ~taken)
    found = await fetch_all(connection, UserRow, query.limit(2))
    return found[0] if len(found) == 1 else None


async def every(connection: AsyncConnection, after: str | None, limit: int) -> list[UserRow]:
    """Accounts by name, after this name."""
    query = select(*_columns).order_by(users.c.name).limit(limit)
    return await fetch_all(connection, UserRow, query if after is None else query.where(users.c.name > after))


async def anybody(connection: AsyncConnection) -> bool:
    """Whether there is an account at all."""
    return (await connection.execute(select(users.c.id).limit(1))).first() is not None


async def make(
    connection: AsyncConnection,
    name: str,
    *,
    title: str | None = None,
    email: str | None = None,
    server_role: str = "member",
    password: str | None = None,
    now: datetime,
) -> UUID | None:
    """A new account; None where the name is taken."""
    row = upsert(users).values(
        id=new_id(),
        name=name,
        title=title,
        email=email,
        server_role=server_role,
        password=password,
        password_changed_at=None if password is None else now,
    )
    result = await connection.execute(row.on_conflict_do_nothing().returning(users.c.id))
    made: UUID | None = result.scalar_one_or_none()
    return made


async def change(connection: AsyncConnection, user_id: UUID, **values: str | datetime | None) -> None:
    """Set columns of an account."""
    await connection.execute(update(users).where(users.c.id == user_id).values(**values))


async def enabled_admins(connection: AsyncConnection) -> int:
    """How many administrators can sign in; their rows are locked, so that two changes do not both leave one."""
    query = select(users.c.id).where(users.c.server_role == "admin", users.c.disabled_at.is_(None))
    return len((await connection.execute(query.order_by(users.c.id).with_for_update(key_share=True))).all())


async def link_identity(
    connection: AsyncConnection, user_id: UUID, issuer: str, subject: str, email: str | None, now: datetime
) -> None:
    """Note that this outside account belongs to the person, and was used."""
    row = upsert(identities).values(
        id=new_id(), user_id=user_id, issuer=issuer, subject=subject, email=email, last_used_at=now
    )
    changed = {"email": email, "last_used_at": now}
    await connection.execute(row.on_conflict_do_update(index_elements=["issuer", "subject"], set_=changed))


async def make_link(
    connection: AsyncConnection, purpose: Purpose, user_id: UUID | None, link_hash: bytes, expires_at: datetime
) -> None:
    """A link in place of earlier ones of the same person; links of nobody stay beside each other."""
    if user_id is not None:
        same = (one_time_links.c.purpose == purpose, one_time_links.c.user_id == user_id)
        await connection.execute(delete(one_time_links).where(*same))
    row = {"id": new_id(), "purpose": purpose, "user_id": user_id, "hash": link_hash, "expires_at": expires_at}
    await connection.execute(insert(one_time_links).values(row))


async def take_link(connection: AsyncConnection, purpose: Purpose, link_hash: bytes, now: datetime) -> LinkRow | None:
    """Use a link up; None where there is none that still works. Of two who come at once, one gets it."""
    table = one_time_links
    statement = (
        update(table)
        .where(table.c.hash == link_hash, table.c.purpose == purpose, table.c.used_at.is_(None))
        .where(table.c.expires_at > now)
        .values(used_at=now)
        .returning(table.c.id, table.c.user_id, table.c.expires_at, table.c.used_at)
    )
    return await fetch_one(connection, LinkRow, statement)


async def forget_links(connection: AsyncConnection, purpose: Purpose) -> None:
    """Remove all links of this purpose: nothing is left to do with them."""
    await connection.execute(delete(one_time_links).where(one_time_links.c.purpose == purpose))


async def lock_first_start(connection: AsyncConnection) -> None:
    """Let only one at a time make the first administrator."""
    await connection.execute(select(func.pg_advisory_xact_lock(7_403)))


async def prune_links(connection: AsyncConnection, before: datetime) -> int:
    """Remove links that have long expired."""
    return await affected(connection, delete(one_time_links).where(one_time_links.c.expires_at < before))
