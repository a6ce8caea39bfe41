"""`sql.query` and `sql.execute`: statements in any database whose URL is kept as a secret. `sql.copy`: many rows."""

import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue

from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.ports import Effect
from errands.core.values import Json, JsonObject
from errands.tools.paths import real_path, status
from errands.tools.refusal import Refusal
from errands.tools.secret_text import AcceptsSecret, SecretOnly
from errands.tools.sql_sqlite import Sqlite
from errands.tools.sql_statement import Database, Statement
from errands.tools.tool import Arguments, Output, ToolContext, tool

if TYPE_CHECKING:
    from errands.tools.sql_postgres import Postgres

# A literal URL can only be a file of the workspace: whoever writes it (an agent, perhaps) must not choose a server.
_connection = AcceptsSecret(literal=r"sqlite:///[^/?:][^?]*")
Connection = Annotated[str, _connection, AfterValidator(_connection.check)]
Params = dict[str, JsonValue]

_POSTGRES = ("postgresql", "postgres")
_ERRORS = (ErrorKind.NETWORK, ErrorKind.TIMEOUT, ErrorKind.UNAVAILABLE, ErrorKind.NOT_FOUND, ErrorKind.LIMIT)


class SqlArguments(Arguments):
    connection: Annotated[
        Connection,
        Field(description="`secret:NAME` of a database URL, or sqlite:///file.db for a file in the workspace"),
    ]
    timeout: Annotated[float | None, Field(gt=0, le=3600, description="Seconds")] = None


class QueryArguments(SqlArguments):
    sql: Annotated[str, Field(min_length=1, description="One statement; `:name` stands for a parameter")]
    params: Annotated[Params, Field(description="Value for each `:name` in the statement")] = Field(
        default_factory=dict
    )
    max_rows: Annotated[
        int | None, Field(ge=1, le=1_000_000, description="More rows are left out, and truncated is true")
    ] = None


class QueryOutput(Output):
    rows: Annotated[list[dict[str, JsonValue]], Field(description="Each an object, by the names of the columns")]
    row_count: Annotated[int, Field(description="How many rows are given")]
    columns: Annotated[list[str], Field(description="Names of the columns, in their order")]
    truncated: Annotated[bool, Field(description="There were more rows than max_rows")]


class ExecuteStatement(Arguments):
    sql: Annotated[str, Field(min_length=1, description="One statement")]
    params: Annotated[
        Params | list[Params], Field(description="Value for each `:name` in it; a list runs it once for each")
    ] = Field(default_factory=dict)


class ExecuteArguments(SqlArguments):
    sql: Annotated[
        str | list[ExecuteStatement],
        Field(min_length=1, description="One statement, or several that succeed or fail together"),
    ]
    params: Annotated[
        Params | list[Params],
        Field(description="For one statement; a list runs it once for each"),
    ] = Field(default_factory=dict)


class ExecuteOutput(Output):
    row_count: Annotated[int, Field(description="Rows inserted, updated or deleted, all statements together")]


class CopyArguments(Arguments):
    source: Annotated[SecretOnly, Field(alias="from", description="`secret:NAME` of the database that has the rows")]
    sql: Annotated[
        str, Field(min_length=1, description="One select; its columns are named as in the table. `:name`: a parameter")
    ]
    params: Annotated[Params, Field(description="Value for each `:name` in the query")] = Field(default_factory=dict)
    to: Annotated[SecretOnly, Field(description="`secret:NAME` of the database that gets them")]
    table: Annotated[str, Field(pattern=r"^[^.\s]+(\.[^.\s]+)?$", description="Table there, or schema.table")]
    mode: Annotated[
        Literal["insert", "upsert", "add", "prune"],
        Field(
            description="insert: a row that is there already fails. upsert: it is updated where it differs. "
            "add: it stays as it is. prune: no row is written; those whose key the query does not give are deleted"
        ),
    ] = "insert"
    key: Annotated[list[str], Field(description="Columns that name a row; for every mode but insert")] = Field(
        default_factory=list
    )
    timeout: Annotated[float | None, Field(gt=0, le=3600, description="Seconds")] = None


class CopyOutput(Output):
    rows: Annotated[int, Field(description="Rows that the query gave")]
    inserted: Annotated[int, Field(description="Rows that were not there before")]
    updated: Annotated[int, Field(description="Rows that differed; those that did not are in no count")]
    deleted: Annotated[int, Field(description="Rows that prune took away")]
    bytes: Annotated[int, Field(description="Size of the rows as text")]


@tool("sql.query", effect=Effect.READS, errors=_ERRORS)
async def sql_query(arguments: QueryArguments, context: ToolContext) -> QueryOutput:
    """Read rows from a database with one statement, in a read-only transaction where the database has them. Dates
    and UUIDs come as text, decimals as numbers unless those would round them, bytes as base64."""
    statement = Statement(
        arguments.sql,
        [arguments.params],
        arguments.timeout or context.limits.sql_seconds,
        arguments.max_rows or context.limits.sql_rows,
        context.limits.sql_bytes,
    )
    return QueryOutput.model_validate(await _database(arguments.connection, context).query(statement))


def _execute_effect(arguments: JsonObject) -> Effect:
    """A literal connection is always a file of the workspace."""
    return Effect.NONE if str(arguments.get("connection")).startswith("sqlite:") else Effect.CHANGES


@tool("sql.execute", effect=Effect.CHANGES, effect_of=_execute_effect, errors=_ERRORS)
async def sql_execute(arguments: ExecuteArguments, context: ToolContext) -> ExecuteOutput:
    """Change a database: one statement, once for each set of params, or several statements, all in one
    transaction."""
    seconds = arguments.timeout or context.limits.sql_seconds
    listed = arguments.sql
    if isinstance(listed, list):
        if arguments.params:
            raise Refusal("input", "params goes with one statement", "give each statement of the list its own params")
        pairs = [(each.sql, each.params) for each in listed]
    else:
        pairs = [(listed, arguments.params)]
    statements = [Statement(sql, params if isinstance(params, list) else [params], seconds) for sql, params in pairs]
    return ExecuteOutput(row_count=await _database(arguments.connection, context).execute(statements))


@tool("sql.copy", effect=Effect.CHANGES, errors=_ERRORS)
async def sql_copy(arguments: CopyArguments, context: ToolContext) -> CopyOutput:
    """Copy the rows of a query from one Postgres database to a table in another, or the same, in one transaction. The
    rows do not pass through the run's record, so a million of them are no matter."""
    from errands.tools.sql_copy import Copy, copy_rows

    seconds = arguments.timeout or context.limits.sql_seconds
    statement = Statement(arguments.sql, [arguments.params], seconds)
    copy = Copy(statement, arguments.table.split("."), arguments.mode, arguments.key)
    source, target = (postgres_of("sql.copy", url, context) for url in (arguments.source, arguments.to))
    async with context.databases.copies:
        copied = await copy_rows(source, target, copy)
    return CopyOutput(
        rows=copied.rows,
        inserted=copied.inserted,
        updated=copied.updated,
        deleted=copied.deleted,
        bytes=copied.bytes,
    )


def postgres_of(tool_name: str, url: str, context: ToolContext) -> "Postgres":
    """The database, for tools that know Postgres alone. Raises Refusal."""
    dialect = _dialect(url)
    if dialect not in _POSTGRES:
        raise Refusal(
            "input",
            f"{tool_name} works with Postgres databases, and this is {dialect or 'none'}",
            "sql.query and sql.execute work with others",
        )
    return context.databases.postgres(url)


def _dialect(url: str) -> str:
    return url.partition("://")[0].partition("+")[0].lower()


def _database(url: str, context: ToolContext) -> Database:
    dialect = _dialect(url)
    match dialect:
        case _ if dialect in _POSTGRES:
            return context.databases.postgres(url)
        case "sqlite":
            return Sqlite(_sqlite_path(url, context))
        case _ if re.fullmatch(r"[a-z0-9_]+", dialect) and "://" in url:
            return ChildDatabase(url, context)
        case _:
            raise Refusal(
                "secret", "the connection is not a database URL", "write dialect+driver://user:pass@host/name"
            )


def _sqlite_path(url: str, context: ToolContext) -> Path:
    path = url.partition("://")[2].removeprefix("/").partition("?")[0]
    if path.startswith("/"):
        return Path(path)  # Only a secret can hold an absolute path.
    place = context.locate(path, write=True)
    found = status(place)
    if found is not None and not stat.S_ISREG(found.st_mode):
        raise Refusal("denied", f"{path} is not a regular file")
    return real_path(place)


class ChildDatabase:
    """A database whose driver blocks: each call in a child process."""

    def __init__(self, url: str, context: ToolContext) -> None:
        self._url = url
        self._context = context

    async def query(self, statement: Statement) -> Mapping[str, object]:
        job: dict[str, Json] = {
            "url": str(self._url),
            "sql": statement.sql,
            "params": statement.params[0],
            "max_rows": statement.max_rows,
            "max_bytes": statement.max_bytes,
        }
        found = await self._run("query", job, statement.seconds, statement.max_bytes)
        if not isinstance(found, Mapping):
            raise StepFailed(ErrorKind.INTERNAL, "the child process gave no rows")
        return found

    async def execute(self, statements: Sequence[Statement]) -> int:
        job: dict[str, Json] = {
            "url": str(self._url),
            "statements": [{"sql": each.sql, "params": list(each.params)} for each in statements],
        }
        return int(str(await self._run("execute", job, statements[0].seconds, 0)))

    async def _run(self, name: str, job: dict[str, Json], seconds: float, result_bytes: int) -> Json:
        # Field names repeat in each row of the answer, hence the room beyond the cells themselves.
        room = 4 * result_bytes + 2**20
        return await self._context.in_child(f"errands.tools.sql_child:{name}", job, seconds=seconds, result_bytes=room)
