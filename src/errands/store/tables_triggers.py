"""The tables of what starts runs: triggers, the ledger of their planned times, calendars, backfills."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
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


def _made_at() -> Column[object]:
    return Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()"))


def _id() -> Column[object]:
    return Column("id", UUID(as_uuid=True), primary_key=True)


def _of(table: str, column: str, *, required: bool = True) -> Column[object]:
    key = ForeignKey(f"{table}.id", ondelete="CASCADE")
    return Column(column, UUID(as_uuid=True), key, nullable=not required)


triggers = Table(
    "triggers",
    metadata,
    _id(),
    _of("projects", "project_id"),
    _of("tasks", "task_id"),
    # The id that the task's file gives it.
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("definition", JSON, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("note", Text),
    Column("owner", Text),
    # Zone of schedules that name none, and what `timezone: user` stands for.
    Column("default_timezone", Text, nullable=False, server_default="UTC"),
    Column("owner_timezone", Text),
    # What an event trigger listens for, so that an index finds it.
    Column("event_task", Text),
    Column("event_outcomes", ARRAY(Text)),
    Column("event_name", Text),
    Column("event_key", Text),
    # Where a webhook is called and mail is sent: 32 random hex digits.
    Column("address", Text),
    # Every planned time up to this moment has its row in the ledger.
    _given_moment("planned_up_to"),
    # The next planned time, and when the scheduler looks at it (jitter lies between the two).
    _moment("planned_at"),
    _moment("next_at"),
    # Runs that it has started, for `max_runs`.
    Column("fired", Integer, nullable=False, server_default="0"),
    # Changes with every decision: of two schedulers that plan the same trigger one is late, and sees it here.
    Column("revision", Integer, nullable=False, server_default="0"),
    _moment("last_planned_at"),
    Column("last_outcome", Text),
    Column("last_run_id", UUID(as_uuid=True)),
    # Removed from the published version; the ledger stays.
    _moment("closed_at"),
    _made_at(),
    UniqueConstraint("task_id", "name"),
    Index("ix_triggers_next", "next_at", postgresql_where=text("next_at is not null")),
    Index("ix_triggers_project", "project_id"),
    Index("uq_triggers_address", "address", unique=True),
    Index("ix_triggers_event_task", "project_id", "event_task", postgresql_where=text("event_task is not null")),
    Index("ix_triggers_event_name", "project_id", "event_name", postgresql_where=text("event_name is not null")),
    # Alarms look for those whose last planned time came to nothing.
    Index(
        "ix_triggers_not_started",
        "id",
        postgresql_where=text("last_outcome in ('missed', 'failed_to_start')"),
    ),
)

# The ledger: one row for each planned time of a trigger, whatever became of it. What is not planned but caused (by a
# run's end, an event, a delivery) has the cause in its key: two causes may fall on one moment.
occurrences = Table(
    "occurrences",
    metadata,
    _of("triggers", "trigger_id"),
    _given_moment("planned_at"),
    Column("cause", Text, nullable=False, server_default=""),
    _given_moment("decided_at"),
    # started, queued, skipped, deferred, missed, failed_to_start
    Column("outcome", Text, nullable=False),
    # Why in one word, where there is a why: overlap, window, closed, clock_change, superseded, paused, disabled, ...
    Column("code", Text),
    Column("reason", Text),
    # No foreign key: retention removes runs one by one.
    Column("run_id", UUID(as_uuid=True)),
    # schedule, missed (made up for), backfill, event, webhook, email
    Column("source", Text, nullable=False),
    # When a deferred one is to start.
    _moment("due_at"),
    _of("backfills", "backfill_id", required=False),
    PrimaryKeyConstraint("trigger_id", "planned_at", "cause"),
    Index("ix_occurrences_due", "due_at", postgresql_where=text("due_at is not null")),
    Index("ix_occurrences_backfill", "backfill_id", postgresql_where=text("backfill_id is not null")),
    # A cause counts once: a delivery that comes again, the end of a run.
    Index("uq_occurrences_cause", "trigger_id", "cause", unique=True, postgresql_where=text("cause <> ''")),
    Index("ix_occurrences_age", "decided_at", postgresql_using="brin"),
)

# What came from outside to a trigger's address. Never what it said: an accepted payload is in its run.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _of("triggers", "trigger_id"),
    _given_moment("received_at"),
    # As in the ledger, or: repeated, refused
    Column("outcome", Text, nullable=False),
    # Why in one word: signature, late, too_large, payload, rate, ...
    Column("code", Text),
    Column("reason", Text),
    # What the sender calls it.
    Column("delivery", Text),
    Column("run_id", UUID(as_uuid=True)),
    # Refusals of one kind within one minute share a row: whoever forges fills no table.
    Column("count", Integer, nullable=False, server_default="1"),
    _moment("window_at"),
    Index("ix_deliveries_trigger", "trigger_id", "id"),
    Index("ix_deliveries_age", "received_at", postgresql_using="brin"),
    Index(
        "uq_deliveries_window",
        "trigger_id",
        "code",
        "window_at",
        unique=True,
        postgresql_where=text("window_at is not null"),
    ),
)

calendars = Table(
    "calendars",
    metadata,
    _id(),
    # None: of the whole server. A project's own of the same name goes before it.
    _of("projects", "project_id", required=False),
    Column("name", Text, nullable=False),
    # [{start, end, note}], ISO 8601 with offsets
    Column("periods", JSON, nullable=False),
    # Tasks with one of these tags take no notice of it.
    Column("exempt_tags", ARRAY(Text), nullable=False, server_default="{}"),
    _made_at(),
    UniqueConstraint("project_id", "name", postgresql_nulls_not_distinct=True),
)

backfills = Table(
    "backfills",
    metadata,
    _id(),
    _of("projects", "project_id"),
    _of("triggers", "trigger_id"),
    _given_moment("start_at"),
    _given_moment("end_at"),
    # Planned times before it are done with.
    _given_moment("cursor_at"),
    Column("overlap", Text, nullable=False),
    Column("max_concurrent", Integer, nullable=False),
    # running, paused, cancelled, done
    Column("status", Text, nullable=False, server_default="running"),
    Column("total", Integer, nullable=False),
    Column("started", Integer, nullable=False, server_default="0"),
    Column("passed_over", Integer, nullable=False, server_default="0"),
    Column("starter", Text),
    _made_at(),
    _moment("ended_at"),
    Index("ix_backfills_running", "id", postgresql_where=text("status = 'running'")),
    Index("ix_backfills_project", "project_id", "id"),
    Index("ix_backfills_trigger", "trigger_id", "id"),
    Index("ix_backfills_open", "trigger_id", postgresql_where=text("status in ('paused', 'running')")),
)

# How often triggers are delivered to, by what is counted: buckets that fill steadily. Not logged: worth a minute.
rates = Table(
    "rates",
    metadata,
    Column("key", Text, primary_key=True),
    Column("level", Double, nullable=False),
    _given_moment("at"),
    prefixes=["UNLOGGED"],
)
