"""Addresses of triggers that listen to the outside, and what has come to them; files that runs begin with."""

import sqlalchemy as sa
from alembic import op

revision = "0007_doors"
down_revision = "0006_alarms"


def upgrade() -> None:
    """Give each webhook and mail trigger an address, and make the table of deliveries."""
    op.add_column("triggers", sa.Column("address", sa.Text(), nullable=True))
    op.execute(
        "update triggers set address = replace(gen_random_uuid()::text, '-', '') where kind in ('webhook', 'email')"
    )
    op.create_index("uq_triggers_address", "triggers", ["address"], unique=True)
    op.create_index("ix_artifacts_inputs", "artifacts", ["location"], postgresql_where=sa.text("path = 'trigger'"))
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("trigger_id", sa.UUID(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("delivery", sa.Text(), nullable=True),
        sa.Column("run_id", sa.UUID(), nullable=True),
        sa.Column("count", sa.Integer(), server_default="1", nullable=False),
        sa.Column("window_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["trigger_id"], ["triggers.id"], name=op.f("fk_deliveries_trigger_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index("ix_deliveries_trigger", "deliveries", ["trigger_id", "id"])
    op.create_index("ix_deliveries_age", "deliveries", ["received_at"], postgresql_using="brin")
    op.create_index(
        "uq_deliveries_window",
        "deliveries",
        ["trigger_id", "code", "window_at"],
        unique=True,
        postgresql_where=sa.text("window_at is not null"),
    )
