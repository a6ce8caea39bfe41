"""Two workers share the work; one that is stopped hands over within its grace, one that is killed within the heartbeat.

Usage: python -m tests.faults.two_workers [--short] [--seed N]

Full: 5 rounds of SIGTERM and SIGKILL. Short: 1 round.
Ends with 0 if every promise was kept, else with 1; the last line is a summary as JSON.
"""

import asyncio
import sys
from collections.abc import Mapping
from uuid import UUID

from tests.faults.scene import Scene, run_script, scene

HEARTBEAT_SECONDS = 2.0
GRACE_SECONDS = 3.0
SLACK_SECONDS = 3.0
"""For a busy machine: the sweep for orphans runs twice a heartbeat, and the queue looks once a second."""
CONCURRENCY = 8
RUNS = 3 * CONCURRENCY
"""More than two workers can hold: each has its hands full, whichever is quicker."""
LONG = """
task: long
description: a step that outlasts the grace time, and one after it
steps:
  - {id: a, tool: change.note}
  - {id: b, tool: gate}
  - {id: c, tool: noop}
"""
HELD = (
    "select count(*) >= 4 from runs join steps on run_id = runs.id and path = 'a' "
    "where holder = $1 and runs.status = 'running'"
)
"""It has several runs in their long step."""
LEFT = "select count(*) = 0 from runs where holder = $1 and status = 'running'"


async def act(seed: int, short: bool) -> Mapping[str, object]:
    """Load both workers, stop one, kill one; measure until their runs are in other hands."""
    rounds = 1 if short else 5
    stopping: list[float] = []
    taken: list[float] = []
    shared = True
    async with scene(seed, heartbeat=HEARTBEAT_SECONDS, grace=GRACE_SECONDS) as made:
        for _ in range(rounds):
            await made.gate(is_open=False)
            first, second = [await made.start_worker(concurrency=CONCURRENCY) for _ in range(2)]
            await made.launch(RUNS, LONG)
            shared = shared and await _both_hold(made, first.id, second.id)
            stopping.append(await asyncio.to_thread(first.stop))
            await made.until(LEFT, first.id, seconds=1)
            third = await made.start_worker()
            second.kill()
            taken.append(await made.until(LEFT, second.id, seconds=30))
            await made.gate(is_open=True)
            await made.all_ended(60)
            await asyncio.to_thread(third.stop)
        counts = await made.counts()
    kept = (
        shared
        and min(stopping) > GRACE_SECONDS
        and max(stopping) < GRACE_SECONDS + SLACK_SECONDS
        and max(taken) < 1.5 * HEARTBEAT_SECONDS + SLACK_SECONDS
        and counts["succeeded"] == counts["runs"]
        and counts["recorded_steps"] == counts["runs"] * 3
        and counts["doubled_records"] == 0
        and counts["effects_with_two_keys"] == 0
    )
    figures = {"stop_seconds": [round(s, 2) for s in stopping], "takeover_seconds": [round(s, 2) for s in taken]}
    return {"rounds": rounds, "shared": shared, **figures, **counts, "kept": kept}


async def _both_hold(made: Scene, first: UUID, second: UUID) -> bool:
    for worker in (first, second):
        await made.until(HELD, worker, seconds=15)
    return True


if __name__ == "__main__":
    sys.exit(run_script(__doc__, act))
