"""Kill workers at random moments: every run finishes, no record is doubled, effects repeat only while in flight.

Usage: python -m tests.faults.kill_workers [--short] [--seed N]

Full: 500 runs of 10 steps, 20 times kill -9 over two workers. Short: 60 runs, 4 kills.
Ends with 0 if every promise was kept, else with 1; the last line is a summary as JSON.
"""

import asyncio
import sys
from collections.abc import Mapping
from uuid import UUID

from tests.faults.scene import Scene, run_script, scene

HEARTBEAT_SECONDS = 1.0


async def act(seed: int, short: bool) -> Mapping[str, object]:
    """Launch, kill, wait, count."""
    runs, kills = (60, 4) if short else (500, 20)
    async with scene(seed, heartbeat=HEARTBEAT_SECONDS) as made:
        in_flight = 0
        workers = [await made.start_worker(), await made.start_worker()]
        for _ in range(kills):
            await made.launch(runs // kills)
            await asyncio.sleep(made.random.uniform(0.05, 0.8))
            victim = made.random.randrange(2)
            workers[victim].kill()
            in_flight += await _effects_in_flight(made, workers[victim].id)
            workers[victim] = await made.start_worker()
        await made.all_ended(60 if short else 300)
        counts = await made.counts()
    kept = (
        counts["succeeded"] == runs
        and counts["recorded_steps"] == runs * 10
        and counts["doubled_records"] == 0
        and counts["distinct_effects"] == runs * 2
        and counts["effects_with_two_keys"] == 0
        and counts["effects"] - counts["distinct_effects"] <= in_flight
        and counts["taken_over"] > 0
    )
    return {"kills": kills, "effects_in_flight_at_kills": in_flight, **counts, "kept": kept}


async def _effects_in_flight(made: Scene, worker: UUID) -> int:
    """Effects that a worker has announced and not brought to an outcome: only these may come again."""
    found: int = await made.database.pool.fetchval(
        "select count(*) from steps as intent join runs on runs.id = intent.run_id and runs.holder = $1 "
        "where intent.kind = 'intent' and not exists (select 1 from steps where steps.run_id = intent.run_id "
        "and steps.path = split_part(intent.path, '/', 1))",
        worker,
    )
    return found


if __name__ == "__main__":
    sys.exit(run_script(__doc__, act))
