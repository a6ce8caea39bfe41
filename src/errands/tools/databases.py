"""Databases behind one face: Postgres over asyncpg, SQLite in a thread, every other through SQLAlchemy in a child."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from errands.core.values import Json

if TYPE_CHECKING:
    from errands.tools.sql_postgres import Postgres


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement to run, with bounds."""

    sql: str
    params: Sequence[Mapping[str, Json]]
    """One object for each execution; a query has exactly one."""
    seconds: float
    max_rows: int = 0
    max_bytes: int = 0


class Database(Protocol):
    """Where statements run. Both raise Refusal or StepFailed; cancelling stops the statement in the database."""

    async def query(self, statement: Statement) -> Mapping[str, object]:
        """Read-only. `{rows, row_count, columns, truncated}`."""
        ...

    async def execute(self, statements: Sequence[Statement]) -> int:
        """All in one transaction. Rows affected."""
        ...


class Databases:
    """The pools of a process, by URL."""

    def __init__(self, connections: int, programs: Callable[[], Path | None] = lambda: None) -> None:
        self._connections = connections
        self.programs = programs
        """The folder of PostgreSQL's own programs; None: they are on PATH, if anywhere."""
        self._pools: dict[str, Postgres] = {}
        self.copies = asyncio.Semaphore(max(connections // 2, 1))
        """Copies at once: each holds two connections, perhaps of one pool, and none may starve the other."""

    def postgres(self, url: str) -> "Postgres":
        """The pool of a Postgres URL, opened on first use."""
        from errands.tools.sql_postgres import Postgres

        if url not in self._pools:
            self._pools[url] = Postgres(url, self._connections)
        return self._pools[url]

    async def aclose(self) -> None:
        """Close all pools."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            await pool.aclose()
