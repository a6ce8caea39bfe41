"""SQLite in a thread: one connection for each call, interrupted on time-out and cancel, kept inside its one file."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from errands.core.outcomes import ErrorKind, StepFailed
from errands.tools.refusal import Refusal
from errands.tools.sql_params import check_names, numbered
from errands.tools.sql_statement import Statement
from errands.tools.sql_values import Rows

T = TypeVar("T")

_LOCK_SECONDS = 10.0
_LOCK_LOOK = 0.1
_LARGEST_VALUE = 64 * 2**20
_STEPS_BETWEEN_LOOKS = 20_000


class Sqlite:
    """One SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def query(self, statement: Statement) -> Mapping[str, object]:
        """Rows of one statement on a read-only connection. Raises Refusal, StepFailed."""
        return await self._within(statement.seconds, "ro", lambda connection: _query(connection, statement))

    async def execute(self, statements: Sequence[Statement]) -> int:
        """All statements in one transaction; rows affected. Raises Refusal, StepFailed."""
        return await self._within(statements[0].seconds, "rwc", lambda connection: _execute(connection, statements))

    async def _within(self, seconds: float, mode: str, work: Callable[[sqlite3.Connection], T]) -> T:
        stopped = threading.Event()
        deadline = time.monotonic() + seconds

        def stop() -> bool:
            return stopped.is_set() or time.monotonic() > deadline

        thread = asyncio.ensure_future(asyncio.to_thread(_connected, self._path, mode, seconds, stop, work))
        try:
            return await asyncio.shield(thread)
        except asyncio.CancelledError:
            stopped.set()
            await asyncio.wait([thread])
            raise


def _connected(
    path: Path, mode: str, seconds: float, stop: Callable[[], bool], work: Callable[[sqlite3.Connection], T]
) -> T:
    if mode == "ro" and not path.is_file():
        raise Refusal("not_found", f"there is no database {path.name}", "sql.execute makes one with its first table")
    with _database_errors(seconds, stop):
        address = f"file:{quote(str(path))}?mode={mode}"
        with closing(sqlite3.connect(address, uri=True, timeout=_LOCK_LOOK, isolation_level=None)) as connection:
            connection.set_authorizer(_stay_inside)
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
            connection.set_progress_handler(lambda: int(stop()), _STEPS_BETWEEN_LOOKS)
            if mode == "ro":
                connection.execute("pragma query_only = on")
            return _when_unlocked(connection, stop, work)


def _when_unlocked(
    connection: sqlite3.Connection, stop: Callable[[], bool], work: Callable[[sqlite3.Connection], T]
) -> T:
    """SQLite's own wait for a lock cannot be interrupted, so it is short, and this one goes on after it."""
    give_up = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            return work(connection)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or stop() or time.monotonic() > give_up:
                raise


def _stay_inside(action: int, first: str | None, *_: str | None) -> int:
    """`attach` and `vacuum into` would reach other files of this machine."""
    if action == sqlite3.SQLITE_ATTACH and first not in ("", ":memory:"):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _query(connection: sqlite3.Connection, statement: Statement) -> Mapping[str, object]:
    _check(statement)
    rows = Rows(statement.max_rows, statement.max_bytes)
    cursor = connection.execute(statement.sql, dict(statement.params[0]))
    rows.name_columns([str(column[0]) for column in cursor.description or ()])
    for cells in cursor:
        if not rows.add(cells):
            break
    return rows.as_json()


def _execute(connection: sqlite3.Connection, statements: Sequence[Statement]) -> int:
    affected = 0
    connection.execute("begin immediate")
    try:
        for statement in statements:
            _check(statement)
            for params in statement.params:
                affected += max(connection.execute(statement.sql, dict(params)).rowcount, 0)
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise
    return affected


def _check(statement: Statement) -> None:
    for params in statement.params:
        check_names(numbered(statement.sql)[1], list(params))


@contextmanager
def _database_errors(seconds: float, stop: Callable[[], bool]) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "interrupted" in text and stop():
            raise StepFailed(
                ErrorKind.TIMEOUT,
                f"the statement took longer than {seconds:g} s and was interrupted",
                hint="add an index or a limit, or raise the timeout",
            ) from None
        if "readonly" in text:
            raise Refusal("denied", f"sql.query only reads: {text}", "use sql.execute to change data") from None
        if "locked" in text:
            raise StepFailed(ErrorKind.UNAVAILABLE, f"the database is busy: {text}") from None
        if "disk is full" in text or "disk I/O" in text:
            raise Refusal("storage", f"the database file: {text}", "free some space") from None
        if "unable to open" in text:
            raise Refusal(
                "not_found", "the database file cannot be opened", "check the path in the connection"
            ) from None
        raise Refusal("input", text) from None
    except sqlite3.DatabaseError as error:
        if "authoriz" in str(error):
            raise Refusal("denied", "a statement may use only its own database file", "attach is refused") from None
        raise Refusal("input", str(error)) from None
    except (sqlite3.Warning, sqlite3.Error, OverflowError) as error:
        raise Refusal("input", str(error), "run one statement at a time; sql.execute takes a list") from None
