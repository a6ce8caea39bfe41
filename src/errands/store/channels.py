"""Where a project's messages go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.store.identifiers import new_id
from errands.store.rows import affected, fetch_all, fetch_one
from errands.store.tables_alarms import channels


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """A channel: an apprise URL in a secret, or mail addresses."""

    id: UUID
    project_id: UUID
    name: str
    secret: str | None
    addresses: Sequence[str]
    events: Sequence[str]
    updated_at: datetime
    sent_at: datetime | None
    failing_since: datetime | None
    problem: str | None


_columns = [channels.c[name] for name in ChannelRow.__dataclass_fields__]


async def of_project(connection: AsyncConnection, project_id: UUID) -> list[ChannelRow]:
    """A project's channels, by name."""
    query = select(*_columns).where(channels.c.project_id == project_id).order_by(channels.c.name)
    return await fetch_all(connection, ChannelRow, query)


async def find(connection: AsyncConnection, project_id: UUID, name: str) -> ChannelRow | None:
    """One channel."""
    query = select(*_columns).where(channels.c.project_id == project_id, channels.c.name == name)
    return await fetch_one(connection, ChannelRow, query)


async def put(
    connection: AsyncConnection,
    project_id: UUID,
    name: str,
    *,
    secret: str | None,
    addresses: Sequence[str],
    events: Sequence[str],
    now: datetime,
) -> None:
    """Make a channel, or change where it leads and what goes there."""
    changed = {
        "secret": secret,
        "addresses": list(addresses),
        "events": list(events),
        "updated_at": now,
        "failing_since": None,
        "problem": None,
    }
    row = insert(channels).values(id=new_id(), project_id=project_id, name=name, **changed)
    await connection.execute(row.on_conflict_do_update(index_elements=["project_id", "name"], set_=changed))


async def remove(connection: AsyncConnection, project_id: UUID, name: str) -> bool:
    """Remove a channel with what is on its way to it; False where there is none."""
    which = (channels.c.project_id == project_id, channels.c.name == name)
    return await affected(connection, delete(channels).where(*which)) > 0
