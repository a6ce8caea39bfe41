"""Backfills know their project, so that its latest are found without looking at others'."""

import sqlalchemy as sa
from alembic import op

revision = "0018_backfills_of_projects"
down_revision = "0017_deleted_projects"
_OPEN = sa.text("status in ('paused', 'running')")


def upgrade() -> None:
    """One column, filled from the triggers, and the indices of lists."""
    op.add_column("backfills", sa.Column("project_id", sa.UUID()))
    op.execute(
        "update backfills set project_id = triggers.project_id from triggers where triggers.id = backfills.trigger_id"
    )
    op.alter_column("backfills", "project_id", nullable=False)
    op.create_foreign_key(
        op.f("fk_backfills_project_id"), "backfills", "projects", ["project_id"], ["id"], ondelete="CASCADE"
    )
    op.drop_index("ix_backfills_trigger", "backfills")
    op.create_index("ix_backfills_project", "backfills", ["project_id", "id"])
    op.create_index("ix_backfills_trigger", "backfills", ["trigger_id", "id"])
    op.create_index("ix_backfills_open", "backfills", ["trigger_id"], postgresql_where=_OPEN)
