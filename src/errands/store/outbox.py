"""Messages on their way: written with what causes them, taken by whoever sends them, settled afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.store.connections import Connection, Pool
from errands.store.identifiers import new_id
from errands.store.rows import affected, fetch_all, fetch_one
from errands.store.sql import statement
from errands.store.tables import projects
from errands.store.tables_alarms import channels, outbox
from errands.store.tables_people import users

Status = Literal["pending", "sent", "failed", "withdrawn"]
_TAKEN_OVER = ("project", "channel", "person")


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to one recipient: a channel or a person."""

    project_id: UUID
    event: str
    key: str
    """The same for the same message: it is written once."""
    title: str
    body: str
    channel_id: UUID | None = None
    user_id: UUID | None = None
    approval_id: UUID | None = None
    alarm_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Means:
    """What a process is set up to send, beside what goes to channels with an address of their own."""

    mails: bool = True
    links: bool = True
    """Questions, with a link to where people reach the server."""


ALL_MEANS = Means()


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that somebody has taken to send, with whom it goes to."""

    id: UUID
    key: str
    title: str
    body: str
    attempts: int
    event: str
    created_at: datetime
    project_id: UUID
    approval_id: UUID | None
    approval_status: str | None
    approval_due_at: datetime | None
    channel_id: UUID | None
    channel: str | None
    secret: str | None
    addresses: Sequence[str]
    user_id: UUID | None
    person: str | None
    email: str | None
    """None too where the person's account is disabled."""


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message as lists show it. One of channel and person is set."""

    id: UUID
    project: str
    event: str
    channel: str | None
    person: str | None
    title: str
    status: Status
    attempts: int
    problem: str | None
    approval_id: UUID | None
    alarm_id: UUID | None
    created_at: datetime
    due_at: datetime | None
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class ListenerRow:
    """A channel, as far as who writes messages must know it."""

    id: UUID
    project_id: UUID
    name: str
    events: Sequence[str]


async def put(connection: Connection, messages: Sequence[NewMessage], now: datetime) -> None:
    """Write messages, in the connection's transaction. One that was written before stays as it is."""
    if not messages:
        return
    rows = [
        (
            new_id(),
            one.project_id,
            one.event,
            one.channel_id,
            one.user_id,
            one.approval_id,
            one.alarm_id,
            one.key,
            one.title,
            one.body,
        )
        for one in messages
    ]
    await connection.execute(statement("put_messages"), *(list(column) for column in zip(*rows, strict=True)), now)


async def take(
    pool: Pool,
    now: datetime,
    until: datetime,
    most: int,
    means: Means = ALL_MEANS,
    patience: timedelta = timedelta(0),
) -> list[Taken]:
    """Messages whose moment has come. Until `until` nobody else takes them; then whoever has not settled has died.

    What goes beyond the means is taken only once it has been due for longer than the patience.
    """
    rows = await pool.fetch(statement("take_messages"), now, until, most, means.mails, means.links, now - patience)
    return [Taken(**{name: row[name] for name in Taken.__dataclass_fields__}) for row in rows]


async def settle(
    connection: Connection, one: Taken, status: Status, problem: str | None, due_at: datetime | None, now: datetime
) -> None:
    """Write down how sending went, for the message and for its channel."""
    await connection.execute(
        "update outbox set status = $2, problem = $3, due_at = $4, done_at = case when $4::timestamptz is null "
        "then $5::timestamptz end where id = $1 and status = 'pending' and attempts = $6",
        one.id,
        status,
        problem,
        due_at,
        now,
        one.attempts,
    )
    if one.channel_id is not None and status != "withdrawn":
        await note(connection, one.channel_id, problem, now)


async def note(connection: Connection | Pool, channel_id: UUID, problem: str | None, now: datetime) -> None:
    """How a channel fares: it took something, or why not and since when."""
    await connection.execute(
        "update channels set sent_at = case when $2::text is null then $3 else sent_at end, "
        "failing_since = case when $2::text is not null then coalesce(failing_since, $3) end, problem = $2 "
        "where id = $1",
        channel_id,
        problem,
        now,
    )


async def listeners(connection: Connection, project_ids: Sequence[UUID]) -> list[ListenerRow]:
    """The channels of some projects."""
    rows = await connection.fetch(
        "select id, project_id, name, events from channels where project_id = any($1) order by name", list(project_ids)
    )
    return [ListenerRow(row["id"], row["project_id"], row["name"], row["events"]) for row in rows]


async def of_project(
    connection: AsyncConnection, project_id: UUID, *, failing: bool, before: UUID | None, limit: int
) -> list[MessageRow]:
    """A project's messages, newest first, before one. `failing`: those that did not get through (yet)."""
    query = _messages().where(outbox.c.project_id == project_id)
    if failing:
        query = query.where(outbox.c.problem.is_not(None), outbox.c.status.in_(("pending", "failed")))
    query = query if before is None else query.where(outbox.c.id < before)
    return await fetch_all(connection, MessageRow, query.order_by(outbox.c.id.desc()).limit(limit))


async def find(connection: AsyncConnection, message_id: UUID) -> MessageRow | None:
    """One message."""
    return await fetch_one(connection, MessageRow, _messages().where(outbox.c.id == message_id))


async def again(connection: AsyncConnection, message_id: UUID, now: datetime) -> bool:
    """Try a message that did not get through once more, now. False where it was sent or withdrawn."""
    stuck = outbox.c.status.in_(("pending", "failed"))
    changed = {"status": "pending", "due_at": now, "done_at": None, "attempts": 0}
    return await affected(connection, update(outbox).where(outbox.c.id == message_id, stuck).values(**changed)) > 0


async def prune(connection: Connection | Pool, before: datetime, most: int = 5000) -> None:
    """Remove messages that were done with before a moment."""
    await connection.execute(
        "delete from outbox where id in (select id from outbox where done_at < $1 order by done_at limit $2)",
        before,
        most,
    )


def _messages() -> Select[tuple[object, ...]]:
    own = [outbox.c[name] for name in MessageRow.__dataclass_fields__ if name not in _TAKEN_OVER]
    return (
        select(
            *own,
            projects.c.name.label("project"),
            channels.c.name.label("channel"),
            users.c.name.label("person"),
        )
        .join(projects, projects.c.id == outbox.c.project_id)
        .outerjoin(channels, channels.c.id == outbox.c.channel_id)
        .outerjoin(users, users.c.id == outbox.c.user_id)
    )
