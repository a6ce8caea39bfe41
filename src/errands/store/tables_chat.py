"""The tables of the chat: threads, messages, cards that wait for a click, attachments."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, UUID

from errands.store.tables import metadata


def _id() -> Column[object]:
    return Column("id", UUID(as_uuid=True), primary_key=True)


def _of(table: str, column: str, *, required: bool = True) -> Column[object]:
    key = ForeignKey(f"{table}.id", ondelete="CASCADE")
    return Column(column, UUID(as_uuid=True), key, nullable=not required)


def _moment(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True))


def _made_at(name: str = "created_at") -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=text("now()"))


def _usage() -> list[Column[object]]:
    return [
        Column("input_tokens", BigInteger, nullable=False, server_default="0"),
        Column("output_tokens", BigInteger, nullable=False, server_default="0"),
        Column("usd", Numeric(18, 9), nullable=False, server_default="0"),
        Column("requests", Integer, nullable=False, server_default="0"),
        Column("tool_calls", Integer, nullable=False, server_default="0"),
    ]


threads = Table(
    "threads",
    metadata,
    _id(),
    _of("projects", "project_id"),
    # Reference of the person whose it is, such as `user:ana`.
    Column("owner", Text, nullable=False),
    Column("title", Text),
    # Name of the project's agent that answers. Null: the assistant with the server's default model.
    Column("agent", Text),
    Column("shared", Boolean, nullable=False, server_default="false"),
    # Something from outside (a page, a file, a run's output) has been read in it.
    Column("untrusted", Boolean, nullable=False, server_default="false"),
    *_usage(),
    _made_at(),
    # Of the last message: the order of lists.
    _made_at("active_at"),
    Index("ix_threads_active", "project_id", "active_at", "id"),
)

messages = Table(
    "messages",
    metadata,
    _id(),
    _of("threads", "thread_id"),
    # user, assistant
    Column("role", Text, nullable=False),
    # answering, done, asks (a tool call waits for a click), cancelled, failed
    Column("status", Text, nullable=False),
    # As the page draws it: the parts of the stream protocol's messages.
    Column("parts", JSON, nullable=False),
    # What the model was sent and answered in this turn. Null: no model took part.
    Column("exchange", JSON),
    # The words alone, for the search.
    Column("words", Text, nullable=False, server_default=""),
    Column("model", Text),
    Column("error", Text),
    *_usage(),
    _made_at(),
    _moment("finished_at"),
    # An answer's process says every few seconds that it is still there.
    _moment("touched_at"),
    _moment("cancel_requested_at"),
    # Somebody on another server follows the answer; said every second or so. It is kept more often then.
    _moment("followed_at"),
    # It was edited or asked for again: what follows took its place.
    _moment("replaced_at"),
    Index("ix_messages_thread", "thread_id", "id", postgresql_where=text("replaced_at is null")),
    # One answer at a time.
    Index("uq_messages_answering", "thread_id", unique=True, postgresql_where=text("status = 'answering'")),
    Index(
        "ix_messages_words",
        func.to_tsvector(literal_column("'simple'::regconfig"), literal_column("words")),
        postgresql_using="gin",
    ),
)

cards = Table(
    "cards",
    metadata,
    _id(),
    _of("threads", "thread_id"),
    _of("messages", "message_id"),
    Column("kind", Text, nullable=False),
    Column("data", JSON, nullable=False),
    # Names exactly what was shown; a click gives it back.
    Column("digest", Text, nullable=False),
    # open, done, dismissed
    Column("state", Text, nullable=False, server_default="open"),
    Column("action", Text),
    Column("actor", Text),
    Column("result", JSON),
    _made_at(),
    _moment("decided_at"),
    Index("ix_cards_thread", "thread_id", "id"),
)

attachments = Table(
    "attachments",
    metadata,
    _id(),
    _of("threads", "thread_id"),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("location", Text, nullable=False),
    # What a model is shown of it. Null: nothing could be read; `note` says why.
    Column("words", Text),
    Column("note", Text),
    _made_at(),
    Index("ix_attachments_thread", "thread_id", "id"),
)
