"""How often triggers are delivered to, counted by all servers together."""

import sqlalchemy as sa
from alembic import op

revision = "0014_rates"
down_revision = "0013_saved"


def upgrade() -> None:
    """One new table. What it holds is worth a minute: it is not logged, and empty after a crash of the database."""
    op.create_table(
        "rates",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("level", sa.Double(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rates")),
        prefixes=["UNLOGGED"],
    )
