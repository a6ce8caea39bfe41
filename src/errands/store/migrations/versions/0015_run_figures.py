"""Figures of ended runs, counted once: insights cost the same however many runs there were."""

import sqlalchemy as sa
from alembic import op

revision = "0015_run_figures"
down_revision = "0014_rates"

_OUTCOMES = ("succeeded", "failed", "timed_out", "cancelled", "skipped")


def upgrade() -> None:
    """New tables, empty. Keepers count what there is, some thousand runs at a time, while the server is at work."""
    _figures("project_quarters", (), (*_counts(*_OUTCOMES), *_spend()))
    _figures("project_durations", (_int("bucket"),), _counts("runs"))
    _figures("task_quarters", (_task(), _text("starter")), (*_counts(*_OUTCOMES), *_spend()))
    _figures("task_durations", (_task(), _int("bucket")), _counts("runs"))
    _figures("model_quarters", (_text("model"),), (*_counts("runs", "failed", "requests"), *_spend()))
    mark = op.create_table(
        "counted_runs",
        sa.Column("one", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_counted_runs")),
    )
    op.bulk_insert(mark, [{"one": True, "changed": 0}])


def _figures(name: str, keys: tuple[sa.Column[object], ...], values: tuple[sa.Column[object], ...]) -> None:
    tasks = [one.name for one in keys if one.name == "task_id"]
    op.create_table(
        name,
        sa.Column("project_id", sa.UUID(), nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        *keys,
        *values,
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f(f"fk_{name}_project_id"), ondelete="CASCADE"
        ),
        *(
            sa.ForeignKeyConstraint([task], ["tasks.id"], name=op.f(f"fk_{name}_task_id"), ondelete="CASCADE")
            for task in tasks
        ),
        sa.PrimaryKeyConstraint("project_id", "slot", *(one.name for one in keys), name=op.f(f"pk_{name}")),
    )
    if tasks:
        op.create_index(f"ix_{name}_task_id", name, ["task_id"])


def _counts(*names: str) -> tuple[sa.Column[object], ...]:
    return tuple(sa.Column(name, sa.Integer(), nullable=False) for name in names)


def _spend() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("usd", sa.Numeric(18, 9), nullable=False),
    )


def _task() -> sa.Column[object]:
    return sa.Column("task_id", sa.UUID(), nullable=False)


def _int(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=False)
