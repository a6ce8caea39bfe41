"""Files that are let go of are noted until they are gone."""

import sqlalchemy as sa
from alembic import op

revision = "0019_unneeded_files"
down_revision = "0018_backfills_of_projects"


def upgrade() -> None:
    """One table."""
    op.create_table(
        "unneeded_files",
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_unneeded_files")),
    )
