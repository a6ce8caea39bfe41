"""Freeze a worker past its heartbeat and wake it: its runs were taken over, and what it still writes is refused.

Usage: python -m tests.faults.freeze_worker [--short] [--seed N]

Full: 200 runs of 10 steps, 5 freezes. Short: 40 runs, 1 freeze.
Ends with 0 if every promise was kept, else with 1; the last line is a summary as JSON.
"""

import asyncio
import signal
import sys
from collections.abc import Mapping

from tests.faults.scene import run_script, scene

HEARTBEAT_SECONDS = 1.0
HELD = "select exists (select 1 from runs where holder = $1 and status = 'running')"
TAKEN_OVER = "select not exists (select 1 from runs where holder = $1 and status = 'running')"


async def act(seed: int, short: bool) -> Mapping[str, object]:
    """Freeze a worker in the middle of its runs, let the other take them over, wake it."""
    runs, freezes = (40, 1) if short else (200, 5)
    waited: list[float] = []
    async with scene(seed, heartbeat=HEARTBEAT_SECONDS) as made:
        victim, _ = await made.start_worker(), await made.start_worker()
        for _ in range(freezes):
            await made.launch(runs // freezes)
            await made.until(HELD, victim.id, seconds=20)
            victim.signal(signal.SIGSTOP)
            frozen = await made.database.pool.fetchval("select count(*) from runs where holder = $1", victim.id)
            waited.append(await made.until(TAKEN_OVER, victim.id, seconds=30))
            victim.signal(signal.SIGCONT)
            await made.all_ended(60)
            await asyncio.sleep(made.random.uniform(0, 0.2))
        counts = await made.counts()
    kept = (
        counts["succeeded"] == runs
        and counts["recorded_steps"] == runs * 10
        and counts["doubled_records"] == 0
        and counts["distinct_effects"] == runs * 2
        and counts["effects_with_two_keys"] == 0
        and counts["taken_over"] > 0
    )
    figures = {"freezes": freezes, "held_at_last_freeze": frozen, "slowest_takeover_seconds": round(max(waited), 2)}
    return {**figures, **counts, "kept": kept}


if __name__ == "__main__":
    sys.exit(run_script(__doc__, act))
