"""What looking at 50 addresses every minute costs, as a share of one core.

usage: health_checks.py [RUNS]

The template `health-checks` is adopted with 50 addresses of a server in a process of its own, and run RUNS (20) times.
Counted is the CPU of this process (engine, HTTP, journal), of its sandboxes and of the database, over a run a minute.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from harness import fresh_folder
from measuring import Figure, report

from errands.bootstrap import Runtime, open_services
from errands.core.outcomes import RunStatus
from errands.services.principals import operator
from errands.services.views import RunEnded
from errands.settings import Settings

OPERATOR = operator("bench")
PROJECT, TASK = "default", "health-checks"
ADDRESSES = 50


async def main(runs: int) -> list[Figure]:
    async with fresh_folder() as folder, web_server(folder) as url:
        settings = Settings.load(home=folder, allow_private_hosts=("127.0.0.1",))
        async with open_services(settings, worker=True) as runtime:
            await _adopt(runtime, url)
            await look(runtime)
            before = cpu_seconds(folder)
            for _ in range(runs):
                await look(runtime)
            used = (cpu_seconds(folder) - before) / runs
    print(f"{used:.3f} s of CPU a run")
    return [Figure("health checks: 50 addresses a minute, share of a core", used / 60 * 100, "%", 1, None, "lower")]


async def look(runtime: Runtime) -> None:
    """One run, to its end."""
    run = (await runtime.services.runs.start(OPERATOR, PROJECT, TASK, {})).id
    events = [event async for event in runtime.services.runs.follow(OPERATOR, run)]
    ended = events[-1]
    assert isinstance(ended, RunEnded)
    assert ended.run.status is RunStatus.SUCCEEDED, ended.run.error


async def _adopt(runtime: Runtime, url: str) -> None:
    for secret in ("ALERT_CHANNEL", "SMTP"):
        await runtime.services.secrets.set(OPERATOR, PROJECT, secret, "json://127.0.0.1:1/unused")
    answers = {"endpoints": [f"{url}?{number}" for number in range(ADDRESSES)], "recipients": ["ops@example.com"]}
    await runtime.services.templates.adopt(OPERATOR, PROJECT, TASK, answers, publish=True)


@asynccontextmanager
async def web_server(folder: Path) -> AsyncIterator[str]:
    """Another process's, so that its work is not counted; gives its address."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=quiet, start_new_session=True
    )
    try:
        assert process.stdout is not None
        said = (await process.stdout.readline()).decode()
        yield f"http://127.0.0.1:{said.partition('port ')[2].split()[0]}/"
    finally:
        process.kill()
        await process.wait()


def cpu_seconds(folder: Path) -> float:
    """Of this process and its children of the same session, and of the database of this folder."""
    tick, own = os.sysconf("SC_CLK_TCK"), os.getpid()
    masters = {int(file.read_text().split()[0]) for file in folder.rglob("postmaster.pid")}
    used = 0.0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parent, session = int(fields[1]), int(fields[3])
        mine = int(entry.name) in masters | {own} or parent in masters or (parent == own and session == os.getsid(0))
        used += sum(map(int, fields[11:15])) / tick if mine else 0
    return used


if __name__ == "__main__":
    report(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)))
