"""Who has signed in at a tool server, and what must hold before a version is published."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012_sign_ins_and_gates"
down_revision = "0011_models_and_tools"


def upgrade() -> None:
    """Nobody has signed in yet, and nothing stands before a publication."""
    for table, column in (("tool_servers", "sign_in"), ("projects", "publish_gate"), ("tasks", "publish_gate")):
        op.add_column(table, sa.Column(column, postgresql.JSON(astext_type=sa.Text()), nullable=True))
