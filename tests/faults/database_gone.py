"""Stop PostgreSQL under load and start it again: every run goes on, nothing is lost or doubled, no worker has ended.

Usage: python -m tests.faults.database_gone [--short] [--seed N]

Full: 300 runs of 10 steps, away for 30 s. Short: 60 runs, away for 3 s.
Ends with 0 if every promise was kept, else with 1; the last line is a summary as JSON.
"""

import asyncio
import sys
from collections.abc import Mapping

from tests.faults.outage import restart, stop_at_once
from tests.faults.scene import run_script, scene

HEARTBEAT_SECONDS = 1.0


async def act(seed: int, short: bool) -> Mapping[str, object]:
    """Launch, take the database away, bring it back, count."""
    runs, away = (60, 3.0) if short else (300, 30.0)
    async with scene(seed, heartbeat=HEARTBEAT_SECONDS) as made:
        workers = [await made.start_worker(), await made.start_worker()]
        await made.launch(runs)
        await made.until("select count(*) >= 20 from steps", seconds=30)
        await asyncio.to_thread(stop_at_once, made.server.home)
        await asyncio.sleep(away)
        await asyncio.to_thread(restart, made.server.home)
        back = await made.all_ended(90)
        alive = sum(worker.process.poll() is None for worker in workers)
        counts = await made.counts()
    kept = (
        counts["succeeded"] == runs
        and counts["recorded_steps"] == runs * 10
        and counts["doubled_records"] == 0
        and counts["effects_with_two_keys"] == 0
        and counts["distinct_effects"] == runs * 2
        and alive == 2
    )
    figures = {"away_seconds": away, "seconds_to_finish": round(back, 2), "workers_alive": alive}
    return {**figures, **counts, "kept": kept}


if __name__ == "__main__":
    sys.exit(run_script(__doc__, act))
