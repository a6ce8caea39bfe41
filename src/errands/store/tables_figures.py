"""Figures of ended runs by quarter of an hour: what `engine.counting` adds up and `run_figures` reads.

A quarter, because every time zone in use differs from UTC by whole quarters: any reader's day is a sum of whole rows.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import UUID

from errands.store.tables import metadata

_OUTCOMES = ("succeeded", "failed", "timed_out", "cancelled", "skipped")


def _of(table: str, *, index: bool = False) -> Column[object]:
    reference = ForeignKey(f"{table}s.id", ondelete="CASCADE")
    return Column(f"{table}_id", UUID(as_uuid=True), reference, nullable=False, index=index)


def _counts(*names: str) -> list[Column[object]]:
    return [Column(name, Integer, nullable=False) for name in names]


def _spend() -> list[Column[object]]:
    return [Column("tokens", BigInteger, nullable=False), Column("usd", Numeric(18, 9), nullable=False)]


def _figures(name: str, keys: list[Column[object]], values: list[Column[object]]) -> Table:
    slot: Column[object] = Column("slot", DateTime(timezone=True), nullable=False)
    key = PrimaryKeyConstraint("project_id", "slot", *(one.name for one in keys))
    return Table(name, metadata, _of("project"), slot, *keys, *values, key)


# `slot`: the beginning, in UTC, of the quarter of an hour in which the runs were queued.
project_quarters = _figures("project_quarters", [], [*_counts(*_OUTCOMES), *_spend()])

# Running times of those that succeeded, on a scale of steps of 4 % (see `run_figures`). They add up, and every
# percentile can be read from the sums to within 2 %.
project_durations = _figures("project_durations", [Column("bucket", Integer, nullable=False)], _counts("runs"))

# The same by task and who started it. A task takes its rows along when it is removed; the project keeps its sums.
task_quarters = _figures(
    "task_quarters",
    [_of("task", index=True), Column("starter", Text, nullable=False)],
    [*_counts(*_OUTCOMES), *_spend()],
)
task_durations = _figures(
    "task_durations", [_of("task", index=True), Column("bucket", Integer, nullable=False)], _counts("runs")
)

# Runs that have asked a model, and what it was asked for.
model_quarters = _figures(
    "model_quarters",
    [Column("model", Text, nullable=False)],
    [*_counts("runs", "failed", "requests"), *_spend()],
)

# One row: runs whose last change has this number or a lower one are in the tables above.
counted_runs = Table(
    "counted_runs",
    metadata,
    Column("one", Boolean, primary_key=True, server_default="true"),
    Column("changed", BigInteger, nullable=False),
)
