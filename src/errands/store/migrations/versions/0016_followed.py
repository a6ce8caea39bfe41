"""When somebody last followed an answer from another server than the one that writes it."""

import sqlalchemy as sa
from alembic import op

revision = "0016_followed"
down_revision = "0015_run_figures"


def upgrade() -> None:
    """One column of messages. Whoever writes an answer keeps it more often while it is followed."""
    op.add_column("messages", sa.Column("followed_at", sa.DateTime(timezone=True), nullable=True))
