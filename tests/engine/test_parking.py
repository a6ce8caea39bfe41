"""How a worker lets a run go that waits: what it keeps of it in memory, and what comes for it at that moment."""

import asyncio
from uuid import UUID

import pytest

from errands.core.outcomes import RunStatus
from errands.engine import holding
from errands.engine.holding import Hands, advance
from errands.engine.runs import HeldRun
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


async def test_a_job_that_comes_while_its_run_is_being_let_go_is_not_lost(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    hands, release = bench.hands(), holding._release

    async def released_and_answered(hands: Hands, run: HeldRun) -> None:
        await release(hands, run)
        await bench.answer(run.id, "approve")
        await advance(hands, run.id)  # The answer's job, which comes to the worker that is about to let go.

    monkeypatch.setattr(holding, "_release", released_and_answered)
    source = HEAD + "limits: {max_concurrent: 1}\nsteps: [{id: ok, approve: {question: Go on?}}, {tool: noop}]\n"
    run_id = (await bench.start(source)).run_id
    await moved(hands, run_id)
    assert (await bench.look(run_id)).status is RunStatus.SUCCEEDED
