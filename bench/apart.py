"""A worker in a process of its own, so that its memory and its processor time are its own.

The bench asks over stdin and is told over stdout, one JSON object per line. Moments are those of `perf_counter`,
which all processes of a machine share.

usage, by the bench scripts only: apart.py DATABASE_URL FOLDER CONCURRENCY
"""

import asyncio
import json
import os
import sys
import time
from asyncio import Queue
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

from harness import Idle, engine_of

from errands.core.outcomes import Performed
from errands.core.ports import LeafCall, StepContext, ToolCall
from errands.engine.live import LiveEvent
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database

LARGE = "large"
"""Tool whose output lies over the inline limit: 70 KB."""
TELL = "tell"
"""Tool that tells the bench the moment at which it was called."""

_MARK = "much"
"""How the output of `large` begins."""

Told = TypeVar("Told")


@dataclass(frozen=True)
class Vitals:
    """What the worker's process has used so far. Memory in MiB, time in seconds."""

    rss: float
    peak: float
    cpu: float
    at: float
    reads: int
    """How often an output of the tool `large` was fetched from the artifact store."""


@dataclass
class Apart:
    """The bench's end of a worker in another process. A wait raises RuntimeError when the worker ends meanwhile."""

    _process: Process
    _vitals: "Queue[Vitals | None]" = field(default_factory=Queue)
    _calls: "Queue[float | None]" = field(default_factory=Queue)
    _released: "Queue[str | None]" = field(default_factory=Queue)
    _ready: "Queue[bool | None]" = field(default_factory=Queue)

    async def ready(self) -> None:
        """Wait until the worker takes jobs."""
        await _next(self._ready)

    async def vitals(self) -> Vitals:
        """What the process has used up to now."""
        await self._say("vitals")
        return await _next(self._vitals)

    async def called(self) -> float:
        """Wait for the next call of the tool `tell`; gives its moment."""
        return await _next(self._calls)

    async def released(self) -> str:
        """Wait for the next run that is let go; gives how: `waiting`, `ended`."""
        return await _next(self._released)

    async def all_released(self, count: int) -> Counter[str]:
        """Wait until so many runs were let go; gives how many in which way."""
        return Counter([await self.released() for _ in range(count)])

    async def stop(self) -> None:
        """Let the worker end in good order."""
        with suppress(ConnectionError):
            await self._say("stop")
        await self._process.wait()

    async def _say(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())
        await self._process.stdin.drain()

    async def read(self) -> None:
        """Sort what the worker tells until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            match json.loads(line):
                case {"vitals": dict(vitals)}:
                    self._vitals.put_nowait(Vitals(**vitals))
                case {"called": float(moment)}:
                    self._calls.put_nowait(moment)
                case {"released": str(how)}:
                    self._released.put_nowait(how)
                case _:
                    self._ready.put_nowait(True)
        for queue in (self._vitals, self._calls, self._released, self._ready):
            queue.put_nowait(None)


async def _next(queue: "Queue[Told | None]") -> Told:
    told = await queue.get()
    if told is None:
        raise RuntimeError("the worker's process has ended")
    return told


@asynccontextmanager
async def worker_apart(url: str, folder: Path, concurrency: int = 64) -> AsyncIterator[Apart]:
    """A worker on a database, ready to take jobs."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, url, str(folder), str(concurrency), stdin=pipe, stdout=pipe
    )
    apart = Apart(process)
    reading = asyncio.create_task(apart.read())
    try:
        await apart.ready()
        yield apart
    finally:
        await apart.stop()
        await reading


class Audible(Idle):
    """Does nothing: at length, or so that the bench hears of it, by the name of the tool."""

    async def perform(self, call: LeafCall, context: StepContext) -> Performed:
        tool = call.tool if isinstance(call, ToolCall) else ""
        if tool == TELL:
            _tell({"called": time.perf_counter()})
        if tool == LARGE:
            return Performed({_MARK: os.urandom(35_000).hex()})
        return await super().perform(call, context)


class Counting(ArtifactStore):
    """Counts how often an output of the tool `large` is read. A long loop's own list is large too, and may be."""

    reads = 0

    async def get(self, ref: str) -> bytes:
        data = await super().get(ref)
        self.reads += data.startswith(f'{{"{_MARK}"'.encode())
        return data


async def work(url: str, folder: Path, concurrency: int) -> None:
    """Be the worker: work, and answer the bench, until it says stop or is gone."""
    database = await Database.open(url, folder, pool_size=18)
    artifacts = Counting(str(folder / "artifacts"))
    try:
        async with engine_of(database, folder, Audible(), artifacts) as engine:
            engine.bus.listen(_heard)
            worker = engine.worker(concurrency=concurrency)
            working = asyncio.create_task(worker.run())
            await worker.ready.wait()
            _tell({"ready": True})
            await _obey(artifacts)
            await worker.stop()
            await working
    finally:
        await database.close()


def _heard(event: LiveEvent) -> None:
    if event.kind == "released":
        _tell({"released": event.text})


async def _obey(artifacts: Counting) -> None:
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    async for order in orders:
        if order.strip() == b"stop":
            return
        now = Vitals(memory("VmRSS"), memory("VmHWM"), time.process_time(), time.perf_counter(), artifacts.reads)
        _tell({"vitals": asdict(now)})


def _tell(message: Mapping[str, object]) -> None:
    print(json.dumps(message), flush=True)


def memory(name: str, process: int | str = "self") -> float:
    """A line of a process's status, in MiB: `VmRSS` is what it holds now, `VmHWM` the most that it ever held."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"process {process} has no {name}")


# Not the usual guard: scripts/bench.py runs every file that has it.
if sys.argv[0] == __file__:
    asyncio.run(work(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
