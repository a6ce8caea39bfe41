"""Threads of the chat, and what people attach to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, insert, literal, literal_column, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.outcomes import Usage
from errands.store.identifiers import new_id
from errands.store.rows import affected, fetch_all, fetch_one
from errands.store.tables import projects
from errands.store.tables_chat import attachments, messages, threads

_LONGEST_WORDS = 500_000
_SIMPLE: ColumnElement[str] = literal_column("'simple'::regconfig")
"""No language: people of one project write in several. The index is over the same words."""


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """A thread and the name of its project."""

    id: UUID
    project_id: UUID
    project: str
    owner: str
    title: str | None
    agent: str | None
    shared: bool
    untrusted: bool
    input_tokens: int
    output_tokens: int
    usd: Decimal
    requests: int
    tool_calls: int
    created_at: datetime
    active_at: datetime


@dataclass(frozen=True, slots=True)
class AttachmentRow:
    """A file that somebody attached."""

    id: UUID
    thread_id: UUID
    name: str
    media_type: str
    size: int
    sha256: str
    location: str
    words: str | None
    note: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which threads a list shows, newest activity first."""

    person: str
    """Reference; others' threads are listed where they are shared."""
    words: str | None = None
    """Every one of them stands in the title or in one message."""
    before: tuple[datetime, UUID] | None = None


_files = [attachments.c[name] for name in AttachmentRow.__dataclass_fields__]


async def make(connection: AsyncConnection, project_id: UUID, owner: str, title: str | None, agent: str | None) -> UUID:
    """A new, private thread."""
    row = new_id()
    await connection.execute(
        insert(threads).values(id=row, project_id=project_id, owner=owner, title=title, agent=agent)
    )
    return row


async def find(connection: AsyncConnection, thread_id: UUID, *, lock: bool = False) -> ThreadRow | None:
    """The thread with this id. `lock` keeps others from talking in it until the transaction ends."""
    query = _threads().where(threads.c.id == thread_id)
    return await fetch_one(connection, ThreadRow, query.with_for_update(of=threads, key_share=True) if lock else query)


async def every(connection: AsyncConnection, project_id: UUID, wanted: Wanted, limit: int) -> list[ThreadRow]:
    """A page of a project's threads. Indexes: ix_threads_active, ix_messages_words."""
    query = _threads().where(
        threads.c.project_id == project_id, or_(threads.c.owner == wanted.person, threads.c.shared)
    )
    if wanted.words is not None:
        query = query.where(or_(_titled(wanted.words), _said(wanted.words)))
    if wanted.before is not None:
        query = query.where(tuple_(threads.c.active_at, threads.c.id) < wanted.before)
    newest_first = (threads.c.active_at.desc(), threads.c.id.desc())
    return await fetch_all(connection, ThreadRow, query.order_by(*newest_first).limit(limit))


async def edit(
    connection: AsyncConnection, thread_id: UUID, *, title: str | None, agent: str | None, shared: bool
) -> None:
    """What its owner says of it."""
    changed = update(threads).where(threads.c.id == thread_id)
    await connection.execute(changed.values(title=title, agent=agent, shared=shared))


async def entitle(connection: AsyncConnection, thread_id: UUID, title: str) -> None:
    """A title, where it has none."""
    await connection.execute(
        update(threads).where(threads.c.id == thread_id, threads.c.title.is_(None)).values(title=title)
    )


async def taint(connection: AsyncConnection, thread_id: UUID) -> None:
    """Something from outside has been read in it."""
    await connection.execute(update(threads).where(threads.c.id == thread_id).values(untrusted=True))


async def spend(connection: AsyncConnection, thread_id: UUID, usage: Usage) -> None:
    """Add what an answer used, and let the thread rise in lists."""
    column = threads.c
    await connection.execute(
        update(threads)
        .where(column.id == thread_id)
        .values(
            input_tokens=column.input_tokens + usage.input_tokens,
            output_tokens=column.output_tokens + usage.output_tokens,
            usd=column.usd + usage.usd,
            requests=column.requests + usage.requests,
            tool_calls=column.tool_calls + usage.tool_calls,
            active_at=func.now(),
        )
    )


async def remove(connection: AsyncConnection, thread_id: UUID) -> list[str]:
    """Remove a thread with everything in it; gives where its files lie."""
    query = select(attachments.c.location).where(attachments.c.thread_id == thread_id)
    places = [str(place) for place in (await connection.execute(query)).scalars()]
    await affected(connection, delete(threads).where(threads.c.id == thread_id))
    return places


async def those_there(connection: AsyncConnection, some: Sequence[UUID]) -> set[UUID]:
    """Which of these threads are there."""
    return set((await connection.execute(select(threads.c.id).where(threads.c.id.in_(some)))).scalars())


async def attach(connection: AsyncConnection, row: AttachmentRow) -> None:
    """Keep what is known of a file."""
    values = {name: getattr(row, name) for name in AttachmentRow.__dataclass_fields__ if name != "created_at"}
    words = row.words and row.words[:_LONGEST_WORDS].replace("\0", "")
    await connection.execute(insert(attachments).values(values | {"words": words}))


async def detach(connection: AsyncConnection, attachment_id: UUID) -> None:
    """Forget a file."""
    await affected(connection, delete(attachments).where(attachments.c.id == attachment_id))


async def files(connection: AsyncConnection, thread_id: UUID) -> list[AttachmentRow]:
    """A thread's files, oldest first."""
    query = select(*_files).where(attachments.c.thread_id == thread_id).order_by(attachments.c.id)
    return await fetch_all(connection, AttachmentRow, query)


async def file(connection: AsyncConnection, attachment_id: UUID) -> AttachmentRow | None:
    """One file."""
    return await fetch_one(connection, AttachmentRow, select(*_files).where(attachments.c.id == attachment_id))


async def attached(connection: AsyncConnection, thread_id: UUID) -> tuple[int, int]:
    """How many files a thread has, and their bytes."""
    query = select(func.count(), func.coalesce(func.sum(attachments.c.size), 0))
    count, size = (await connection.execute(query.where(attachments.c.thread_id == thread_id))).one()
    return int(count), int(size)


def _titled(words: str) -> ColumnElement[bool]:
    return func.to_tsvector(_SIMPLE, func.coalesce(threads.c.title, "")).bool_op("@@")(_query(words))


def _said(words: str) -> ColumnElement[bool]:
    vector = func.to_tsvector(_SIMPLE, messages.c.words)
    said = (messages.c.thread_id == threads.c.id, messages.c.replaced_at.is_(None))
    return select(literal(1)).where(*said, vector.bool_op("@@")(_query(words))).exists()


def _query(words: str) -> ColumnElement[str]:
    return func.websearch_to_tsquery(_SIMPLE, words)


def _threads() -> Select[tuple[object, ...]]:
    columns = [threads.c[name] for name in ThreadRow.__dataclass_fields__ if name != "project"]
    joined = threads.join(projects, projects.c.id == threads.c.project_id)
    return select(*columns, projects.c.name.label("project")).select_from(joined)
