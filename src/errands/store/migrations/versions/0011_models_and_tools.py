"""The installation's own models and secrets, tool servers, and how much models were asked lately."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011_models_and_tools"
down_revision = "0010_guard"


def upgrade() -> None:
    """What projects have stays theirs."""
    _share("secrets")
    _share("models")
    op.add_column("models", sa.Column("projects", postgresql.ARRAY(sa.Text()), nullable=True))
    op.add_column("models", sa.Column("least_role", sa.Text(), nullable=True))
    _make_tool_servers()
    _make_model_minutes()


def _share(table: str) -> None:
    """Rows without a project are the installation's, each name once."""
    op.alter_column(table, "project_id", nullable=True)
    op.drop_constraint(op.f(f"uq_{table}_project_id_name"), table)
    op.create_unique_constraint(
        op.f(f"uq_{table}_project_id_name"), table, ["project_id", "name"], postgresql_nulls_not_distinct=True
    )


def _moment(name: str, *, required: bool = False) -> sa.Column[object]:
    default = sa.text("now()") if required else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=not required)


def _json(name: str, *, required: bool = False, default: str | None = None) -> sa.Column[object]:
    return sa.Column(name, postgresql.JSON(astext_type=sa.Text()), server_default=default, nullable=not required)


def _make_tool_servers() -> None:
    op.create_table(
        "tool_servers",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("project_id", sa.UUID(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        _json("connection", required=True),
        sa.Column("projects", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("enabled", sa.Boolean(), server_default="true", nullable=False),
        _json("tools"),
        _json("found"),
        _json("effects", required=True, default="{}"),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        _moment("checked_at"),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        _moment("created_at", required=True),
        _moment("updated_at", required=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_tool_servers_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tool_servers")),
        sa.UniqueConstraint(
            "project_id", "name", name=op.f("uq_tool_servers_project_id_name"), postgresql_nulls_not_distinct=True
        ),
    )


def _make_model_minutes() -> None:
    op.create_table(
        "model_minutes",
        sa.Column("model_id", sa.UUID(), nullable=False),
        sa.Column("minute", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_model_minutes_model_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("model_id", "minute", name=op.f("pk_model_minutes")),
    )
    op.create_index("ix_model_minutes_age", "model_minutes", ["minute"])
