"""The tables of people: accounts, sessions, tokens, groups, members, and the audit log. Whatever lets in is hashed."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, UUID

from errands.store.tables import metadata


def _moment(name: str, *, required: bool = False) -> Column[object]:
    """`required` moments default to the transaction's."""
    default = text("now()") if required else None
    return Column(name, DateTime(timezone=True), nullable=not required, server_default=default)


def _given_moment(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False)


def _id() -> Column[object]:
    return Column("id", UUID(as_uuid=True), primary_key=True)


def _of(table: str, column: str, *, required: bool = True) -> Column[object]:
    key = ForeignKey(f"{table}.id", ondelete="CASCADE")
    return Column(column, UUID(as_uuid=True), key, nullable=not required)


def _hash(name: str, *, required: bool = True) -> Column[object]:
    """SHA-256 of a random secret that is shown once."""
    return Column(name, LargeBinary, nullable=not required, unique=required)


users = Table(
    "users",
    metadata,
    _id(),
    # Sign-in name, lower case. Stays with its person for good: records name people by it.
    Column("name", Text, nullable=False, unique=True),
    Column("title", Text),
    Column("email", Text),
    Column("timezone", Text),
    Column("server_role", Text, nullable=False, server_default="member"),
    # Argon2id. None: signs on elsewhere, or has not chosen one yet.
    Column("password", Text),
    _moment("password_changed_at"),
    _moment("disabled_at"),
    _moment("last_seen_at"),
    _moment("created_at", required=True),
)

# Accounts of an outside identity provider.
identities = Table(
    "identities",
    metadata,
    _id(),
    _of("users", "user_id"),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("email", Text),
    _moment("last_used_at"),
    _moment("created_at", required=True),
    UniqueConstraint("issuer", "subject"),
    Index("ix_identities_user", "user_id"),
)

sessions = Table(
    "sessions",
    metadata,
    _id(),
    _of("users", "user_id"),
    _hash("hash"),
    # The cookie before the last rotation: honoured for a moment, for requests that were under way.
    _hash("earlier_hash", required=False),
    Column("address", Text),
    Column("agent", Text),
    _given_moment("rotated_at"),
    _given_moment("used_at"),
    _given_moment("expires_at"),
    _moment("created_at", required=True),
    Index("ix_sessions_user", "user_id"),
    Index("ix_sessions_earlier", "earlier_hash", postgresql_where=text("earlier_hash is not null")),
    Index("ix_sessions_expiry", "expires_at"),
)

tokens = Table(
    "tokens",
    metadata,
    _id(),
    _of("users", "user_id"),
    Column("name", Text, nullable=False),
    _hash("hash"),
    # The first characters, by which a person knows it again.
    Column("prefix", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    # None: every project of the person.
    Column("project_ids", ARRAY(UUID(as_uuid=True))),
    _moment("expires_at"),
    _moment("used_at"),
    _moment("revoked_at"),
    _moment("created_at", required=True),
    Index("ix_tokens_user", "user_id", "id"),
)

groups = Table(
    "groups",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("title", Text),
    _moment("created_at", required=True),
)

group_members = Table(
    "group_members",
    metadata,
    _of("groups", "group_id"),
    _of("users", "user_id"),
    PrimaryKeyConstraint("group_id", "user_id"),
    Index("ix_group_members_user", "user_id"),
)

# A role in a project, of a person or of a group: one of the two ids is set.
members = Table(
    "members",
    metadata,
    _id(),
    _of("projects", "project_id"),
    _of("users", "user_id", required=False),
    _of("groups", "group_id", required=False),
    Column("role", Text, nullable=False),
    _moment("created_at", required=True),
    Index("ix_members_person", "project_id", "user_id", unique=True, postgresql_where=text("user_id is not null")),
    Index("ix_members_group", "project_id", "group_id", unique=True, postgresql_where=text("group_id is not null")),
    Index("ix_members_user", "user_id", postgresql_where=text("user_id is not null")),
    Index("ix_members_of_group", "group_id", postgresql_where=text("group_id is not null")),
)

# Who alone may run a task, and who alone may answer for it; an empty list narrows nothing.
task_access = Table(
    "task_access",
    metadata,
    Column("task_id", UUID(as_uuid=True), ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True),
    Column("runners", ARRAY(Text), nullable=False, server_default="{}"),
    Column("answerers", ARRAY(Text), nullable=False, server_default="{}"),
)

# Links that work once: the first administrator's, and those to choose a new password.
one_time_links = Table(
    "one_time_links",
    metadata,
    _id(),
    Column("purpose", Text, nullable=False),
    _of("users", "user_id", required=False),
    _hash("hash"),
    _given_moment("expires_at"),
    _moment("used_at"),
    _moment("created_at", required=True),
    Index("ix_one_time_links_purpose", "purpose", "user_id"),
)

sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("account", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("succeeded", Boolean, nullable=False),
    _given_moment("at"),
    Index("ix_sign_in_attempts_account", "account", "at"),
    Index("ix_sign_in_attempts_address", "address", "at"),
    Index("ix_sign_in_attempts_age", "at"),
)

# Sign-ons that were begun at an identity provider and have not come back yet.
sign_ons = Table(
    "sign_ons",
    metadata,
    Column("state_hash", LargeBinary, primary_key=True),
    Column("nonce", Text, nullable=False),
    Column("verifier", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("return_to", Text),
    _given_moment("expires_at"),
    Index("ix_sign_ons_expiry", "expires_at"),
)

# Append-only: the database refuses to change or delete a row (see the migration). Names instead of foreign keys, so
# that entries outlive what they tell of.
audit_entries = Table(
    "audit_entries",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    _moment("at", required=True),
    # Reference of who acted, such as `user:ana`, and what acted for them: a person, token, trigger or the system.
    Column("actor", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("noun", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("project", Text),
    # done, denied, failed
    Column("outcome", Text, nullable=False),
    Column("detail", JSON, nullable=False),
    Index("ix_audit_entries_actor", "actor", "seq"),
    Index("ix_audit_entries_project", "project", "seq"),
    Index("ix_audit_entries_verb", "verb", "seq"),
    Index("ix_audit_entries_at", "at"),
)

# Filled by the database with every entry, emptied by the sealer.
audit_unsealed = Table(
    "audit_unsealed",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
)

# The chain, append-only too: each hash covers the entry and the hash before. Positions have no gap.
audit_seals = Table(
    "audit_seals",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False, unique=True),
    Column("hash", LargeBinary, nullable=False),
    _moment("sealed_at", required=True),
)
