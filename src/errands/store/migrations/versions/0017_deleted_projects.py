"""Projects that are deleted, and removed once their grace is over."""

import sqlalchemy as sa
from alembic import op

revision = "0017_deleted_projects"
down_revision = "0016_followed"


def upgrade() -> None:
    """Two columns: since when a project is deleted, and when it is removed."""
    for name in ("deleted_at", "remove_at"):
        op.add_column("projects", sa.Column(name, sa.DateTime(timezone=True)))
