"""Triggers, the ledger of their planned times, calendars, backfills."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003_triggers"
down_revision = "0002_people"


def upgrade() -> None:
    """Make the tables, those that others point to first."""
    _make_triggers()
    _make_backfills()
    _make_occurrences()
    _make_calendars()


def _moment(name: str, *, required: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=not required)


def _made_at() -> sa.Column[object]:
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def _belongs(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE")


def _make_triggers() -> None:
    op.create_table(
        "triggers",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("task_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("definition", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("default_timezone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("owner_timezone", sa.Text(), nullable=True),
        sa.Column("event_task", sa.Text(), nullable=True),
        sa.Column("event_outcomes", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("event_name", sa.Text(), nullable=True),
        sa.Column("event_key", sa.Text(), nullable=True),
        _moment("planned_up_to", required=True),
        _moment("planned_at"),
        _moment("next_at"),
        sa.Column("fired", sa.Integer(), server_default="0", nullable=False),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        _moment("last_planned_at"),
        sa.Column("last_outcome", sa.Text(), nullable=True),
        sa.Column("last_run_id", sa.UUID(), nullable=True),
        _moment("closed_at"),
        _made_at(),
        _belongs("triggers", "project_id", "projects"),
        _belongs("triggers", "task_id", "tasks"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_triggers")),
        sa.UniqueConstraint("task_id", "name", name=op.f("uq_triggers_task_id_name")),
    )
    op.create_index("ix_triggers_next", "triggers", ["next_at"], postgresql_where=sa.text("next_at is not null"))
    op.create_index("ix_triggers_project", "triggers", ["project_id"])
    for column in ("event_task", "event_name"):
        only = sa.text(f"{column} is not null")
        op.create_index(f"ix_triggers_{column}", "triggers", ["project_id", column], postgresql_where=only)


def _make_backfills() -> None:
    op.create_table(
        "backfills",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("trigger_id", sa.UUID(), nullable=False),
        _moment("start_at", required=True),
        _moment("end_at", required=True),
        _moment("cursor_at", required=True),
        sa.Column("overlap", sa.Text(), nullable=False),
        sa.Column("max_concurrent", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), server_default="running", nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("started", sa.Integer(), server_default="0", nullable=False),
        sa.Column("passed_over", sa.Integer(), server_default="0", nullable=False),
        sa.Column("starter", sa.Text(), nullable=True),
        _made_at(),
        _moment("ended_at"),
        _belongs("backfills", "trigger_id", "triggers"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backfills")),
    )
    running = sa.text("status = 'running'")
    op.create_index("ix_backfills_running", "backfills", ["id"], postgresql_where=running)
    op.create_index("ix_backfills_trigger", "backfills", ["trigger_id"])


def _make_occurrences() -> None:
    op.create_table(
        "occurrences",
        sa.Column("trigger_id", sa.UUID(), nullable=False),
        _moment("planned_at", required=True),
        sa.Column("cause", sa.Text(), server_default="", nullable=False),
        _moment("decided_at", required=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("run_id", sa.UUID(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        _moment("due_at"),
        sa.Column("backfill_id", sa.UUID(), nullable=True),
        _belongs("occurrences", "trigger_id", "triggers"),
        _belongs("occurrences", "backfill_id", "backfills"),
        sa.PrimaryKeyConstraint("trigger_id", "planned_at", "cause", name=op.f("pk_occurrences")),
    )
    due, filled = sa.text("due_at is not null"), sa.text("backfill_id is not null")
    op.create_index("ix_occurrences_due", "occurrences", ["due_at"], postgresql_where=due)
    op.create_index("ix_occurrences_backfill", "occurrences", ["backfill_id"], postgresql_where=filled)
    caused = sa.text("cause <> ''")
    op.create_index(
        "uq_occurrences_cause", "occurrences", ["trigger_id", "cause"], unique=True, postgresql_where=caused
    )
    op.create_index("ix_occurrences_age", "occurrences", ["decided_at"], postgresql_using="brin")


def _make_calendars() -> None:
    op.create_table(
        "calendars",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("project_id", sa.UUID(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("periods", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.Column("exempt_tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        _made_at(),
        _belongs("calendars", "project_id", "projects"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendars")),
        sa.UniqueConstraint(
            "project_id", "name", name=op.f("uq_calendars_project_id_name"), postgresql_nulls_not_distinct=True
        ),
    )
