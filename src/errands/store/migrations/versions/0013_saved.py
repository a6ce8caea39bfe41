"""What people keep for themselves in a project: views of lists, sets of arguments."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013_saved"
down_revision = "0012_sign_ins_and_gates"


def upgrade() -> None:
    """One new table."""
    op.create_table(
        "saved",
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("shelf", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_saved_project_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_id", "owner", "shelf", "name", name=op.f("pk_saved")),
    )
