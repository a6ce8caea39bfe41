"""Followers: changes of runs and records are numbered, so that what is new is found by its number alone."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import CreateSequence

revision = "0009_following"
down_revision = "0008_chat"


def upgrade() -> None:
    """Number what there is, and index the numbers."""
    changes = sa.Sequence("run_changes")
    op.execute(CreateSequence(changes))
    column = sa.Column("changed", sa.BigInteger(), nullable=False, server_default=changes.next_value())
    op.add_column("runs", column)
    op.create_index("ix_runs_changed", "runs", ["changed"])
    op.create_index("ix_steps_seq", "steps", ["seq"])
