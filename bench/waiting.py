"""Runs that wait for an answer: what they cost the worker that let them go, and how soon an answer moves one on.

usage: waiting.py [RUNS] [ANSWERS] [IDLE_SECONDS]

RUNS runs (10,000) are launched and let go by a worker in a process of its own. Measured there: the memory that it has
gained, its processor time while nothing happens (beside that of the same worker before any run), and the time from
`engine.answer` in another process until the next step's record is committed (beside the same transactions and
notification without an engine).
"""

import asyncio
import sys
import time

import asyncpg
from apart import TELL, Apart, worker_apart
from harness import Project, engine_on, fresh_folder, settle
from measuring import Figure, percentile, report

from errands.engine.engine import Engine
from errands.store.database import Database

SOURCE = f"""
task: ask
description: waits for an answer, then does two steps
steps:
  - {{id: ok, approve: {{question: May it go on?}}}}
  - {{id: first, tool: noop, with: {{a: 1}}}}
  - {{id: second, tool: {TELL}, with: {{a: 1}}}}
"""
WARM = 256


async def main(runs: int, answers: int, idle_seconds: float) -> list[Figure]:
    async with fresh_folder() as folder, engine_on(folder) as (database, engine):
        project = Project(database, engine)
        await project.apply(SOURCE)
        bare = await bare_wakes(database.url, answers)
        async with worker_apart(database.url, folder / "worker") as worker:
            ready = await worker.vitals()
            empty = await idle_share(worker, idle_seconds)
            await suspend(project, worker, WARM)
            warm = await worker.vitals()
            await suspend(project, worker, runs)
            after = await worker.vitals()
            await settle(database.pool)
            full = await idle_share(worker, idle_seconds)
            waits = await answered(database, engine, worker, answers)
    print(f"memory in MiB: ready {ready.rss:.1f}, {WARM} waiting {warm.rss:.1f}, {runs:,} more {after.rss:.1f}")
    count = f"{runs:,} waiting"
    return [
        Figure(f"{count}, growth of memory", after.rss - warm.rss, "MiB", 20, better="lower"),
        Figure(f"{count}, growth of memory since start", after.rss - ready.rss, "MiB", 20, better="lower"),
        Figure(f"{count}, idle processor time", full, "%", 2, empty, "lower", "value"),
        *(_resumption(f"{count}, answer to record", waits, bare, share) for share in (0.5, 0.99)),
    ]


def _resumption(name: str, waits: list[float], bare: list[float], share: float) -> Figure:
    value, limit = percentile(waits, share), percentile(bare, share)
    return Figure(f"{name}, p{share * 100:.0f}", value, "ms", 200, limit, "lower", "value")


async def suspend(project: Project, worker: Apart, count: int) -> None:
    """Launch runs and wait until all of them wait."""
    await project.insert_runs("ask", count)
    how = await worker.all_released(count)
    if how != {"waiting": count}:
        raise RuntimeError(f"of {count} runs, not all wait: {dict(how)}")


async def idle_share(worker: Apart, seconds: float) -> float:
    """Percent of one core that the worker uses while nothing happens."""
    before = await worker.vitals()
    await asyncio.sleep(seconds)
    after = await worker.vitals()
    return (after.cpu - before.cpu) / (after.at - before.at) * 100


async def answered(database: Database, engine: Engine, worker: Apart, count: int) -> list[float]:
    """Milliseconds from an answer until the step after it is recorded, one answer after the other.

    The next step but one tells when it is called: that is when the record before it is committed.
    """
    rows = await database.pool.fetch(
        "select id from approvals where status = 'open' order by md5(id::text) limit $1", count
    )
    taken = []
    for row in rows:
        began = time.perf_counter()
        await engine.answer(row["id"], person="user:bench", choice="approve", form={}, note=None)
        taken.append((await worker.called() - began) * 1000)
        await worker.released()
    return taken


async def bare_wakes(url: str, count: int) -> list[float]:
    """Milliseconds of the same without an engine: a commit that notifies, heard by another, which commits twice."""
    sender, listener = await asyncpg.connect(url), await asyncpg.connect(url)
    try:
        await sender.execute("create table if not exists bare_wakes (id bigserial primary key, v text)")
        heard: asyncio.Queue[str] = asyncio.Queue()
        await listener.add_listener("bare_wakes", lambda *said: heard.put_nowait(str(said[-1])))
        taken = []
        for _ in range(count):
            began = time.perf_counter()
            async with sender.transaction():
                await sender.execute("insert into bare_wakes (v) values ('x')")
                await sender.execute("select pg_notify('bare_wakes', 'x')")
            await heard.get()
            await listener.execute("insert into bare_wakes (v) values ('x')")
            await listener.execute("insert into bare_wakes (v) values ('x')")
            taken.append((time.perf_counter() - began) * 1000)
        return taken
    finally:
        await sender.close()
        await listener.close()


if __name__ == "__main__":
    runs, answers, seconds = (*sys.argv[1:], *("10000", "300", "10")[len(sys.argv) - 1 :])
    report(asyncio.run(main(int(runs), int(answers), float(seconds))))
