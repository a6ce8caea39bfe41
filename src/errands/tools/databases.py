"""The pools of databases that a process has open."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from errands.tools.sql_postgres import Postgres


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
