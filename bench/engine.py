"""The engine's speed, beside its bare limit: a sketch of the hot path and bare commits, in the same run.

usage: engine.py [RUNS]

Steps per second of 10-step runs that do nothing at 1, 16, 64 and 256 at a time, against the sketch (target 0.7) and,
at 256, against bare one-row commits on 16 connections (target 0.5); a single run from start to end, in the quietest of
three rounds.
"""

import asyncio
import statistics
import sys
import time

from harness import Project, engine_on, fresh_folder, settle
from measuring import Figure, bare_commits, percentile, report
from sketch import run_sketch

from errands.engine.engine import Engine
from errands.engine.live import LiveEvent

STEPS = 10
SOURCE = "task: noop\ndescription: ten steps that do nothing\nsteps:\n" + "".join(
    f"  - {{id: s{n}, tool: noop, with: {{a: 1}}}}\n" for n in range(STEPS)
)
ROUNDS = 3


async def throughput(engine: Engine, project: Project, runs: int, at_once: int) -> float:
    """Steps per second of a backlog of runs, so many at a time."""
    left, finished = set(await project.insert_runs("noop", runs)), asyncio.Event()

    def heard(event: LiveEvent) -> None:
        if event.kind == "released":
            left.discard(event.run_id)
            if not left:
                finished.set()

    engine.bus.listen(heard)
    worker = engine.worker(concurrency=at_once)
    began = time.perf_counter()
    working = asyncio.create_task(worker.run())
    waiting = asyncio.create_task(finished.wait())
    await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    taken = time.perf_counter() - began
    await worker.stop()
    await working
    return runs * STEPS / taken


async def latencies(engine: Engine, project: Project, count: int) -> list[float]:
    """Milliseconds from asking for a run to its recorded end, one run after the other."""
    ended = asyncio.Event()

    def heard(event: LiveEvent) -> None:
        if event.kind == "released":
            ended.set()

    engine.bus.listen(heard)
    worker = engine.worker(concurrency=8)
    working = asyncio.create_task(worker.run())
    await worker.ready.wait()
    taken = []
    for _ in range(count):
        ended.clear()
        began = time.perf_counter()
        await engine.launch(project.order("noop"))
        await ended.wait()
        taken.append((time.perf_counter() - began) * 1000)
    await worker.stop()
    await working
    return taken[5:]


async def main(runs: int) -> list[Figure]:
    figures = []
    async with fresh_folder() as folder, engine_on(folder) as (database, engine):
        project = Project(database, engine)
        await project.apply(SOURCE)
        # A single run is a dozen commits in a row: one round beside somebody else's writes says nothing of the engine.
        singles = min([await latencies(engine, project, 105) for _ in range(ROUNDS)], key=statistics.median)
        for at_once in (1, 16, 64, 256):
            count = max(runs // 10, 30) if at_once == 1 else runs
            ours, sketched, bare = [], [], []
            for _ in range(ROUNDS):
                await settle(database.pool)
                sketched.append(await run_sketch(database.url, count, STEPS, at_once))
                ours.append(await throughput(engine, project, count, at_once))
                bare.append(await bare_commits(database.url, 16))
            value, limit = statistics.median(ours), statistics.median(sketched)
            figures.append(Figure(f"engine, {at_once} at a time, against the sketch", value, "steps/s", 0.7, limit))
            if at_once == 256:
                commits = statistics.median(bare)
                figures.append(Figure("engine, 256 at a time, against bare commits", value, "steps/s", 0.5, commits))
    figures.append(Figure("single run, p50", percentile(singles, 0.5), "ms", 15, better="lower"))
    figures.append(Figure("single run, p99", percentile(singles, 0.99), "ms", 40, better="lower"))
    return figures


if __name__ == "__main__":
    report(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 600)))
