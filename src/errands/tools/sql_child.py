"""Any other database through SQLAlchemy and its blocking driver. Runs in a child process, which is killed on time-out.

Errors are told without the connection: drivers like to quote it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.pool import NullPool

from errands.tools.refusal import Refusal
from errands.tools.sql_params import check_names, numbered
from errands.tools.sql_values import Rows

_READING = re.compile(r"\s*(?:select|with|show|explain|describe|values|table)\b", re.IGNORECASE)
_READ_ONLY = dict.fromkeys(("mysql", "mariadb", "oracle"), "set transaction read only")


def query(job: dict[str, object]) -> dict[str, object]:
    """`{url, sql, params, max_rows, max_bytes}` -> `{rows, row_count, columns, truncated}`. Always rolled back."""
    sql = str(job["sql"])
    if not _READING.match(sql):
        raise Refusal("denied", "sql.query only reads: it takes a select", "use sql.execute to change data")
    rows = Rows(_whole(job["max_rows"]), _whole(job["max_bytes"]))
    with _connected(str(job["url"])) as connection:
        read_only = _READ_ONLY.get(connection.dialect.name)
        if read_only:
            connection.execute(text(read_only))
        params = _params(job["params"])
        _check(sql, params)
        result = connection.execution_options(stream_results=True).execute(text(sql), params)
        rows.name_columns(list(result.keys()))
        for row in result:
            if not rows.add(tuple(row)):
                break
        connection.rollback()
    return rows.as_json()


def execute(job: dict[str, object]) -> int:
    """`{url, statements: [{sql, params: [...]}]}` -> rows affected; one transaction."""
    affected = 0
    statements = job["statements"]
    assert isinstance(statements, list)
    with _connected(str(job["url"])) as connection, connection.begin():
        for statement in statements:
            for params in statement["params"]:
                _check(statement["sql"], params)
                affected += max(connection.execute(text(statement["sql"]), params).rowcount, 0)
    return affected


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    try:
        engine = create_engine(make_url(url), poolclass=NullPool)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise Refusal(
            "input", f"no driver for this database is installed ({error})", "pip install its SQLAlchemy driver"
        ) from None
    except (ArgumentError, ValueError):
        raise Refusal(
            "secret", "the connection is not a database URL", "write dialect+driver://user:pass@host/name"
        ) from None
    try:
        with engine.connect() as connection:
            yield connection
    except (OperationalError, InterfaceError) as error:
        kind = "unavailable" if error.connection_invalidated or error.statement is None else "input"
        raise Refusal(kind, _told(error, url)) from None
    except SQLAlchemyError as error:
        raise Refusal("input", _told(error, url)) from None
    finally:
        engine.dispose()


def _told(error: SQLAlchemyError, url: str) -> str:
    told = str(error.orig) if isinstance(error, DBAPIError) and error.orig is not None else str(error)
    for secret in (url, str(make_url(url).password or "")):
        if secret:
            told = told.replace(secret, "***")
    return told


def _params(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


def _check(sql: str, params: dict[str, object]) -> None:
    check_names(numbered(sql)[1], list(params))


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value
