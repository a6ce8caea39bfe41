"""Threads, messages, cards, attachments."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008_chat"
down_revision = "0007_doors"


def upgrade() -> None:
    """Make the tables, those that others point to first."""
    _make_threads()
    _make_messages()
    _make_cards()
    _make_attachments()


def _made_at(name: str = "created_at") -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def _json(name: str, *, required: bool = False) -> sa.Column[object]:
    return sa.Column(name, postgresql.JSON(astext_type=sa.Text()), nullable=not required)


def _belongs(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE")


def _usage() -> list[sa.Column[object]]:
    return [
        sa.Column("input_tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("usd", sa.Numeric(18, 9), server_default="0", nullable=False),
        sa.Column("requests", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tool_calls", sa.Integer(), server_default="0", nullable=False),
    ]


def _make_threads() -> None:
    op.create_table(
        "threads",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("shared", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("untrusted", sa.Boolean(), server_default="false", nullable=False),
        *_usage(),
        _made_at(),
        _made_at("active_at"),
        _belongs("threads", "project_id", "projects"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_threads")),
    )
    op.create_index("ix_threads_active", "threads", ["project_id", "active_at", "id"])


def _make_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("thread_id", sa.UUID(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        _json("parts", required=True),
        _json("exchange"),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        *_usage(),
        _made_at(),
        _moment("finished_at"),
        _moment("touched_at"),
        _moment("cancel_requested_at"),
        _moment("replaced_at"),
        _belongs("messages", "thread_id", "threads"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    current, answering = sa.text("replaced_at is null"), sa.text("status = 'answering'")
    op.create_index("ix_messages_thread", "messages", ["thread_id", "id"], postgresql_where=current)
    op.create_index("uq_messages_answering", "messages", ["thread_id"], unique=True, postgresql_where=answering)
    words = sa.text("to_tsvector('simple'::regconfig, words)")
    op.create_index("ix_messages_words", "messages", [words], postgresql_using="gin")


def _make_cards() -> None:
    op.create_table(
        "cards",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("thread_id", sa.UUID(), nullable=False),
        sa.Column("message_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        _json("data", required=True),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("action", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        _json("result"),
        _made_at(),
        _moment("decided_at"),
        _belongs("cards", "thread_id", "threads"),
        _belongs("cards", "message_id", "messages"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cards")),
    )
    op.create_index("ix_cards_thread", "cards", ["thread_id", "id"])


def _make_attachments() -> None:
    op.create_table(
        "attachments",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("thread_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        _made_at(),
        _belongs("attachments", "thread_id", "threads"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachments")),
    )
    op.create_index("ix_attachments_thread", "attachments", ["thread_id", "id"])
