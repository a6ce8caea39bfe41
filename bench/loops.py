"""A run with a long loop whose items wait: does its time grow with its items alone, and what does it hold in memory?

usage: loops.py [ITEMS] [ROUNDS] [WORKERS]

One run with a quarter of ITEMS (10,000), with half of them and with all, each by fresh workers in processes of their
own. Every item is a tool's step; every tenth waits for an event, which the bench sends as soon as the run is let go;
every twentieth gives 70 KB, which no later step uses and no replay may read. Beside each time stand the bare commits,
one after the other on one connection, that the machine could have made meanwhile.
"""

import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from apart import LARGE, Apart, worker_apart
from harness import Project, engine_on, fresh_folder, settle
from measuring import Figure, bare_commits, report

from errands.engine.engine import Engine

WAITS, LARGE_ONES = 10, 20
SOURCE = f"""
task: long
description: a long loop, some of whose items wait or give much
params:
  count: {{type: integer}}
steps:
  - id: each
    for_each: "[{{'n': n, 'waits': n % {WAITS} == 0, 'large': n % {LARGE_ONES} == 0}} for n in range(count)]"
    as: item
    do:
      - {{id: work, tool: noop, with: {{n: "{{{{ item['n'] }}}}"}}}}
      - {{id: much, when: "item['large']", tool: {LARGE}, with: {{n: 1}}}}
      - {{id: go, when: "item['waits']", wait_for: {{event: go, key: "{{{{ item['n'] }}}}"}}}}
"""


@dataclass(frozen=True)
class Taken:
    """One run of the loop."""

    items: int
    seconds: float
    commits: float
    """Bare commits per second on one connection at that time."""
    peak: float
    """The most memory that a worker held, in MiB."""
    reads: int
    """How often a large output was fetched."""

    @property
    def per_item(self) -> float:
        """Milliseconds an item."""
        return self.seconds / self.items * 1000

    @property
    def relative(self) -> float:
        """Bare commits that could have been made in the time of one item."""
        return self.seconds / self.items * self.commits


async def main(items: int, rounds: int, workers: int) -> list[Figure]:
    sizes = [items // 4, items // 2, items]
    taken: dict[int, list[Taken]] = {size: [] for size in sizes}
    async with fresh_folder() as folder, engine_on(folder) as (database, engine):
        project = Project(database, engine)
        await project.apply(SOURCE)
        for _ in range(rounds):
            for size in sizes:
                await settle(database.pool)
                done = await loop(project, size, workers)
                taken[size].append(done)
                print(
                    f"{size:,} items: {done.seconds:.1f} s, {done.per_item:.2f} ms an item, "
                    f"as {done.relative:.2f} bare commits; {done.peak:.0f} MiB; {done.reads} reads of large outputs"
                )
    return judged(taken, sizes)


def judged(taken: dict[int, list[Taken]], sizes: list[int]) -> list[Figure]:
    """Figures of all rounds. Of the times the shortest counts: what else the machine does only ever adds to them."""
    least, most = sizes[0], sizes[-1]
    price = {size: min(done.per_item for done in taken[size]) for size in sizes}
    every = [done for size in sizes for done in taken[size]]
    against = f"items against {least:,}, time per item"
    return [
        Figure(f"loop, {sizes[1]:,} {against}", price[sizes[1]], "ms", 1.3, price[least], "lower"),
        Figure(f"loop, {most:,} {against}", price[most], "ms", 1.3, price[least], "lower"),
        Figure("loop, memory of the worker at most", max(done.peak for done in every), "MiB", 300, better="lower"),
        Figure("loop, reads of large outputs", max(done.reads for done in every), "reads", 0, better="lower"),
    ]


async def loop(project: Project, items: int, workers: int) -> Taken:
    """One run from its launch to its end."""
    url = project.database.url
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="errands-bench-")))
        team = [await stack.enter_async_context(worker_apart(url, folder)) for _ in range(workers)]
        before = await bare_commits(url, 1)
        began = time.perf_counter()
        await project.engine.launch(project.order("long", {"count": items}))
        await keep_going(project.engine, project, team, items)
        seconds = time.perf_counter() - began
        after = await bare_commits(url, 1)
        vitals = [await worker.vitals() for worker in team]
    return Taken(items, seconds, (before + after) / 2, max(v.peak for v in vitals), sum(v.reads for v in vitals))


async def keep_going(engine: Engine, project: Project, team: list[Apart], items: int) -> None:
    """Send each event as soon as the run waits for it, until the run has ended."""
    released: asyncio.Queue[str] = asyncio.Queue()

    async def hear(worker: Apart) -> None:
        try:
            while True:
                released.put_nowait(await worker.released())
        except RuntimeError:
            released.put_nowait("lost, for its worker has ended")

    hearing = [asyncio.create_task(hear(worker)) for worker in team]
    try:
        for number in range(0, items, WAITS):
            await _expect(released, "waiting")
            await engine.send_event(project.id, name="go", key=str(number), payload=None, sender=None)
        await _expect(released, "ended")
    finally:
        for task in hearing:
            task.cancel()
        await asyncio.gather(*hearing, return_exceptions=True)


async def _expect(released: "asyncio.Queue[str]", how: str) -> None:
    came = await released.get()
    if came != how:
        raise RuntimeError(f"the run should be {how}, but it is {came}")


if __name__ == "__main__":
    items, rounds, workers = (*sys.argv[1:], *("10000", "3", "1")[len(sys.argv) - 1 :])
    report(asyncio.run(main(int(items), int(rounds), int(workers))))
