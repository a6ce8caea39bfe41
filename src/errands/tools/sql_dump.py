"""`sql.dump` and `sql.restore`: a whole Postgres database as one file and back, with a fingerprint of each table."""

import asyncio
import hashlib
import os
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from errands.core.outcomes import ErrorKind
from errands.core.ports import Effect
from errands.core.values import Json, JsonObject
from errands.tools.folders import write_effect
from errands.tools.paths import Place, reading, writing
from errands.tools.secret_text import SecretOnly
from errands.tools.sql import postgres_of
from errands.tools.tool import Arguments, Output, ToolContext, tool

if TYPE_CHECKING:
    from asyncpg import Connection

_ERRORS = (
    ErrorKind.NETWORK,
    ErrorKind.UNAVAILABLE,
    ErrorKind.TIMEOUT,
    ErrorKind.NOT_FOUND,
    ErrorKind.LIMIT,
    ErrorKind.STORAGE,
    ErrorKind.CRASH,
    ErrorKind.TOOL,
)
_CHUNK = 2**20
FilePath = Annotated[str, Field(min_length=1, max_length=4096)]
Seconds = Annotated[float | None, Field(gt=0, le=86_400, description="Seconds")]


class TablePrint(Output):
    table: Annotated[str, Field(description="With its schema, where that is not `public`")]
    rows: Annotated[int, Field(description="How many it has")]
    digest: Annotated[str, Field(description="Of the rows' text, whatever their order")]


class DumpArguments(Arguments):
    connection: Annotated[SecretOnly, Field(description="`secret:NAME` of a Postgres URL")]
    path: Annotated[FilePath, Field(description="File to write, in PostgreSQL's custom format")]
    timeout: Seconds = None


class DumpOutput(Output):
    path: Annotated[str, Field(description="The file, as it was named")]
    bytes: Annotated[int, Field(description="Size of the file")]
    sha256: Annotated[str, Field(description="Of the file")]
    tables: Annotated[list[TablePrint], Field(description="As they are in the file")]


class RestoreArguments(Arguments):
    path: Annotated[FilePath, Field(description="What sql.dump has written")]
    connection: Annotated[SecretOnly, Field(description="`secret:NAME` of the Postgres URL that gets the tables")]
    replace: Annotated[bool, Field(description="Tables of the same names are dropped first")] = False
    timeout: Seconds = None


class RestoreOutput(Output):
    tables: Annotated[list[TablePrint], Field(description="All that the database has now")]


def _dump_effect(arguments: JsonObject) -> Effect:
    return Effect.CHANGES if write_effect(arguments.get("path")) is Effect.CHANGES else Effect.READS


@tool("sql.dump", effect=Effect.CHANGES, effect_of=_dump_effect, errors=_ERRORS)
async def sql_dump(arguments: DumpArguments, context: ToolContext) -> DumpOutput:
    """Write a whole Postgres database to a file, as it is at one moment, while others go on with it; gives the number
    of rows and a digest of each table at that moment."""
    place = context.locate(arguments.path, write=True)
    seconds = arguments.timeout or context.limits.dump_seconds
    postgres = postgres_of("sql.dump", arguments.connection, context)
    async with postgres.transaction(seconds, readonly=True, isolation="repeatable_read") as connection:
        snapshot = await connection.fetchval("select pg_export_snapshot()")
        with writing(place) as file:
            job: dict[str, Json] = {"url": str(arguments.connection), "file": file.fileno(), "snapshot": snapshot}
            await _in_child("dump", job, file.fileno(), seconds, context)
        tables = await _fingerprints(connection)
    size, sha256 = await asyncio.to_thread(_measured, place)
    return DumpOutput(path=arguments.path, bytes=size, sha256=sha256, tables=tables)


@tool("sql.restore", effect=Effect.CHANGES, errors=_ERRORS)
async def sql_restore(arguments: RestoreArguments, context: ToolContext) -> RestoreOutput:
    """Bring the tables of a dump back into a Postgres database: wholly, or not at all. Gives a fingerprint of each
    table, to be compared with those of the dump."""
    place = context.locate(arguments.path)
    seconds = arguments.timeout or context.limits.dump_seconds
    postgres = postgres_of("sql.restore", arguments.connection, context)
    with reading(place) as file:
        job: dict[str, Json] = {
            "url": str(arguments.connection),
            "file": file.fileno(),
            "replace": arguments.replace,
        }
        await _in_child("restore", job, file.fileno(), seconds, context)
    async with postgres.transaction(seconds, readonly=True, isolation="repeatable_read") as connection:
        return RestoreOutput(tables=await _fingerprints(connection))


async def _in_child(name: str, job: dict[str, Json], file: int, seconds: float, context: ToolContext) -> None:
    programs = context.databases.programs()
    job["programs"] = None if programs is None else str(programs)
    function = f"errands.tools.sql_dump_child:{name}"
    await context.in_child(function, job, seconds=seconds, result_bytes=2**16, files=[file])


async def _fingerprints(connection: "Connection") -> list[TablePrint]:
    """Of every table that is not the database's own. Reads all of them."""
    await connection.execute("set local timezone = 'UTC'")
    named = await connection.fetch(
        "select table_schema as schema, table_name as name from information_schema.tables "
        "where table_type = 'BASE TABLE' and table_schema not like 'pg\\_%' and table_schema <> 'information_schema' "
        "order by 1, 2"
    )
    found = []
    for row in named:
        table = f"{_quoted(row['schema'])}.{_quoted(row['name'])}"
        said = await connection.fetchrow(
            "select count(*) as rows, "
            "coalesce(sum(('x' || left(md5(one::text), 16))::bit(64)::bigint::numeric), 0)::text as digest "
            f"from {table} as one"
        )
        assert said is not None
        shown = row["name"] if row["schema"] == "public" else f"{row['schema']}.{row['name']}"
        found.append(TablePrint(table=shown, rows=said["rows"], digest=said["digest"]))
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _measured(place: Place) -> tuple[int, str]:
    digest = hashlib.sha256()
    with reading(place) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
        return os.fstat(file.fileno()).st_size, digest.hexdigest()
