"""Figures: one JSON line each, beside the limit or peer that was measured in the same run."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import asyncpg


@dataclass(frozen=True)
class Figure:
    """One measured figure. `ratio` is value over limit.

    `target` bounds the ratio; the value where limit is None, or where it is only there to compare (`judged`).
    """

    name: str
    value: float
    unit: str
    target: float
    limit: float | None = None
    better: Literal["higher", "lower"] = "higher"
    judged: Literal["ratio", "value"] = "ratio"

    @property
    def ratio(self) -> float | None:
        return None if self.limit is None else self.value / self.limit

    @property
    def met(self) -> bool:
        measured = self.value if self.ratio is None or self.judged == "value" else self.ratio
        return measured >= self.target if self.better == "higher" else measured <= self.target

    def line(self) -> str:
        ratio = None if self.ratio is None else round(self.ratio, 3)
        limit = None if self.limit is None else round(self.limit, 3)
        return json.dumps(
            {
                "name": self.name,
                "value": round(self.value, 3),
                "unit": self.unit,
                "limit": limit,
                "ratio": ratio,
                "target": self.target,
                "met": self.met,
            }
        )


def report(figures: Sequence[Figure]) -> None:
    """Print every figure and leave with 1 if one is not met."""
    for figure in figures:
        print(figure.line(), flush=True)
    sys.exit(0 if all(figure.met for figure in figures) else 1)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    ranked = sorted(values)
    return ranked[min(int(len(ranked) * share), len(ranked) - 1)]


async def bare_commits(url: str, connections: int, commits: int = 1600) -> float:
    """One-row commits per second, on so many connections at once: the price list of this machine and database."""
    async with asyncpg.create_pool(url, min_size=connections, max_size=connections) as pool:
        return await _commit(pool, connections, commits)


async def _commit(pool: asyncpg.Pool, connections: int, commits: int) -> float:
    await pool.execute("create table if not exists bare_commits (id bigserial primary key, v text)")

    async def some(count: int) -> None:
        async with pool.acquire() as connection:
            for _ in range(count):
                await connection.execute("insert into bare_commits (v) values ('x')")

    began = time.perf_counter()
    await asyncio.gather(*(some(commits // connections) for _ in range(connections)))
    return commits / (time.perf_counter() - began)
