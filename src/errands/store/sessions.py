"""Sessions of people who signed in here, attempts to do so, and sign-ons under way at an identity provider."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.store.identifiers import new_id
from errands.store.rows import affected, fetch_all, fetch_one
from errands.store.tables_people import sessions, sign_in_attempts, sign_ons


@dataclass(frozen=True, slots=True)
class SessionRow:
    """Somebody's browser."""

    id: UUID
    user_id: UUID
    hash: bytes = field(repr=False)
    address: str | None
    agent: str | None
    rotated_at: datetime
    used_at: datetime
    expires_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed attempts since a moment: of the account from this address, of the account, from the address."""

    pair: int
    account: int
    address: int


@dataclass(frozen=True, slots=True)
class SignOnRow:
    """A sign-on that was begun."""

    state_hash: bytes
    nonce: str
    verifier: str = field(repr=False)
    redirect_uri: str
    return_to: str | None
    expires_at: datetime


_columns = [sessions.c[name] for name in SessionRow.__dataclass_fields__]


async def make(
    connection: AsyncConnection,
    user_id: UUID,
    session_hash: bytes,
    *,
    address: str | None,
    agent: str | None,
    now: datetime,
    expires_at: datetime,
) -> UUID:
    """A new session."""
    session_id = new_id()
    await connection.execute(
        insert(sessions).values(
            id=session_id,
            user_id=user_id,
            hash=session_hash,
            address=address,
            agent=agent,
            rotated_at=now,
            used_at=now,
            expires_at=expires_at,
        )
    )
    return session_id


async def of_person(connection: AsyncConnection, user_id: UUID, now: datetime) -> list[SessionRow]:
    """A person's sessions that have not expired, newest first."""
    query = select(*_columns).where(sessions.c.user_id == user_id, sessions.c.expires_at > now)
    return await fetch_all(connection, SessionRow, query.order_by(sessions.c.id.desc()))


async def by_id(connection: AsyncConnection, session_id: UUID) -> SessionRow | None:
    """One session."""
    return await fetch_one(connection, SessionRow, select(*_columns).where(sessions.c.id == session_id))


async def rotate(
    connection: AsyncConnection, session_id: UUID, old_hash: bytes, new_hash: bytes, now: datetime
) -> bool:
    """Give it another cookie; False where a request at the same time was quicker."""
    statement = update(sessions).where(sessions.c.id == session_id, sessions.c.hash == old_hash)
    return await affected(connection, statement.values(hash=new_hash, earlier_hash=old_hash, rotated_at=now)) > 0


async def touch(connection: AsyncConnection, session_id: UUID, now: datetime) -> None:
    """Note that it was used."""
    await connection.execute(update(sessions).where(sessions.c.id == session_id).values(used_at=now))


async def remove(connection: AsyncConnection, session_id: UUID) -> bool:
    """End a session; False where it had ended."""
    return await affected(connection, delete(sessions).where(sessions.c.id == session_id)) > 0


async def remove_all(connection: AsyncConnection, user_id: UUID, *, but: UUID | None = None) -> int:
    """End all sessions of a person but one."""
    statement = delete(sessions).where(sessions.c.user_id == user_id)
    return await affected(connection, statement if but is None else statement.where(sessions.c.id != but))


async def note_attempt(connection: AsyncConnection, account: str, address: str, now: datetime) -> int:
    """Note an attempt as failed until it succeeds; gives its id."""
    row = insert(sign_in_attempts).values(account=account, address=address, succeeded=False, at=now)
    made: int = (await connection.execute(row.returning(sign_in_attempts.c.id))).scalar_one()
    return made


async def note_success(connection: AsyncConnection, attempt: int) -> None:
    """The attempt has let somebody in."""
    await connection.execute(update(sign_in_attempts).where(sign_in_attempts.c.id == attempt).values(succeeded=True))


async def forget_attempt(connection: AsyncConnection, attempt: int) -> None:
    """An attempt that was not even looked at does not count."""
    await connection.execute(delete(sign_in_attempts).where(sign_in_attempts.c.id == attempt))


async def failures(connection: AsyncConnection, account: str, address: str, since: datetime) -> Failures:
    """Failed attempts since `since`; those of the pair since its last success, if that was later."""
    table = sign_in_attempts
    failed = and_(table.c.at > since, table.c.succeeded.is_(False))
    last = (
        select(func.max(table.c.id))
        .where(table.c.account == account, table.c.address == address, table.c.succeeded.is_(True))
        .scalar_subquery()
    )
    of_pair = and_(table.c.account == account, table.c.address == address, table.c.id > func.coalesce(last, 0))
    counted = [
        select(func.count()).select_from(table).where(failed, condition).scalar_subquery()
        for condition in (of_pair, table.c.account == account, table.c.address == address)
    ]
    row = (await connection.execute(select(*counted))).one()
    return Failures(row[0], row[1], row[2])


async def begin_sign_on(connection: AsyncConnection, row: SignOnRow) -> None:
    """Remember what the provider's answer must fit."""
    await connection.execute(insert(sign_ons).values(**asdict(row)))


async def take_sign_on(connection: AsyncConnection, state_hash: bytes, now: datetime) -> SignOnRow | None:
    """What was begun under this state, once; None where nothing was or it is too late."""
    statement = delete(sign_ons).where(sign_ons.c.state_hash == state_hash)
    columns = [sign_ons.c[name] for name in SignOnRow.__dataclass_fields__]
    found = await fetch_one(connection, SignOnRow, statement.returning(*columns))
    return None if found is None or found.expires_at <= now else found


async def prune(connection: AsyncConnection, now: datetime, attempts_before: datetime) -> None:
    """Remove what has expired."""
    await connection.execute(delete(sessions).where(sessions.c.expires_at < now))
    await connection.execute(delete(sign_ons).where(sign_ons.c.expires_at < now))
    await connection.execute(delete(sign_in_attempts).where(sign_in_attempts.c.at < attempts_before))
