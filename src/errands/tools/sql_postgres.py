"""Postgres through asyncpg: a small pool, streaming, and the server's own read-only transactions and time limits."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Literal

import asyncpg

from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.values import Json
from errands.tools.refusal import Refusal
from errands.tools.sql_params import check_names, numbered
from errands.tools.sql_statement import Statement
from errands.tools.sql_values import Rows, fit

if TYPE_CHECKING:
    from asyncpg import Connection, Record
    from asyncpg.pool import Pool
    from asyncpg.prepared_stmt import PreparedStatement

_PREFETCH = 100
_CONNECT_SECONDS = 10.0
_IDLE_SECONDS = 60.0


class Postgres:
    """One Postgres database."""

    def __init__(self, url: str, connections: int) -> None:
        self._url = url
        self._connections = connections
        self._pool: Pool | None = None
        self._opening = asyncio.Lock()

    async def query(self, statement: Statement) -> Mapping[str, object]:
        """Rows of one statement in a read-only transaction. Raises Refusal, StepFailed."""
        rows = Rows(statement.max_rows, statement.max_bytes)
        async with self.transaction(statement.seconds, readonly=True) as connection:
            query, names = await prepared(connection, statement)
            attributes = query.get_attributes()
            documents = {at for at, each in enumerate(attributes) if each.type.name in ("json", "jsonb")}
            rows.name_columns([attribute.name for attribute in attributes])
            values = values_of(query, names, statement.params[0])
            async for record in query.cursor(*values, prefetch=_PREFETCH):
                if not rows.add(_cells(record, documents)):
                    break
        return rows.as_json()

    async def execute(self, statements: Sequence[Statement]) -> int:
        """All statements in one transaction; rows affected. Raises Refusal, StepFailed."""
        affected = 0
        async with self.transaction(statements[0].seconds, readonly=False) as connection:
            for statement in statements:
                query, names = await prepared(connection, statement)
                for params in statement.params:
                    await query.fetch(*values_of(query, names, params))
                    affected += _affected(query.get_statusmsg())
        return affected

    async def aclose(self) -> None:
        """Close the pool; a connection that is still busy is cut."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    @asynccontextmanager
    async def transaction(
        self, seconds: float, *, readonly: bool, isolation: Literal["read_committed", "repeatable_read"] | None = None
    ) -> "AsyncIterator[Connection]":
        """A connection in a transaction, at most so long. Raises Refusal, StepFailed."""
        with database_errors(seconds):
            pool = await self._opened()
            async with (
                asyncio.timeout(seconds),
                _acquired(pool) as connection,
                connection.transaction(isolation=isolation, readonly=readonly),
            ):
                # Should our own cancel not reach the server, it stops by itself a little later.
                await connection.execute(f"set local statement_timeout = {int(seconds * 1000) + 1000}")
                yield connection

    async def _opened(self) -> "Pool":
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    _plain(self._url),
                    min_size=0,
                    max_size=self._connections,
                    timeout=_CONNECT_SECONDS,
                    max_inactive_connection_lifetime=_IDLE_SECONDS,
                    server_settings={"application_name": "errands"},
                )
            return self._pool


@asynccontextmanager
async def _acquired(pool: "Pool") -> "AsyncIterator[Connection]":
    try:
        connection = await pool.acquire()
    except TimeoutError:
        raise StepFailed(ErrorKind.NETWORK, f"the database took no connection within {_CONNECT_SECONDS:g} s") from None
    try:
        yield connection
    finally:
        await pool.release(connection)


def _plain(url: str) -> str:
    """`postgresql+asyncpg://` is SQLAlchemy's spelling."""
    _, _, rest = url.partition("://")
    return f"postgresql://{rest}"


async def prepared(connection: "Connection", statement: Statement) -> "tuple[PreparedStatement, list[str]]":
    """A statement made ready, and the names of its parameters in their order. Raises Refusal."""
    sql, names = numbered(statement.sql)
    for params in statement.params:
        check_names(names, list(params))
    return await connection.prepare(sql), names


def values_of(query: "PreparedStatement", names: list[str], params: Mapping[str, Json]) -> list[object]:
    """The parameters' values as the database wants them. Raises Refusal."""
    kinds = [parameter.name for parameter in query.get_parameters()]
    return [fit(params[name], kind, name) for name, kind in zip(names, kinds, strict=True)]


def _cells(record: "Record", documents: set[int]) -> tuple[object, ...]:
    """asyncpg gives json and jsonb as text."""
    return tuple(json.loads(cell) if at in documents and cell is not None else cell for at, cell in enumerate(record))


def _affected(status: str) -> int:
    """`INSERT 0 5` and `UPDATE 5` end in the count; `CREATE TABLE` has none, and a select changes nothing."""
    words = status.split()
    return int(words[-1]) if words and words[-1].isdigit() and words[0] != "SELECT" else 0


@contextmanager
def database_errors(seconds: float) -> Iterator[None]:
    """What asyncpg raises, as a step's error. Its messages quote the statement, never the connection."""
    try:
        yield
    except (TimeoutError, asyncpg.QueryCanceledError):
        raise StepFailed(
            ErrorKind.TIMEOUT,
            f"the statement took longer than {seconds:g} s and was cancelled in the database",
            hint="add an index or a limit, or raise the timeout",
        ) from None
    except asyncpg.ReadOnlySQLTransactionError as error:
        raise Refusal("denied", f"sql.query only reads: {error}", "use sql.execute to change data") from None
    except asyncpg.InsufficientPrivilegeError as error:
        raise Refusal("denied", f"the database refused: {error}") from None
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError):
        raise Refusal(
            "denied", "the database refused the connection", "check user, password and database in the secret"
        ) from None
    except (
        asyncpg.PostgresConnectionError,
        asyncpg.TooManyConnectionsError,
        asyncpg.CannotConnectNowError,
        asyncpg.AdminShutdownError,
        asyncpg.CrashShutdownError,
    ) as error:
        raise StepFailed(ErrorKind.UNAVAILABLE, f"the database is not available: {error}") from None
    except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError) as error:
        raise StepFailed(ErrorKind.UNAVAILABLE, f"{error}", hint="give the step a retry") from None
    except asyncpg.PostgresError as error:
        position = getattr(error, "position", None)
        at = f" (at character {position})" if position else ""
        raise Refusal("input", f"{error}{at}", getattr(error, "hint", None)) from None
    except asyncpg.InterfaceError as error:
        raise Refusal("input", f"{error}") from None
    except (asyncpg.ClientConfigurationError, ValueError):
        raise Refusal(
            "secret", "the connection is not a Postgres URL", "postgresql://user:pass@host:5432/name"
        ) from None
    except OSError as error:
        raise StepFailed(ErrorKind.NETWORK, f"the database cannot be reached: {error.strerror or error}") from None
