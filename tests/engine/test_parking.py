"""A waiting run with a long journal may stay in a worker's memory; nothing of it may outlast its use."""

import asyncio
from uuid import UUID

from errands.core.outcomes import RunStatus
from errands.engine.holding import Hands, advance
from tests.engine.workbench import HEAD, Workbench

STEPS = """
steps:
  - {id: each, for_each: list(range(210)), do: [{id: one, tool: noop}]}
  - {id: first, approve: {question: Once?}}
  - {id: second, approve: {question: Twice?}}
"""


async def moved(hands: Hands, run_id: UUID) -> None:
    """Let a worker's hands move a run as far as it goes."""
    hands.shared.journal.open()
    await advance(hands, run_id)
    await hands.shared.journal.close()


async def test_a_run_that_another_worker_moved_on_leaves_no_task_where_it_was_parked(bench: Workbench) -> None:
    ours, theirs = bench.hands(), bench.hands()
    run_id = (await bench.start(HEAD + STEPS)).run_id
    await moved(ours, run_id)
    assert run_id in ours.parked
    await bench.answer(run_id, "approve")
    await moved(theirs, run_id)
    await bench.answer(run_id, "approve")
    await moved(ours, run_id)
    assert (await bench.look(run_id)).status is RunStatus.SUCCEEDED
    theirs.parked.pop(run_id).abandon()
    walks = [task for task in asyncio.all_tasks() if "Advance._" in repr(task.get_coro())]
    pending = (await asyncio.wait(walks, timeout=5))[1] if walks else set()
    assert not pending
