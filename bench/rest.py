"""A worker at rest: `errands worker` on an empty home, as a real process, with no model's provider loaded.

usage: rest.py [SECONDS]

Measured when it has said that it is up and has rested for SECONDS (5): its own memory and that of the processes it has
started, all but the database server. Beside it a Python that has only loaded the libraries no worker can do without.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from apart import memory
from harness import fresh_folder
from measuring import Figure, report

INDISPENSABLE = ("asyncpg", "pgqueuer", "pydantic", "pydantic_settings", "structlog", "typer", "sqlalchemy")
"""Queue, database, definitions, settings, log, command."""
OPTIONAL = ("anthropic", "apprise", "fsspec", "google", "markitdown", "openai", "pydantic_ai", "rich", "xllamacpp")
MEASURE = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmRSS")))
"""


async def main(seconds: float) -> list[Figure]:
    bare = _loaded(INDISPENSABLE)
    async with fresh_folder() as home:
        memories, packages = await at_rest(home, seconds)
    print("processes, MiB:", ", ".join(f"{name} {size:.1f}" for name, size in memories))
    print("of what not every worker needs, loaded:", ", ".join(sorted(packages & {*OPTIONAL})) or "nothing")
    print("packages loaded, and what each alone adds to a bare Python, MiB:", ", ".join(_priced(packages)))
    resting = sum(size for _, size in memories)
    return [Figure("worker at rest, memory", resting, "MiB", 150, bare, "lower", "value")]


async def at_rest(home: Path, seconds: float) -> tuple[list[tuple[str, float]], set[str]]:
    """The worker's processes with their MiB, and the packages that it has loaded."""
    errands = Path(sys.executable).parent / "errands"
    # The interpreter's own account of what it imports comes on stderr, between the worker's remarks.
    settings = {"ERRANDS_HOME": str(home), "PYTHONPROFILEIMPORTTIME": "1"}
    process = await asyncio.create_subprocess_exec(
        errands, "worker", env={**os.environ, **settings}, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    reading = asyncio.create_task(_until_up(process.stderr))
    packages = await reading
    rest: asyncio.Task[set[str]] = asyncio.create_task(_imports(process.stderr))
    await asyncio.sleep(seconds)
    memories = [(_name(pid), memory("VmRSS", pid)) for pid in _family(process.pid)]
    process.terminate()
    await process.wait()
    return memories, packages | await rest


async def _until_up(remarks: asyncio.StreamReader) -> set[str]:
    """Read until the worker says that it is up; gives the packages loaded so far."""
    packages, said = set(), ""
    async for line in remarks:
        text = line.decode()
        if text.startswith("import time:"):
            packages.add(_package(text))
            continue
        said += text
        if "The worker is up" in said:
            return packages
    raise RuntimeError(f"the worker has ended: {said}")


async def _imports(remarks: asyncio.StreamReader) -> set[str]:
    return {_package(line.decode()) async for line in remarks if line.startswith(b"import time:")}


def _package(line: str) -> str:
    return line.rpartition("|")[2].strip().partition(".")[0]


def _family(pid: int) -> Iterator[int]:
    """A process and those that it has started, without the database server and its processes."""
    if _name(pid) != "postgres":
        yield pid
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def _priced(packages: set[str]) -> list[str]:
    """The ten dearest of the packages, each loaded alone. They share libraries, so this is no sum."""
    installed = {path.name for path in Path(sys.prefix).glob("lib*/python*/site-packages/*") if path.is_dir()}
    bare = _loaded(())
    prices = {name: _loaded((name,)) - bare for name in packages & installed if not name.startswith("_")}
    dearest = sorted(prices, key=lambda name: -prices[name])[:10]
    return [f"{name} {prices[name]:.1f}" for name in dearest]


def _loaded(modules: tuple[str, ...]) -> float:
    """MiB of a Python that has loaded these modules and nothing else."""
    done = subprocess.run([sys.executable, "-c", MEASURE, *modules], capture_output=True, text=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    report(asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 5)))
