"""The tables of what agents and steps reach: tool servers, and how much models were asked lately."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, UUID

from errands.store.tables import metadata

_now = text("now()")

tool_servers = Table(
    "tool_servers",
    metadata,
    Column("id", UUID(as_uuid=True), primary_key=True),
    # None: of the whole installation. A project's own of the same name goes before it.
    Column("project_id", UUID(as_uuid=True), ForeignKey("projects.id", ondelete="CASCADE")),
    Column("name", Text, nullable=False),
    # How it is reached: a program or an address. Secrets stand in it by name.
    Column("connection", JSON, nullable=False),
    # Of the installation's: the projects that may use it. None: all.
    Column("projects", ARRAY(Text)),
    Column("enabled", Boolean, nullable=False, server_default="true"),
    # The tools that were accepted, as the server described them then. None: nobody has accepted any yet.
    Column("tools", JSON),
    # What it says that it has now, where that differs.
    Column("found", JSON),
    # {tool: none | reads | changes}, in place of the server's own hints
    Column("effects", JSON, nullable=False, server_default="{}"),
    # {by, at, issuer, scope}: who has signed in at it; the token lies in `secrets`. None: nobody.
    Column("sign_in", JSON),
    # Counts what is set and accepted, so that sessions and caches know when they are out of date.
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("checked_at", DateTime(timezone=True)),
    # What was wrong with it at the last look or call. None: nothing.
    Column("problem", Text),
    Column("created_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_now),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=_now),
    UniqueConstraint("project_id", "name", postgresql_nulls_not_distinct=True),
)

# What was asked of a model with a rate, minute by minute, by all workers together.
model_minutes = Table(
    "model_minutes",
    metadata,
    Column("model_id", UUID(as_uuid=True), ForeignKey("models.id", ondelete="CASCADE"), nullable=False),
    Column("minute", DateTime(timezone=True), nullable=False),
    Column("requests", Integer, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    PrimaryKeyConstraint("model_id", "minute"),
    Index("ix_model_minutes_age", "minute"),
)
