"""Retention and deletion of tasks, and secrets that only some tasks may use."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005_lifecycle"
down_revision = "0004_frozen_agents"


def upgrade() -> None:
    """Add the columns, and the indexes by which the keeper finds what has to go."""
    op.add_column("tasks", sa.Column("keep_runs", sa.Interval(), nullable=True))
    op.add_column("tasks", sa.Column("remove_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("secrets", sa.Column("only_tasks", postgresql.ARRAY(sa.Text()), nullable=True))
    op.create_index(
        "ix_tasks_removal", "tasks", ["remove_at"], unique=False, postgresql_where=sa.text("remove_at is not null")
    )
    op.create_index(
        "ix_runs_ended",
        "runs",
        ["task_id", "finished_at"],
        unique=False,
        postgresql_where=sa.text("finished_at is not null"),
    )
