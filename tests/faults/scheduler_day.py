"""A simulated day in which the scheduler is killed every minute: one row for each planned time, one run for each start.

Each minute a process is forked that has everything loaded, opens the database and does what is due, time after time,
until it is killed (SIGKILL) a random while later. Every tenth minute two of them work at once, one with a clock that is
half a minute ahead. At the end one that is left alone does what is still due.

usage: python -m tests.faults.scheduler_day [--short]
"""

import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from errands.core.definition.document import read_document
from errands.core.definition.nodes import plain
from errands.core.schedules import between, parse_schedule
from errands.core.schedules.instants import TICK
from errands.core.values import JsonObject
from errands.engine.engine import Engine
from errands.store.database import Database
from errands.store.embedded import EmbeddedServer
from errands.store.migrations import upgrade
from tests.engine.timetable import task, timetable
from tests.engine.workbench import workbench

BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)
SCHEDULES = {
    "minutely": "every: 1m",
    "sevens": "cron: '*/7 * * * *'",
    "quarters": "every: 15m",
    "hourly": "hourly: ':30', jitter: 4m",
    "windowed": "every: 20m, window: {between: ['09:00', '17:00']}",
    "berlin": "daily: ['02:30', '18:00'], timezone: Europe/Berlin",
}
LONGEST_LIFE_SECONDS = 0.12


def main(minutes: int) -> bool:
    """Live through so many minutes; prints what was found."""
    chance = random.Random(11)
    with tempfile.TemporaryDirectory(prefix="errands-day-") as folder:
        server = EmbeddedServer(Path(folder))
        url = server.acquire()
        try:
            asyncio.run(_prepare(Path(folder)))
            killed = 0
            for minute in range(1, minutes + 1):
                now = BEGIN + timedelta(minutes=minute)
                clocks = [now, now + timedelta(seconds=30)] if minute % 10 == 0 else [now]
                children = [_fork(url, Path(folder), clock) for clock in clocks]
                time.sleep(chance.uniform(0.01, LONGEST_LIFE_SECONDS))
                for child in children:
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                    killed += 1
            end = BEGIN + timedelta(minutes=minutes)
            _, status = os.waitpid(_fork(url, Path(folder), end, once=True), 0)
            found = asyncio.run(_count(url, Path(folder), end))
        finally:
            server.release()
    kept = status == 0 and found["lost"] == found["doubled"] == found["without_run"] == 0
    print(json.dumps({"kept": kept, "minutes": minutes, "killed": killed, **found}))
    return kept


async def _prepare(folder: Path) -> None:
    database = await Database.open(None, folder, pool_size=4)
    await upgrade(database)
    async with timetable(database, folder) as times:
        times.bench.clock.now = BEGIN
        for name, schedule in SCHEDULES.items():
            await times.publish(task(f"{schedule}, overlap: allow, missed: all", name=name))
    await database.close()


def _fork(url: str, folder: Path, now: datetime, *, once: bool = False) -> int:
    """A process that works on the database, at that moment of the simulated day."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        asyncio.run(_schedule(url, folder, now, once=once))
        code = 0
    finally:
        os._exit(code)


async def _schedule(url: str, folder: Path, now: datetime, *, once: bool) -> None:
    database = await Database.open(url, folder, pool_size=2)
    async with workbench(database, folder) as bench:
        bench.clock.now = now
        scheduler = Engine(bench.parts).scheduler(clock=bench.clock)
        while await scheduler.tick() != 0 or not once:
            pass


async def _count(url: str, folder: Path, end: datetime) -> dict[str, int]:
    """What the ledger says, beside what the schedules planned."""
    database = await Database.open(url, folder, pool_size=2)
    rows = await database.pool.fetch(
        "select tasks.name, occurrences.* from occurrences join triggers on triggers.id = occurrences.trigger_id "
        "join tasks on tasks.id = triggers.task_id"
    )
    runs = await database.pool.fetchval("select count(*) from runs")
    await database.close()
    found = Counter((row["name"], row["planned_at"]) for row in rows)
    planned = {
        (name, one.planned)
        for name, text in SCHEDULES.items()
        for one in between(parse_schedule(_said(text)), BEGIN + TICK, end + TICK)
    }
    # What jitter puts after the end may still be to come.
    young = {key for key in planned if key[0] == "hourly" and end - key[1] < timedelta(minutes=5)}
    started = [row for row in rows if row["outcome"] == "started"]
    return {
        "planned": len(planned),
        "rows": len(rows),
        "started": len(started),
        "runs": runs,
        "lost": len(planned - young - found.keys()),
        "doubled": sum(count - 1 for count in found.values()) + runs - len({row["run_id"] for row in started}),
        "without_run": sum(row["run_id"] is None for row in started),
    }


def _said(text: str) -> JsonObject:
    root = read_document("{" + text + "}").root
    assert root is not None
    value = plain(root)
    assert isinstance(value, Mapping)
    return value


if __name__ == "__main__":
    sys.exit(0 if main(90 if "--short" in sys.argv else 1440) else 1)
