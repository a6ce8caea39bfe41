"""The scheduler's figures: how late a thousand triggers start that are due together, and what idle ones cost.

usage: scheduler.py [TRIGGERS] [IDLE]

A thousand tasks with one schedule each, all due at the same second, on one process with scheduler and worker: from the
planned moment to the first record of the run's first step (target: 1 s at p99). Then so many triggers that are due next
year (target: under 1 % of a core, over ten seconds).
"""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime, timedelta

from harness import Project, engine_on, fresh_folder, settle
from measuring import Figure, percentile, report

from errands.engine.engine import Engine
from errands.store.database import Database
from errands.store.identifiers import new_id

STEPS = "steps:\n  - {id: s, tool: noop, with: {a: 1}}\n"
WATCHED_SECONDS = 10


async def add_triggers(database: Database, project: Project, count: int, planned: datetime, *, own_tasks: bool) -> None:
    """So many schedules, planned for that moment and a year later."""
    names = [await project.apply(f"task: t{n}\ndescription: d\n{STEPS}") for n in range(count if own_tasks else 1)]
    definition = json.dumps(
        {"id": "plan", "kind": "schedule", "arguments": {}, "schedule": {"at": planned.isoformat(timespec="seconds")}}
    )
    rows = [
        (
            new_id(),
            project.id,
            project.tasks[names[n % len(names)]][0],
            f"plan{n}",
            "schedule",
            definition,
            True,
            planned - timedelta(minutes=1),
            planned,
            planned,
        )
        for n in range(count)
    ]
    columns = ("id", "project_id", "task_id", "name", "kind", "definition", "enabled", "planned_up_to", "planned_at")
    await database.pool.copy_records_to_table("triggers", records=rows, columns=[*columns, "next_at"])


async def burst(database: Database, engine: Engine, project: Project, count: int) -> list[float]:
    """Seconds from the planned moment to the first step of each run."""
    planned = (datetime.now(UTC) + timedelta(seconds=count / 80 + 6)).replace(microsecond=0)
    await add_triggers(database, project, count, planned, own_tasks=True)
    await settle(database.pool)
    scheduler, worker = engine.scheduler(), engine.worker(concurrency=512)
    working = [asyncio.create_task(scheduler.run()), asyncio.create_task(worker.run())]
    await scheduler.ready.wait()
    await asyncio.sleep(max((planned - datetime.now(UTC)).total_seconds(), 0))
    began = time.perf_counter()
    while await database.pool.fetchval("select count(*) from runs where status = 'succeeded'") < count:
        if time.perf_counter() - began > 60:
            raise TimeoutError("not every run has ended within a minute")
        await asyncio.sleep(0.25)
    await scheduler.stop()
    await worker.stop()
    await asyncio.gather(*working)
    rows = await database.pool.fetch("select min(started_at) as at from steps where kind = 'outcome' group by run_id")
    return [(row["at"] - planned).total_seconds() for row in rows]


async def idle_cost(database: Database, engine: Engine, project: Project, count: int) -> float:
    """Per cent of a core that this process and the database spend on triggers that are due next year."""
    planned = datetime.now(UTC) + timedelta(days=365)
    await add_triggers(database, project, count, planned, own_tasks=False)
    await database.pool.execute("analyze triggers")
    scheduler = engine.scheduler()
    running = asyncio.create_task(scheduler.run())
    await scheduler.ready.wait()
    before = time.process_time()
    await asyncio.sleep(WATCHED_SECONDS)
    spent = time.process_time() - before
    await scheduler.stop()
    await running
    return 100 * spent / WATCHED_SECONDS


async def main(count: int, idle: int) -> list[Figure]:
    async with fresh_folder() as folder, engine_on(folder) as (database, engine):
        late = await burst(database, engine, Project(database, engine), count)
    async with fresh_folder() as folder, engine_on(folder) as (database, engine):
        cost = await idle_cost(database, engine, Project(database, engine), idle)
    return [
        Figure(f"start of {count} triggers due together, p50", percentile(late, 0.5), "s", 1.0, better="lower"),
        Figure(f"start of {count} triggers due together, p99", percentile(late, 0.99), "s", 1.0, better="lower"),
        Figure(f"{idle} idle triggers", cost, "% of a core", 1.0, better="lower"),
    ]


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    report(asyncio.run(main(*[*given, *(1000, 100_000)[len(given) :]])))
