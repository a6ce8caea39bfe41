"""Marks that outlive their run, what the engine asks about, and a day's budget held and raised."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010_guard"
down_revision = "0009_following"


def upgrade() -> None:
    """Add columns and tables. What was kept before anything was marked counts as our own."""
    names = postgresql.ARRAY(sa.Text())
    op.add_column("tasks", sa.Column("state_untrusted", names, server_default="{}", nullable=False))
    op.add_column("cache_entries", sa.Column("untrusted", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("approvals", sa.Column("subject", postgresql.JSON(astext_type=sa.Text()), nullable=True))
    for table in ("day_holds", "day_raises"):
        _make_amounts(table)


def _make_amounts(table: str) -> None:
    op.create_table(
        table,
        sa.Column("task_id", sa.UUID(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("run_id", sa.UUID(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("usd", sa.Numeric(18, 9), server_default="0", nullable=False),
        sa.Column("tokens", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("requests", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tool_calls", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f(f"fk_{table}_task_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "path", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"ix_{table}_task", table, ["task_id", "day"])
