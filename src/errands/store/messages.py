"""Messages of threads, and the cards in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, func, insert, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.outcomes import Usage
from errands.core.values import Json, JsonObject
from errands.store.identifiers import new_id, next_id
from errands.store.rows import affected, fetch_all, fetch_one
from errands.store.tables_chat import cards, messages

Status = Literal["answering", "done", "asks", "cancelled", "failed"]
_LONGEST_WORDS = 200_000


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message without what the model was sent."""

    id: UUID
    thread_id: UUID
    role: Literal["user", "assistant"]
    status: Status
    parts: Sequence[JsonObject]
    model: str | None
    error: str | None
    input_tokens: int
    output_tokens: int
    usd: Decimal
    requests: int
    tool_calls: int
    created_at: datetime
    finished_at: datetime | None
    touched_at: datetime | None
    cancel_requested_at: datetime | None


@dataclass(frozen=True, slots=True)
class Turn:
    """A message as the model's history needs it."""

    id: UUID
    role: Literal["user", "assistant"]
    status: Status
    words: str
    exchange: Json


@dataclass(frozen=True, slots=True)
class Followed:
    """An answer as somebody follows it who is not told by the process that writes it."""

    status: Status
    parts: Sequence[JsonObject]
    error: str | None
    input_tokens: int
    output_tokens: int
    usd: Decimal
    requests: int
    tool_calls: int
    touched_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wish:
    """What others want of an answer that is being written."""

    stop: bool
    """Somebody has cancelled it, or it was ended meanwhile."""
    followed_at: datetime | None
    """When somebody on another server last followed it."""


@dataclass(frozen=True, slots=True)
class CardRow:
    """Something that is shown, and done when its owner clicks."""

    id: UUID
    thread_id: UUID
    message_id: UUID
    kind: str
    data: JsonObject
    digest: str
    state: Literal["open", "done", "dismissed"]
    action: str | None
    actor: str | None
    result: Json
    created_at: datetime
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Written:
    """How far an answer is."""

    status: Status
    parts: Sequence[JsonObject]
    words: str | None
    """None: those that were kept before stay, and the index of words with them."""
    exchange: Json = None
    model: str | None = None
    error: str | None = None
    usage: Usage = Usage()  # noqa: RUF009 - it is frozen


_messages = [messages.c[name] for name in MessageRow.__dataclass_fields__]
_cards = [cards.c[name] for name in CardRow.__dataclass_fields__]


async def add(
    connection: AsyncConnection, thread_id: UUID, role: str, status: Status, parts: Sequence[JsonObject], words: str
) -> UUID | None:
    """A new message, the last of its thread, whose row the caller holds; None where another answer is being written.

    Indexes: ix_messages_thread, uq_messages_answering.
    """
    newest = select(messages.c.id).where(messages.c.thread_id == thread_id).order_by(messages.c.id.desc()).limit(1)
    last = (await connection.execute(newest)).scalar_one_or_none()
    row = upsert(messages).values(
        id=new_id() if last is None else next_id(last),
        thread_id=thread_id,
        role=role,
        status=status,
        parts=parts,
        words=_storable(words),
        touched_at=func.now() if status == "answering" else None,
        finished_at=None if status == "answering" else func.now(),
    )
    answering = messages.c.status == literal("answering", literal_execute=True)
    made = row.on_conflict_do_nothing(index_elements=["thread_id"], index_where=answering).returning(messages.c.id)
    found = (await connection.execute(made)).scalar_one_or_none()
    return None if found is None else UUID(str(found))


async def every(
    connection: AsyncConnection, thread_id: UUID, before: UUID | None = None, limit: int = 1000
) -> list[MessageRow]:
    """The newest messages before one, newest first; replaced ones are left out. Index: ix_messages_thread."""
    query = select(*_messages).where(*_current(thread_id))
    if before is not None:
        query = query.where(messages.c.id < before)
    return await fetch_all(connection, MessageRow, query.order_by(messages.c.id.desc()).limit(limit))


async def find(connection: AsyncConnection, thread_id: UUID, message_id: UUID) -> MessageRow | None:
    """A message that has not been replaced."""
    query = select(*_messages).where(*_current(thread_id), messages.c.id == message_id)
    return await fetch_one(connection, MessageRow, query)


async def answering(connection: AsyncConnection, thread_id: UUID) -> MessageRow | None:
    """The answer that is being written."""
    query = select(*_messages).where(messages.c.thread_id == thread_id, messages.c.status == "answering")
    return await fetch_one(connection, MessageRow, query)


async def turns(connection: AsyncConnection, thread_id: UUID, limit: int) -> list[Turn]:
    """The last messages with what the model was sent and answered, oldest first."""
    columns = [messages.c[name] for name in Turn.__dataclass_fields__]
    query = select(*columns).where(*_current(thread_id)).order_by(messages.c.id.desc()).limit(limit)
    return (await fetch_all(connection, Turn, query))[::-1]


async def replace_from(connection: AsyncConnection, thread_id: UUID, message_id: UUID) -> int:
    """Put aside a message and all that follow it; gives how many. Their open cards are closed."""
    later = (messages.c.thread_id == thread_id, messages.c.id >= message_id, messages.c.replaced_at.is_(None))
    gone = select(messages.c.id).where(*later)
    closed = update(cards).where(cards.c.message_id.in_(gone), cards.c.state == "open").values(state="dismissed")
    await connection.execute(closed)
    return await affected(connection, update(messages).where(*later).values(replaced_at=func.now()))


async def write(connection: AsyncConnection, message_id: UUID, written: Written) -> Wish:
    """Keep how far an answer is. What had ended stays as it is."""
    ended = written.status != "answering"
    words = {} if written.words is None else {"words": _storable(written.words)}
    changed = (
        update(messages)
        .where(messages.c.id == message_id, messages.c.status == "answering")
        .values(
            status=written.status,
            parts=written.parts,
            exchange=written.exchange,
            model=written.model,
            error=written.error,
            touched_at=func.now(),
            finished_at=func.now() if ended else None,
            **words,
            **_columns(written.usage),
        )
        .returning(messages.c.cancel_requested_at, messages.c.followed_at)
    )
    row = (await connection.execute(changed)).one_or_none()
    return Wish(True, None) if row is None else Wish(row[0] is not None, row[1])


async def changed_since(
    connection: AsyncConnection, thread_id: UUID, message_id: UUID, moment: datetime, silent_since: datetime
) -> Followed | None:
    """An answer of a thread, if it was written on after a moment, has ended, or was not written on for long."""
    query = select(*(messages.c[name] for name in Followed.__dataclass_fields__)).where(
        messages.c.thread_id == thread_id,
        messages.c.id == message_id,
        or_(
            messages.c.touched_at > moment,
            messages.c.status != "answering",
            messages.c.touched_at < silent_since,
        ),
    )
    return await fetch_one(connection, Followed, query)


async def note_follower(connection: AsyncConnection, thread_id: UUID, message_id: UUID) -> bool:
    """Let whichever process writes an answer know that it is followed elsewhere. False: it is not there any more."""
    current = (*_current(thread_id), messages.c.id == message_id)
    return await affected(connection, update(messages).where(*current).values(followed_at=func.now())) == 1


async def asked_before(connection: AsyncConnection, thread_id: UUID, message_id: UUID) -> UUID | None:
    """The person's message that an answer answers. Index: ix_messages_thread."""
    query = select(messages.c.id).where(*_current(thread_id), messages.c.id < message_id, messages.c.role == "user")
    found = (await connection.execute(query.order_by(messages.c.id.desc()).limit(1))).scalar_one_or_none()
    return None if found is None else UUID(str(found))


async def take_up(connection: AsyncConnection, message_id: UUID) -> bool:
    """Go on with an answer that asks; False where it does not ask any more."""
    asks = update(messages).where(messages.c.id == message_id, messages.c.status == "asks")
    values = {"status": "answering", "touched_at": func.now(), "finished_at": None, "cancel_requested_at": None}
    return await affected(connection, asks.values(values)) == 1


async def settle(connection: AsyncConnection, thread_id: UUID) -> None:
    """What an answer asked for is not wanted: its owner has gone on to something else."""
    asks = update(messages).where(messages.c.thread_id == thread_id, messages.c.status == "asks")
    await connection.execute(asks.values(status="done"))


async def ask_to_stop(connection: AsyncConnection, thread_id: UUID) -> bool:
    """Let whichever process writes the answer know; False where none is written."""
    answering_one = (messages.c.thread_id == thread_id, messages.c.status == "answering")
    asked = func.coalesce(messages.c.cancel_requested_at, func.now())
    return await affected(connection, update(messages).where(*answering_one).values(cancel_requested_at=asked)) > 0


async def give_up(connection: AsyncConnection, thread_id: UUID, silent_since: datetime, why: str) -> None:
    """End an answer whose process has not been heard of since."""
    silent = (messages.c.thread_id == thread_id, messages.c.status == "answering", messages.c.touched_at < silent_since)
    await connection.execute(update(messages).where(*silent).values(status="failed", error=why, finished_at=func.now()))


async def propose(connection: AsyncConnection, card: CardRow) -> None:
    """A new, open card."""
    keep = ("id", "thread_id", "message_id", "kind", "data", "digest")
    await connection.execute(insert(cards).values({name: getattr(card, name) for name in keep}))


async def card(connection: AsyncConnection, card_id: UUID, *, lock: bool = False) -> CardRow | None:
    """One card. `lock`: one click at a time."""
    query = select(*_cards).where(cards.c.id == card_id)
    return await fetch_one(connection, CardRow, query.with_for_update() if lock else query)


async def cards_of(connection: AsyncConnection, thread_id: UUID) -> list[CardRow]:
    """A thread's cards, oldest first."""
    return await fetch_all(
        connection, CardRow, select(*_cards).where(cards.c.thread_id == thread_id).order_by(cards.c.id)
    )


async def decide(
    connection: AsyncConnection, card_id: UUID, state: str, *, action: str | None, actor: str, result: Json
) -> None:
    """What became of a card."""
    changed = update(cards).where(cards.c.id == card_id)
    await connection.execute(
        changed.values(state=state, action=action, actor=actor, result=result, decided_at=func.now())
    )


async def reopen(connection: AsyncConnection, card_id: UUID) -> None:
    """Its action was refused; the person may try again."""
    changed = update(cards).where(cards.c.id == card_id)
    await connection.execute(changed.values(state="open", action=None, actor=None, decided_at=None))


def _current(thread_id: UUID) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return messages.c.thread_id == thread_id, messages.c.replaced_at.is_(None)


def _columns(usage: Usage) -> dict[str, int | Decimal]:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "usd": usage.usd,
        "requests": usage.requests,
        "tool_calls": usage.tool_calls,
    }


def _storable(words: str) -> str:
    return words[:_LONGEST_WORDS].replace("\0", "")
