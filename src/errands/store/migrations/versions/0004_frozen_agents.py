"""Versions keep the agents that they use as they were."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004_frozen_agents"
down_revision = "0003_triggers"


def upgrade() -> None:
    """Earlier versions have none, and go on with whatever the project's agents are."""
    op.add_column("task_versions", sa.Column("agents", postgresql.JSON(astext_type=sa.Text()), nullable=True))
