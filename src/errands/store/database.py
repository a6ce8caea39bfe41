"""The database that a process works on: an asyncpg pool for the hot path, SQLAlchemy for everything else."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from errands.store.errors import StoreUnavailable

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.pool import ConnectionPoolEntry

    from errands.store.embedded import EmbeddedServer

MINIMUM_VERSION = 15
_CONNECT_TIMEOUT_SECONDS = 10.0
# The hot path has a few dozen statements; none is ever planned twice on a connection.
_STATEMENT_CACHE = 256
_QUERY_CONNECTIONS = 5
_ARRAYS = "select " + ", ".join(
    f"null::{kind}[]" for kind in ("uuid", "json", "bool", "int", "bigint", "float8", "numeric", "timestamptz", "bytea")
)
FULL = (
    "Every process may hold as many connections as ERRANDS_DATABASE_POOL says, and some more: lower it for all, "
    "start fewer processes, or raise max_connections of the database server."
)
"""What to do where the database takes no more connections."""


class Database:
    """An open database. Make one with `Database.open`; `close` it when done."""

    def __init__(self, url: str, pool: asyncpg.Pool, embedded: "EmbeddedServer | None") -> None:
        self.url = url
        """`postgresql://...`, password included: never show it, see `shown_url`."""
        self.pool = pool
        self._embedded = embedded

    @classmethod
    async def open(cls, url: str | None, home: Path, *, pool_size: int = 10, keep_running: bool = False) -> "Database":
        """Connect to the server at `url`, or to the embedded one of the home folder when `url` is None.

        `pool_size` is the most connections that the pool holds; SQLAlchemy holds up to 5 of its own
        for writing and up to 5 for reading.
        `keep_running` leaves an embedded server running after its last user. Raises StoreUnavailable.
        """
        if url is not None:
            url = normal_url(url)
            return cls(url, await _connect(url, pool_size), None)
        from errands.store.embedded import EmbeddedServer

        embedded = EmbeddedServer(home, keep_running)
        url = await asyncio.to_thread(embedded.acquire)
        try:
            return cls(url, await _connect(url, pool_size, missing=_create), embedded)
        except BaseException:
            await asyncio.to_thread(embedded.release)
            raise

    @cached_property
    def engine(self) -> "AsyncEngine":
        """SQLAlchemy's engine, made on first use: importing SQLAlchemy takes a third of a second."""
        return self._make_engine()

    @cached_property
    def reader(self) -> "AsyncEngine":
        """For reading only, without a transaction, on connections of its own: the server refuses a write through it.

        Each statement sees what is committed when it begins, as it does in a transaction of this isolation level.
        """
        return self._make_engine(reading=True)

    def _make_engine(self, *, reading: bool = False) -> "AsyncEngine":
        from sqlalchemy import event
        from sqlalchemy.ext.asyncio import create_async_engine

        from errands.core.values import from_text, to_text

        async def connect() -> asyncpg.Connection:
            connection = await asyncpg.connect(self.url, timeout=_CONNECT_TIMEOUT_SECONDS, **_SESSION)
            if reading:
                await connection.execute("set session characteristics as transaction read only")
            return connection

        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=connect,
            json_serializer=to_text,
            json_deserializer=from_text,
            pool_size=_QUERY_CONNECTIONS,
            max_overflow=0,
            **({"isolation_level": "AUTOCOMMIT"} if reading else {}),
        )
        event.listen(engine.sync_engine, "checkout", _leave_closed)
        return engine

    async def revive(self) -> bool:
        """Start an embedded server anew that has died; False: there was nothing to do. Raises StoreUnavailable."""
        if self._embedded is None or not await asyncio.to_thread(self._embedded.revive):
            return False
        import structlog

        structlog.get_logger().warning("database.revived")
        return True

    async def warm(self, connections: int = 4) -> None:
        """Open some connections of the pool at once, before anybody waits for one. Those it cannot have it leaves."""
        wanted = min(connections, int(self.pool.get_max_size()))
        opened = await asyncio.gather(*(self.pool.acquire() for _ in range(wanted)), return_exceptions=True)
        for connection in opened:
            if not isinstance(connection, BaseException):
                await self.pool.release(connection)

    @property
    def shown_url(self) -> str:
        """The URL without its password."""
        return without_password(self.url)

    @property
    def most_connections(self) -> int:
        """How many connections this process may come to hold."""
        return int(self.pool.get_max_size()) + 2 * _QUERY_CONNECTIONS

    @property
    def embedded(self) -> bool:
        """Whether this is the embedded server of the home folder."""
        return self._embedded is not None

    async def close(self) -> None:
        """Close all connections; the last user of an embedded server stops it."""
        try:
            for name in ("engine", "reader"):
                if name in self.__dict__:
                    await self.__dict__[name].dispose()
            await self.pool.close()
        finally:
            if self._embedded is not None:
                await asyncio.to_thread(self._embedded.release)


_SESSION = {"server_settings": {"application_name": "errands", "timezone": "UTC"}}


def normal_url(url: str) -> str:
    """The URL as asyncpg takes it. Raises StoreUnavailable for what is no PostgreSQL URL."""
    scheme, separator, rest = url.strip().partition("://")
    if not separator or scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise StoreUnavailable(
            f"The database URL must begin with postgresql://, not with {scheme[:20]!r}.",
            "Set ERRANDS_DATABASE_URL to postgresql://USER:PASSWORD@HOST:5432/DATABASE, "
            "or unset it to use the embedded database.",
        )
    return f"postgresql://{rest}"


def without_password(url: str) -> str:
    """The URL fit for a log line or an error."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    query = "&".join(item for item in parts.query.split("&") if not item.lower().startswith("password="))
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}{at}{host}", query=query))


async def _connect(url: str, pool_size: int, missing: Callable[[str], Awaitable[None]] | None = None) -> asyncpg.Pool:
    """A pool whose first connection has proved that the server is there and new enough.

    `missing` makes the database where it does not exist yet.
    """
    try:
        pool = await _open_pool(url, pool_size)
    except asyncpg.InvalidCatalogNameError as error:
        if missing is None:
            raise _refused(url, error) from error
        await missing(url)
        pool = await _open_pool(url, pool_size)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise _refused(url, error) from error
    async with pool.acquire() as connection:
        version: int = connection.get_server_version().major
    if version < MINIMUM_VERSION:
        await pool.close()
        raise StoreUnavailable(
            f"The server at {without_password(url)} is PostgreSQL {version}; Errands needs {MINIMUM_VERSION} or newer.",
            "Upgrade the server, or unset ERRANDS_DATABASE_URL to use the embedded database.",
        )
    return pool


async def _open_pool(url: str, pool_size: int) -> asyncpg.Pool:
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=pool_size,
        timeout=_CONNECT_TIMEOUT_SECONDS,
        statement_cache_size=_STATEMENT_CACHE,
        max_cached_statement_lifetime=0,
        init=_learn_types,
        reset=_leave_as_it_is,
        **_SESSION,
    )


def _refused(url: str, error: Exception) -> StoreUnavailable:
    if isinstance(error, asyncpg.TooManyConnectionsError):
        return StoreUnavailable(f"The database at {without_password(url)} is full: {error}.", FULL)
    reason = "it did not answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
    return StoreUnavailable(
        f"The database at {without_password(url)} cannot be reached: {reason}.",
        "Check that the server runs and that ERRANDS_DATABASE_URL names it, its database and a user who may log in.",
    )


async def _learn_types(connection: asyncpg.Connection) -> None:
    """Let a new connection look up the types of all arrays that statements take, once.

    asyncpg asks the catalogue at the first statement with a type it does not know, which takes 10 ms, and again at the
    first with another: the first callers of a connection would pay for it several times.
    """
    await connection.fetchrow(_ARRAYS)


async def _leave_as_it_is(_connection: object) -> None:
    """Between two uses of a connection there is nothing to reset.

    Transactions are always in a block, advisory locks end with them, and listeners are removed by those who add them;
    asyncpg's own reset would cost a round trip each time, about as much again as a statement of the hot path.
    """


def _leave_closed(_connection: object, record: "ConnectionPoolEntry", _fairy: object) -> None:
    """Let SQLAlchemy's pool make a connection anew that has been closed, as asyncpg's does.

    The driver hears of the end of a connection by itself; to ask the server each time (`pool_pre_ping`) would cost a
    round trip before a read and three before a transaction.
    """
    from sqlalchemy.exc import DisconnectionError

    driver: asyncpg.Connection | None = record.driver_connection
    if driver is None or driver.is_closed():
        raise DisconnectionError("the connection was closed")


async def _create(url: str) -> None:
    """Make the embedded server's database; another process may have been quicker."""
    from errands.store.embedded import DATABASE

    connection = await asyncpg.connect(url, database="postgres", timeout=_CONNECT_TIMEOUT_SECONDS)
    try:
        await connection.execute(f'create database "{DATABASE}"')
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        pass
    finally:
        await connection.close()
