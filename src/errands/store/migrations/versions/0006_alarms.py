"""What people are told: notices of approvals, drafts of answers, channels, messages, alarms and what is watched."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006_alarms"
down_revision = "0005_lifecycle"


def upgrade() -> None:
    """Widen what is there, then make the tables, those that others point to first."""
    _widen()
    _make_drafts()
    _make_channels()
    _make_alarms()
    _make_outbox()
    _make_watches()


def _moment(name: str, *, required: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=not required)


def _text(name: str, *, required: bool = False, default: str | None = None) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=not required, server_default=default)


def _id(name: str, *, required: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.UUID(), nullable=not required)


def _count(name: str, default: str) -> sa.Column[object]:
    return sa.Column(name, sa.Integer(), server_default=default, nullable=False)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.JSON(astext_type=sa.Text()), nullable=False)


def _texts(name: str, *, empty: bool = False) -> sa.Column[object]:
    return sa.Column(name, postgresql.ARRAY(sa.Text()), server_default="{}" if empty else None, nullable=False)


def _belongs(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE")


def _primary(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _index(name: str, table: str, *columns: str, where: str | None = None, unique: bool = False) -> None:
    only = None if where is None else sa.text(where)
    op.create_index(name, table, list(columns), unique=unique, postgresql_where=only)


def _widen() -> None:
    op.add_column("tasks", sa.Column("watched", sa.Boolean(), server_default="false", nullable=False))
    for moment in ("notice_at", "asked_at", "reminded_at", "escalated_at", "overdue_at"):
        op.add_column("approvals", _moment(moment))
    op.add_column("approvals", _count("reminders", "0"))
    _index("ix_approvals_notice", "approvals", "notice_at", where="status = 'open' and notice_at is not null")
    _index("ix_triggers_not_started", "triggers", "id", where="last_outcome in ('missed', 'failed_to_start')")


def _make_drafts() -> None:
    op.create_table(
        "approval_drafts",
        _id("approval_id"),
        _text("person", required=True),
        _text("choice"),
        _json("form"),
        _text("note"),
        _moment("saved_at", required=True),
        _belongs("approval_drafts", "approval_id", "approvals"),
        _primary("approval_drafts", "approval_id", "person"),
    )


def _make_channels() -> None:
    op.create_table(
        "channels",
        _id("id"),
        _id("project_id"),
        _text("name", required=True),
        _text("secret"),
        _texts("addresses", empty=True),
        _texts("events"),
        _moment("updated_at", required=True),
        _moment("sent_at"),
        _moment("failing_since"),
        _text("problem"),
        _belongs("channels", "project_id", "projects"),
        _primary("channels", "id"),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_channels_project_id_name")),
    )


def _make_alarms() -> None:
    op.create_table(
        "alarms",
        _id("id"),
        _id("project_id"),
        _id("task_id"),
        _text("kind", required=True),
        _text("subject", required=True, default=""),
        _text("message", required=True),
        _count("count", "1"),
        _id("run_id", required=False),
        _moment("opened_at", required=True),
        _moment("last_at", required=True),
        _moment("closed_at"),
        _text("closed_by"),
        _moment("acknowledged_at"),
        _text("acknowledged_by"),
        _text("note"),
        _belongs("alarms", "project_id", "projects"),
        _belongs("alarms", "task_id", "tasks"),
        _primary("alarms", "id"),
    )
    _index("uq_alarms_open", "alarms", "task_id", "kind", "subject", where="closed_at is null", unique=True)
    _index("ix_alarms_open", "alarms", "project_id", "id", where="closed_at is null")
    _index("ix_alarms_project", "alarms", "project_id", "id")
    _index("ix_alarms_task", "alarms", "task_id", "id")
    _index("ix_alarms_closed", "alarms", "closed_at", where="closed_at is not null")


def _make_outbox() -> None:
    op.create_table(
        "outbox",
        _id("id"),
        _id("project_id"),
        _text("event", required=True),
        _id("channel_id", required=False),
        _id("user_id", required=False),
        _id("approval_id", required=False),
        _id("alarm_id", required=False),
        _text("key", required=True),
        _text("title", required=True),
        _text("body", required=True),
        _text("status", required=True, default="pending"),
        _count("attempts", "0"),
        _text("problem"),
        _moment("created_at", required=True),
        _moment("due_at"),
        _moment("done_at"),
        _belongs("outbox", "project_id", "projects"),
        _belongs("outbox", "channel_id", "channels"),
        _belongs("outbox", "user_id", "users"),
        _primary("outbox", "id"),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    failing = "problem is not null and status in ('pending', 'failed')"
    _index("ix_outbox_due", "outbox", "due_at", where="due_at is not null")
    _index("ix_outbox_project", "outbox", "project_id", "id")
    _index("ix_outbox_failing", "outbox", "project_id", "id", where=failing)
    _index("ix_outbox_done", "outbox", "done_at", where="done_at is not null")


def _make_watches() -> None:
    op.create_table(
        "alarm_defaults",
        _id("project_id"),
        _json("rules"),
        _moment("updated_at", required=True),
        _belongs("alarm_defaults", "project_id", "projects"),
        _primary("alarm_defaults", "project_id"),
    )
    op.create_table(
        "task_watches",
        _id("task_id"),
        _id("project_id"),
        _json("own"),
        _json("rules"),
        *(
            sa.Column(name, sa.Double(), nullable=True)
            for name in ("late_seconds", "silent_seconds", "long_seconds", "long_factor", "usual_seconds")
        ),
        _count("failures", "0"),
        _count("failures_to_pause", "0"),
        _moment("silent_at"),
        _belongs("task_watches", "task_id", "tasks"),
        _belongs("task_watches", "project_id", "projects"),
        _primary("task_watches", "task_id"),
    )
    long = "long_seconds is not null or long_factor is not null"
    _index("ix_task_watches_project", "task_watches", "project_id")
    _index("ix_task_watches_silent", "task_watches", "silent_at", where="silent_at is not null")
    _index("ix_task_watches_late", "task_watches", "task_id", where="late_seconds is not null")
    _index("ix_task_watches_long", "task_watches", "task_id", where=long)
    op.create_table(
        "alarm_signals",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        _id("task_id"),
        _id("run_id"),
        _text("what", required=True),
        _text("detail"),
        _moment("at", required=True),
        _belongs("alarm_signals", "task_id", "tasks"),
        _primary("alarm_signals", "id"),
    )
