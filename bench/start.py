"""From `errands run FILE` to its first step: what a person waits for at the terminal.

usage: start.py [TIMES]

Cold: an empty home, so the database is made as well. Warm: the server runs, because another process uses the same
home, and the file was run before; TIMES (5) starts, each from the start of the process to the first step's line on its
stdout. Beside it a Python that starts, loads the driver and asks the same server one thing.
"""

import asyncio
import os
import statistics
import sys
import time
from pathlib import Path

from harness import fresh_folder
from measuring import Figure, report

from errands.store.database import Database

SOURCE = """
task: first-line
description: one step that says something
grants: {tools: [log]}
steps:
  - {id: first_step, tool: log, with: {message: hello}}
"""
BARE = """
import asyncio, sys, asyncpg
async def main():
    connection = await asyncpg.connect(sys.argv[1])
    print(await connection.fetchval("select 'first_step'"), flush=True)
asyncio.run(main())
"""


async def main(times: int) -> list[Figure]:
    async with fresh_folder() as folder:
        home, file = folder / "home", folder / "first-line.yaml"
        file.write_text(SOURCE)
        run = (str(Path(sys.executable).parent / "errands"), "run", str(file))
        cold = await first_step(home, *run)
        database = await Database.open(None, home)
        try:
            await first_step(home, *run)
            warm, bare = [], []
            for _ in range(times):
                warm.append(await first_step(home, *run))
                bare.append(await first_step(home, sys.executable, "-c", BARE, database.url))
        finally:
            await database.close()
        alone = await first_step(home, *run)
    print(f"seconds: warm {', '.join(f'{s:.2f}' for s in warm)}; bare {', '.join(f'{s:.2f}' for s in bare)}")
    limit = statistics.median(bare)
    return [
        Figure("start to first step, warm, p50", statistics.median(warm), "s", 2.5, limit, "lower", "value"),
        Figure("start to first step, server not running", alone, "s", 5, limit, "lower", "value"),
        Figure("start to first step, empty home", cold, "s", 10, limit, "lower", "value"),
    ]


async def first_step(home: Path, *command: str) -> float:
    """Seconds from the start of a process until it names the first step on stdout. Raises RuntimeError if it fails."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, "ERRANDS_HOME": str(home)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    taken = None
    async for line in process.stdout:
        if b"first_step" in line:
            taken = time.perf_counter() - began
            break
    _, remarks = await process.communicate()
    if taken is None or process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {remarks.decode()}")
    return taken


if __name__ == "__main__":
    report(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)))
