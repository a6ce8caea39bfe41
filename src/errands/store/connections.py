"""The database driver as hand-written SQL sees it: asyncpg, which carries no types of its own."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol


class Row(Protocol):
    """A fetched row; columns by name or position, typed where they are read."""

    def __getitem__(self, column: str | int) -> Any: ...


class Connection(Protocol):
    """One connection; outside `transaction()` each statement commits by itself."""

    async def fetch(self, query: str, *arguments: object) -> Sequence[Row]: ...

    async def fetchrow(self, query: str, *arguments: object) -> Row | None: ...

    async def fetchval(self, query: str, *arguments: object) -> Any: ...

    async def execute(self, query: str, *arguments: object) -> str: ...

    async def executemany(self, query: str, arguments: Sequence[Sequence[object]]) -> None: ...

    def transaction(self) -> AbstractAsyncContextManager[None]: ...


class Pool(Protocol):
    """Connections to share; each method but `acquire` takes one for one statement."""

    def acquire(self) -> AbstractAsyncContextManager[Connection]: ...

    async def fetch(self, query: str, *arguments: object) -> Sequence[Row]: ...

    async def fetchrow(self, query: str, *arguments: object) -> Row | None: ...

    async def fetchval(self, query: str, *arguments: object) -> Any: ...

    async def execute(self, query: str, *arguments: object) -> str: ...
