"""The tables, by noun. Alembic's migrations are generated from here; hot SQL lies beside in `sql/`."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, UUID

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_now = text("now()")
_active = text("status in ('queued', 'running', 'waiting')")


def _moment(name: str, *, required: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=not required, server_default=_now if required else None)


def _id() -> Column[object]:
    return Column("id", UUID(as_uuid=True), primary_key=True)


def _of(table: str, *, name: str | None = None, required: bool = True) -> Column[object]:
    singular = table.rstrip("s")
    return Column(
        name or f"{singular}_id",
        UUID(as_uuid=True),
        ForeignKey(f"{table}.id", ondelete="CASCADE"),
        nullable=not required,
    )


projects = Table(
    "projects",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("title", Text),
    _moment("created_at", required=True),
    # What a version must show before it is published (services.gates). None: nothing.
    Column("publish_gate", JSON),
    # A deleted project starts nothing, and the keeper removes it from `remove_at` on.
    _moment("deleted_at"),
    _moment("remove_at"),
)

tasks = Table(
    "tasks",
    metadata,
    _id(),
    _of("projects"),
    Column("name", Text, nullable=False),
    Column("title", Text),
    Column("description", Text, nullable=False),
    Column("tags", ARRAY(Text), nullable=False, server_default="{}"),
    # No foreign key: versions point here already, and a cycle would need deferred checks.
    Column("published_version_id", UUID(as_uuid=True)),
    # What runs keep for later runs (`keep`, `state`): one JSON object, merged key by key.
    Column("state", JSON, nullable=False, server_default="{}"),
    # Keys of the state that hold data from outside.
    Column("state_untrusted", ARRAY(Text), nullable=False, server_default="{}"),
    _moment("paused_at"),
    Column("pause_note", Text),
    _moment("archived_at"),
    # What the published version says of it (`limits.keep_runs`). None: the server's setting.
    Column("keep_runs", Interval),
    # A deleted task is archived, and the keeper removes it from this moment on.
    _moment("remove_at"),
    _moment("created_at", required=True),
    # Alarms look at its runs: each that ends leaves a signal.
    Column("watched", Boolean, nullable=False, server_default="false"),
    # What a version must show before it is published (services.gates). None: nothing beyond the project's.
    Column("publish_gate", JSON),
    UniqueConstraint("project_id", "name"),
    Index("ix_tasks_removal", "remove_at", postgresql_where=text("remove_at is not null")),
)

task_versions = Table(
    "task_versions",
    metadata,
    _id(),
    _of("tasks"),
    Column("number", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("definition", JSON, nullable=False),
    Column("author", Text, nullable=False),
    Column("message", Text),
    _moment("created_at", required=True),
    # The agents that it uses, by name, as they were when it was made.
    Column("agents", JSON),
    UniqueConstraint("task_id", "number"),
)

agents = Table(
    "agents",
    metadata,
    _id(),
    _of("projects"),
    Column("name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("definition", JSON, nullable=False),
    _moment("updated_at", required=True),
    UniqueConstraint("project_id", "name"),
)

models = Table(
    "models",
    metadata,
    _id(),
    # None: of the whole installation. A project's own of the same name goes before it.
    _of("projects", required=False),
    Column("name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("definition", JSON, nullable=False),
    # Of the installation's: the projects that may use it (None: all), and the least role of whoever stores such a use.
    Column("projects", ARRAY(Text)),
    Column("least_role", Text),
    _moment("updated_at", required=True),
    UniqueConstraint("project_id", "name", postgresql_nulls_not_distinct=True),
)

secrets = Table(
    "secrets",
    metadata,
    _id(),
    # None: of the whole installation, for models and tool servers that administrators set up.
    _of("projects", required=False),
    Column("name", Text, nullable=False),
    Column("ciphertext", LargeBinary, nullable=False),
    Column("key_id", Text, nullable=False),
    _moment("created_at", required=True),
    _moment("updated_at", required=True),
    _moment("last_used_at"),
    # Names of the tasks that alone may use it. None: all of the project.
    Column("only_tasks", ARRAY(Text)),
    UniqueConstraint("project_id", "name", postgresql_nulls_not_distinct=True),
)

# Numbers the changes of runs' states, so that whoever follows sees what is new and nothing else.
run_changes = Sequence("run_changes", metadata=metadata)

runs = Table(
    "runs",
    metadata,
    _id(),
    _of("projects"),
    _of("tasks"),
    Column("version_id", UUID(as_uuid=True), ForeignKey("task_versions.id"), nullable=False),
    Column("status", Text, nullable=False),
    # Fencing: only the worker that was given the current epoch may write to the journal.
    Column("epoch", Integer, nullable=False, server_default="0"),
    # Counts wake-ups, so that a suspend that has missed one is refused.
    Column("wakes", Integer, nullable=False, server_default="0"),
    Column("holder", UUID(as_uuid=True)),
    # Admission: what the run was admitted by, and why it is held back if it is.
    # Not null, so that an index finds it: the empty text is the key of a task without one.
    Column("key", Text, nullable=False, server_default=""),
    Column("max_concurrent", Integer),
    Column("held_for", Text),
    Column("turn", Integer, nullable=False, server_default="0"),
    Column("reason", Text),
    Column("starter", Text),
    Column("trigger", JSON, nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("idempotency_key", Text),
    Column("untrusted", Boolean, nullable=False, server_default="false"),
    # Lineage. No foreign keys: retention removes runs one by one.
    Column("parent_run_id", UUID(as_uuid=True)),
    Column("parent_path", Text),
    Column("rerun_of", UUID(as_uuid=True)),
    Column("rerun_from", Text),
    _moment("queued_at", required=True),
    _moment("started_at"),
    _moment("taken_at"),
    _moment("finished_at"),
    # Seconds of running time used up before the present holder took the run.
    Column("active_seconds", Double, nullable=False, server_default="0"),
    _moment("cancel_requested_at"),
    Column("cancel_by", Text),
    Column("cancel_reason", Text),
    Column("output", JSON),
    Column("output_ref", Text),
    Column("error", JSON),
    Column("input_tokens", BigInteger, nullable=False, server_default="0"),
    Column("output_tokens", BigInteger, nullable=False, server_default="0"),
    Column("usd", Numeric(18, 9), nullable=False, server_default="0"),
    Column("requests", Integer, nullable=False, server_default="0"),
    Column("tool_calls", Integer, nullable=False, server_default="0"),
    # The number of the last change of `status`: every statement that changes it takes a new one.
    Column("changed", BigInteger, nullable=False, server_default=run_changes.next_value()),
    # History lists: ids are in the order of creation, so each filter on offer is one index and a keyset.
    Index("ix_runs_project_history", "project_id", "id"),
    Index("ix_runs_task_history", "task_id", "id"),
    Index("ix_runs_failed_history", "project_id", "status", "id", postgresql_where=text("status <> 'succeeded'")),
    Index(
        "ix_runs_task_failed_history",
        "task_id",
        "status",
        "id",
        postgresql_where=text("status <> 'succeeded'"),
    ),
    # Admission and fairness look at active runs only; both stay as small as what is active.
    Index("ix_runs_active", "task_id", "key", "status", postgresql_where=_active),
    Index("ix_runs_queued_turn", "turn", postgresql_where=text("status = 'queued'")),
    Index("ix_runs_queued_task_turn", "task_id", "turn", postgresql_where=text("status = 'queued'")),
    Index("ix_runs_held", "task_id", "key", postgresql_where=text("held_for is not null")),
    # Retention, task by task.
    Index("ix_runs_ended", "task_id", "finished_at", postgresql_where=text("finished_at is not null")),
    Index("ix_runs_changed", "changed"),
    Index("ix_runs_parent", "parent_run_id", postgresql_where=text("parent_run_id is not null")),
    Index("ix_runs_rerun", "rerun_of", postgresql_where=text("rerun_of is not null")),
    Index(
        "uq_runs_idempotency",
        "project_id",
        "idempotency_key",
        unique=True,
        postgresql_where=text("idempotency_key is not null"),
    ),
)

# The journal: insert only, one row per address. `path` is a step (`each[3].publish`) or something below it
# (`research/turn[2]`, `mail/intent`, `orders/attempt[1]`, `each/items`).
# No foreign key: the fenced insert joins the run's row anyway, and a key check for each row would cost as much again.
steps = Table(
    "steps",
    metadata,
    Column("run_id", UUID(as_uuid=True), nullable=False),
    Column("path", Text, nullable=False),
    Column("seq", BigInteger, Identity(), nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text),
    Column("epoch", Integer, nullable=False),
    Column("input", JSON),
    Column("output", JSON),
    Column("output_ref", Text),
    Column("error", JSON),
    # Usage, attempts, cache, effect key, digest: small facts that lists and the page show.
    Column("facts", JSON),
    _moment("started_at"),
    _moment("finished_at"),
    PrimaryKeyConstraint("run_id", "path"),
    Index("ix_steps_seq", "seq"),
)

# What runs wait for. A row is made with the run's journal and closed by a wake-up.
waits = Table(
    "waits",
    metadata,
    Column("run_id", UUID(as_uuid=True), ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("path", Text, nullable=False),
    Column("kind", Text, nullable=False),
    _moment("due_at"),
    Column("project_id", UUID(as_uuid=True), nullable=False),
    Column("event_name", Text),
    Column("event_key", Text),
    Column("child_run_id", UUID(as_uuid=True)),
    _moment("created_at", required=True),
    _moment("done_at"),
    # {"by": "timer" | "event" | "answer" | "child", ...}
    Column("result", JSON),
    PrimaryKeyConstraint("run_id", "path"),
    Index("ix_waits_due", "due_at", postgresql_where=text("done_at is null and due_at is not null")),
    Index("ix_waits_event", "project_id", "event_name", postgresql_where=text("done_at is null and kind = 'event'")),
    Index("ix_waits_child", "child_run_id", postgresql_where=text("done_at is null and kind = 'child'")),
)

events = Table(
    "events",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _of("projects"),
    Column("name", Text, nullable=False),
    Column("key", Text),
    Column("payload", JSON),
    Column("sender", Text),
    _moment("created_at", required=True),
    Index("ix_events_name", "project_id", "name", "id"),
)

approvals = Table(
    "approvals",
    metadata,
    _id(),
    Column("run_id", UUID(as_uuid=True), ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("path", Text, nullable=False),
    _of("projects"),
    Column("question", Text, nullable=False),
    # What is asked about where the engine asks: a tool's call with its arguments, a budget with its amounts.
    Column("subject", JSON),
    Column("form", JSON),
    Column("choices", ARRAY(Text), nullable=False),
    Column("approvers", ARRAY(Text), nullable=False),
    Column("excluded", ARRAY(Text), nullable=False),
    Column("quorum", Integer, nullable=False),
    Column("remind_seconds", Double),
    Column("escalate_seconds", Double),
    Column("escalate_to", ARRAY(Text)),
    # open, answered, expired, withdrawn
    Column("status", Text, nullable=False, server_default="open"),
    Column("choice", Text),
    _moment("created_at", required=True),
    _moment("due_at"),
    _moment("closed_at"),
    # When people are told of it next, and when they were told, reminded, joined by others, and an alarm raised.
    _moment("notice_at"),
    _moment("asked_at"),
    _moment("reminded_at"),
    Column("reminders", Integer, nullable=False, server_default="0"),
    _moment("escalated_at"),
    _moment("overdue_at"),
    UniqueConstraint("run_id", "path"),
    Index("ix_approvals_open", "project_id", "id", postgresql_where=text("status = 'open'")),
    Index("ix_approvals_notice", "notice_at", postgresql_where=text("status = 'open' and notice_at is not null")),
)

approval_answers = Table(
    "approval_answers",
    metadata,
    _of("approvals"),
    Column("person", Text, nullable=False),
    Column("choice", Text, nullable=False),
    Column("form", JSON),
    Column("note", Text),
    _moment("answered_at", required=True),
    PrimaryKeyConstraint("approval_id", "person"),
)

artifacts = Table(
    "artifacts",
    metadata,
    _id(),
    Column("run_id", UUID(as_uuid=True), ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("path", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("location", Text, nullable=False),
    _moment("created_at", required=True),
    Index("ix_artifacts_run", "run_id", "id"),
    # A rerun shares the files that the run before it began with.
    Index("ix_artifacts_inputs", "location", postgresql_where=text("path = 'trigger'")),
)

cache_entries = Table(
    "cache_entries",
    metadata,
    _of("projects"),
    Column("key", Text, nullable=False),
    Column("output", JSON, nullable=False),
    # It carries the mark of data from outside.
    Column("untrusted", Boolean, nullable=False, server_default="false"),
    _moment("expires_at", required=True),
    PrimaryKeyConstraint("project_id", "key"),
    Index("ix_cache_entries_expiry", "expires_at"),
)


def _amounts() -> list[Column[object]]:
    return [
        Column("usd", Numeric(18, 9), nullable=False, server_default="0"),
        Column("tokens", BigInteger, nullable=False, server_default="0"),
        Column("requests", Integer, nullable=False, server_default="0"),
        Column("tool_calls", Integer, nullable=False, server_default="0"),
    ]


# What the runs of a task have spent on one day, UTC (`budget.per_day`).
day_spend = Table(
    "day_spend",
    metadata,
    _of("tasks"),
    Column("day", Date, nullable=False),
    *_amounts(),
    PrimaryKeyConstraint("task_id", "day"),
)


# What calls in flight hold back of a day's budget, until their record settles it or their run ends.
day_holds = Table(
    "day_holds",
    metadata,
    _of("tasks"),
    Column("day", Date, nullable=False),
    Column("run_id", UUID(as_uuid=True), nullable=False),
    Column("path", Text, nullable=False),
    *_amounts(),
    PrimaryKeyConstraint("run_id", "path"),
    Index("ix_day_holds_task", "task_id", "day"),
)

# What people have added to a day's budget, each answer once.
day_raises = Table(
    "day_raises",
    metadata,
    _of("tasks"),
    Column("day", Date, nullable=False),
    Column("run_id", UUID(as_uuid=True), nullable=False),
    Column("path", Text, nullable=False),
    *_amounts(),
    PrimaryKeyConstraint("run_id", "path"),
    Index("ix_day_raises_task", "task_id", "day"),
)

log_lines = Table(
    "log_lines",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("run_id", UUID(as_uuid=True), ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("path", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("message", Text, nullable=False),
    _moment("logged_at", required=True),
    Index("ix_log_lines_run", "run_id", "id"),
)

workers = Table(
    "workers",
    metadata,
    _id(),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("release", Text, nullable=False),
    _moment("started_at", required=True),
    _moment("seen_at", required=True),
)

# Files that no run and no thread needs any more, until they are gone.
unneeded_files = Table(
    "unneeded_files",
    metadata,
    Column("ref", Text, primary_key=True),
    _moment("noted_at", required=True),
)
