"""The tables of what people are told: channels, messages on their way, alarms, and what is watched for them."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
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


def _moment(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True))


def _given_moment(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False)


def _id() -> Column[object]:
    return Column("id", UUID(as_uuid=True), primary_key=True)


def _of(table: str, column: str, *, required: bool = True, primary_key: bool = False) -> Column[object]:
    key = ForeignKey(f"{table}.id", ondelete="CASCADE")
    return Column(column, UUID(as_uuid=True), key, nullable=not required, primary_key=primary_key)


# What a person has begun to answer and not given yet.
approval_drafts = Table(
    "approval_drafts",
    metadata,
    _of("approvals", "approval_id"),
    Column("person", Text, nullable=False),
    Column("choice", Text),
    Column("form", JSON, nullable=False),
    Column("note", Text),
    _given_moment("saved_at"),
    PrimaryKeyConstraint("approval_id", "person"),
)

# What a person keeps in a project for themselves: a view of a list, a set of arguments.
saved = Table(
    "saved",
    metadata,
    _of("projects", "project_id"),
    Column("owner", Text, nullable=False),
    # What it is for: `runs`, or `arguments.TASK`.
    Column("shelf", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("value", JSON, nullable=False),
    _given_moment("saved_at"),
    PrimaryKeyConstraint("project_id", "owner", "shelf", "name"),
)

# Where a project's messages go: an apprise URL that a secret holds, or mail addresses.
channels = Table(
    "channels",
    metadata,
    _id(),
    _of("projects", "project_id"),
    Column("name", Text, nullable=False),
    # Name of the secret. None: mail to the addresses.
    Column("secret", Text),
    Column("addresses", ARRAY(Text), nullable=False, server_default="{}"),
    # What goes there: approval, failed, late, ...
    Column("events", ARRAY(Text), nullable=False),
    _given_moment("updated_at"),
    _moment("sent_at"),
    # Since when it has taken nothing, and why.
    _moment("failing_since"),
    Column("problem", Text),
    UniqueConstraint("project_id", "name"),
)

# An alarm is one episode: open until what it tells of is over. Acknowledged: somebody has seen it.
alarms = Table(
    "alarms",
    metadata,
    _id(),
    _of("projects", "project_id"),
    _of("tasks", "task_id"),
    Column("kind", Text, nullable=False),
    # What of the task it is about: a run, a trigger, an approval; empty for the task as a whole.
    Column("subject", Text, nullable=False, server_default=""),
    Column("message", Text, nullable=False),
    # How often it has come since, and when and by which run last. No foreign key: retention removes runs.
    Column("count", Integer, nullable=False, server_default="1"),
    Column("run_id", UUID(as_uuid=True)),
    _given_moment("opened_at"),
    _given_moment("last_at"),
    _moment("closed_at"),
    Column("closed_by", Text),
    _moment("acknowledged_at"),
    Column("acknowledged_by", Text),
    Column("note", Text),
    # One open alarm for each thing that can be wrong.
    Index("uq_alarms_open", "task_id", "kind", "subject", unique=True, postgresql_where=text("closed_at is null")),
    Index("ix_alarms_open", "project_id", "id", postgresql_where=text("closed_at is null")),
    Index("ix_alarms_project", "project_id", "id"),
    Index("ix_alarms_task", "task_id", "id"),
    Index("ix_alarms_closed", "closed_at", postgresql_where=text("closed_at is not null")),
)

# Messages: written in the transaction of what causes them, sent by whoever comes first, again where that has failed.
outbox = Table(
    "outbox",
    metadata,
    _id(),
    _of("projects", "project_id"),
    # What it tells of: approval, failed, late, ...
    Column("event", Text, nullable=False),
    # To a channel, or to a person's address: one of the two.
    _of("channels", "channel_id", required=False),
    _of("users", "user_id", required=False),
    # No foreign keys: retention removes these one by one.
    Column("approval_id", UUID(as_uuid=True)),
    Column("alarm_id", UUID(as_uuid=True)),
    # The same for the same message to the same recipient: it is written once.
    Column("key", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    # pending, sent, failed (given up), withdrawn (there was nothing to tell any more)
    Column("status", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("problem", Text),
    _given_moment("created_at"),
    # When it is tried next.
    _moment("due_at"),
    _moment("done_at"),
    Index("ix_outbox_due", "due_at", postgresql_where=text("due_at is not null")),
    Index("ix_outbox_project", "project_id", "id"),
    Index(
        "ix_outbox_failing",
        "project_id",
        "id",
        postgresql_where=text("problem is not null and status in ('pending', 'failed')"),
    ),
    Index("ix_outbox_done", "done_at", postgresql_where=text("done_at is not null")),
)

# The alarms of tasks that declare none, or not all.
alarm_defaults = Table(
    "alarm_defaults",
    metadata,
    _of("projects", "project_id", primary_key=True),
    Column("rules", JSON, nullable=False),
    _given_moment("updated_at"),
)

# One row for each published task that has alarms: what is watched, and how it stands.
task_watches = Table(
    "task_watches",
    metadata,
    _of("tasks", "task_id", primary_key=True),
    _of("projects", "project_id"),
    # What the task's file says, and that over the project's defaults.
    Column("own", JSON, nullable=False),
    Column("rules", JSON, nullable=False),
    # Of the rules, what is looked for by time.
    Column("late_seconds", Double),
    Column("silent_seconds", Double),
    Column("long_seconds", Double),
    Column("long_factor", Double),
    # 95 of 100 succeeded runs took no longer. None: too few yet.
    Column("usual_seconds", Double),
    # Since the last success, and since the triggers were switched off for it.
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("failures_to_pause", Integer, nullable=False, server_default="0"),
    # When the task has been silent for too long. None: it has, and is told.
    _moment("silent_at"),
    Index("ix_task_watches_project", "project_id"),
    Index("ix_task_watches_silent", "silent_at", postgresql_where=text("silent_at is not null")),
    Index("ix_task_watches_late", "task_id", postgresql_where=text("late_seconds is not null")),
    Index(
        "ix_task_watches_long",
        "task_id",
        postgresql_where=text("long_seconds is not null or long_factor is not null"),
    ),
)

# What has happened to runs of watched tasks and was not looked at yet: a run has ended, or its budget is used up.
alarm_signals = Table(
    "alarm_signals",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _of("tasks", "task_id"),
    Column("run_id", UUID(as_uuid=True), nullable=False),
    # A status of a run, or `budget`.
    Column("what", Text, nullable=False),
    Column("detail", Text),
    _given_moment("at"),
)
