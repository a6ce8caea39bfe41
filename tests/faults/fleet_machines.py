"""Several machines' worth of processes: each `errands serve` and `errands worker` with a home of its own.

All that they share is what docs/how-to/many-machines.md says that they must: database, key, artifacts, workspaces.
"""

import asyncio
import base64
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from uuid import UUID

import asyncpg

ERRANDS = Path(sys.executable).with_name("errands")
_LONGEST_START_SECONDS = 60
_POLL_SECONDS = 0.05


@dataclass
class Machine:
    """A process on what stands for a machine of its own."""

    name: str
    home: Path
    process: subprocess.Popen[bytes]
    url: str = ""
    """Where it is reached, if it is a server."""
    link: str | None = None
    """The secret of the link that it has printed for the first administrator."""
    worker: UUID | None = None
    """The id of its worker, if it is one."""
    helpers: list[int] = field(default_factory=list)
    """Processes that it had started when it was killed."""

    def kill(self) -> None:
        """SIGKILL to the process alone, as the kernel does it when memory runs out."""
        self.helpers = children_of(self.process.pid)
        self.process.kill()
        self.process.wait()

    async def stop(self, seconds: float) -> float:
        """SIGTERM; gives the seconds until it had ended. Raises subprocess.TimeoutExpired."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(self.process.wait, seconds)
        return time.monotonic() - began

    @property
    def log(self) -> str:
        """What it has said on stderr."""
        return (self.home / "log").read_text(errors="replace")

    def complaints(self) -> list[str]:
        """Log lines of errors, and tracebacks."""
        return [line for line in self.log.splitlines() if '"level": "error"' in line or "Traceback" in line]


@dataclass
class Machines:
    """Starts processes, and ends what is left of them."""

    folder: Path
    shared: Mapping[str, str]
    """Settings that all have in common."""
    pool: asyncpg.Pool
    started: list[Machine] = field(default_factory=list)

    async def server(self, name: str, **settings: str) -> Machine:
        """Start `errands serve` and wait until it listens."""
        made = self._start(name, settings, "serve", "--port", "0", "--json")
        said = await asyncio.to_thread(self._first_line, made)
        made.url = said["url"]
        made.link = None if said["setup"] is None else said["setup"].partition("link=")[2]
        return made

    async def worker(self, name: str, **settings: str) -> Machine:
        """Start `errands worker` and wait until it is registered."""
        made = self._start(name, settings, "worker")
        async with asyncio.timeout(_LONGEST_START_SECONDS):
            while made.worker is None:
                if made.process.poll() is not None:
                    raise RuntimeError(f"{name} has ended: {made.log[-2000:]}")
                await asyncio.sleep(_POLL_SECONDS)
                made.worker = await self._registered(made.process.pid)
        return made

    async def _registered(self, pid: int) -> UUID | None:
        try:
            found: UUID | None = await self.pool.fetchval("select id from workers where pid = $1", pid)
        except asyncpg.UndefinedTableError:
            return None
        return found

    def _start(self, name: str, settings: Mapping[str, str], *command: str) -> Machine:
        home = self.folder / name
        home.mkdir(parents=True)
        outer = {key: value for key, value in os.environ.items() if not key.startswith("ERRANDS_")}
        ours = {**outer, **self.shared, **settings, "ERRANDS_HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}
        with (home / "log").open("wb") as log, (home / "out").open("wb") as out:
            process = subprocess.Popen(
                [ERRANDS, *command], cwd=home, env=ours, stdin=subprocess.DEVNULL, stdout=out, stderr=log
            )
        made = Machine(name, home, process)
        self.started.append(made)
        return made

    def _first_line(self, made: Machine) -> dict[str, str]:
        """What a server says of itself once it listens."""
        deadline = time.monotonic() + _LONGEST_START_SECONDS
        with (made.home / "out").open("rb") as out:
            while time.monotonic() < deadline:
                line = _whole_line(out)
                if line:
                    said: dict[str, str] = json.loads(line)
                    return said
                if made.process.poll() is not None:
                    break
                time.sleep(_POLL_SECONDS)
        raise RuntimeError(f"{made.name} does not listen: {made.log[-2000:]}")

    def end(self) -> None:
        """Kill what is left, with what it has started."""
        for machine in self.started:
            if machine.process.poll() is None:
                machine.kill()


@asynccontextmanager
async def machines(folder: Path, url: str, pool: asyncpg.Pool, **settings: str) -> AsyncIterator[Machines]:
    """Machines that share a database, a key and a folder for artifacts."""
    shared = {
        "ERRANDS_URL": "local",
        "ERRANDS_DATABASE_URL": url,
        "ERRANDS_SECRET_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "ERRANDS_ARTIFACTS_URL": str(folder / "artifacts"),
        "ERRANDS_WORKSPACES": str(folder / "workspaces"),
        "ERRANDS_PUBLIC_URL": "https://errands.example.com",
        **settings,
    }
    made = Machines(folder, shared, pool)
    try:
        yield made
    finally:
        made.end()


def children_of(pid: int) -> list[int]:
    """Processes that a process has started and that live. Reads /proc: Linux."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    except OSError:
        return found
    return found


def alive(pid: int) -> bool:
    """Whether a process lives; one that only waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _whole_line(out: IO[bytes]) -> bytes:
    """The next line, once all of it is there."""
    place = out.tell()
    line = out.readline()
    if line.endswith(b"\n"):
        return line
    out.seek(place)
    return b""
