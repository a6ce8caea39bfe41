"""Waiting holds nothing, a wake-up disturbs nobody, and none is lost."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from errands.core.outcomes import RunStatus
from errands.engine.answering import answer
from errands.engine.history import WaitState
from errands.engine.holding import advance
from errands.engine.launching import Launched
from errands.engine.ledger import Hold
from errands.engine.runs import HeldRun, take
from errands.engine.wakeups import wake
from errands.store.connections import Connection
from errands.store.identifiers import new_id
from errands.store.sql import statement
from tests.engine.workbench import HEAD, Gate, Workbench


async def jobs(bench: Workbench) -> int:
    found: int = await bench.pool.fetchval("select count(*) from pgqueuer")
    return found


async def test_a_waiting_run_has_no_job_no_worker_and_no_coroutine(bench: Workbench) -> None:
    source = HEAD + "steps: [{approve: {question: Go on?}}]\n"
    async with bench.working() as worker:
        runs = [await bench.start(source) for _ in range(20)]
        for launched in runs:
            await bench.rest(launched.run_id)
        holders = await bench.pool.fetchval("select count(*) from runs where holder is not null")
        walking = [task for task in asyncio.all_tasks() if "Advance" in repr(task.get_coro())]
        assert (worker.held, holders, walking) == (0, 0, [])
    assert await jobs(bench) == 0


PARALLEL = (
    HEAD
    + "steps: [{parallel: {slow: [{id: slow, tool: change.slow}], asked: [{id: ok, approve: {question: Go on?}}]}}]\n"
)


async def both_reached(bench: Workbench, gate: Gate) -> UUID:
    launched = await bench.start(PARALLEL)
    await gate.entered()
    async with asyncio.timeout(10):
        while await bench.open_approval(launched.run_id) is None:
            await asyncio.to_thread(lambda: None)
    return launched.run_id


async def test_an_answer_to_one_branch_leaves_the_step_in_its_sibling_undisturbed(bench: Workbench) -> None:
    gate = bench.tools.tools["change.slow"] = Gate()
    async with bench.working():
        run_id = await both_reached(bench, gate)
        await bench.answer(run_id, "approve")
        async with asyncio.timeout(10):
            while "ok" not in (await bench.look(run_id)).records:
                await asyncio.to_thread(lambda: None)
        gate.open()
        ended = await bench.ended(run_id)
    assert ended.status is RunStatus.SUCCEEDED
    assert (gate.calls, gate.stopped, ended.epoch) == (1, 0, 1)


async def test_fifty_answers_at_once_disturb_nobody(bench: Workbench) -> None:
    gate = bench.tools.tools["change.slow"] = Gate()
    async with bench.working(concurrency=64):
        runs = [await bench.start(PARALLEL) for _ in range(50)]
        await gate.entered(50)
        async with asyncio.timeout(20):
            while await bench.pool.fetchval("select count(*) from approvals") < 50:
                await asyncio.to_thread(lambda: None)
        await asyncio.gather(*(bench.answer(launched.run_id, "approve") for launched in runs))
        gate.open()
        ended = [await bench.ended(launched.run_id) for launched in runs]
    assert {run.status for run in ended} == {RunStatus.SUCCEEDED}
    assert {run.epoch for run in ended} == {1}
    assert (gate.calls, gate.stopped) == (50, 0)


async def test_an_answer_that_comes_between_standing_still_and_suspending_is_not_lost(bench: Workbench) -> None:
    hands = bench.hands()
    hands.shared.journal.open()
    launched = await bench.start(HEAD + "steps: [{id: ok, approve: {question: Go on?}}, {id: after, tool: noop}]\n")
    register = hands.shared.holds.register
    locked: asyncio.Future[str] | None = None
    async with bench.pool.acquire() as answering, answering.transaction():

        async def registered(connection: Connection, run: HeldRun, path: str, hold: Hold) -> WaitState:
            """The answering side stands in line for the run's row, ahead of the suspend that comes after the commit."""
            nonlocal locked
            made = await register(connection, run, path, hold)
            locked = asyncio.ensure_future(answering.execute("select 1 from runs where id = $1 for update", run.id))
            await bench.blocked(1)
            return made

        hands.shared.holds.register = registered  # type: ignore[method-assign]
        going = asyncio.create_task(advance(hands, launched.run_id))
        while locked is None:
            await asyncio.to_thread(lambda: None)
        await locked
        await bench.blocked(1)
        approval = await bench.open_approval(launched.run_id)
        await answer(answering, approval, person="user:ana", choice="approve", form={}, note=None, now=bench.clock())
    await going
    ended = await bench.look(launched.run_id)
    await hands.shared.journal.close()
    assert (ended.status, ended.epoch) == (RunStatus.SUCCEEDED, 1)


async def test_a_suspend_that_has_not_seen_a_wake_up_is_refused(bench: Workbench) -> None:
    launched = await bench.start(HEAD + "steps: [{tool: noop}]\n")
    held = await take(bench.pool, launched.run_id, new_id(), bench.clock())
    assert held is not None
    async with bench.pool.acquire() as connection, connection.transaction():
        await wake(connection, launched.run_id, bench.clock())
    suspended = await bench.pool.fetchrow(
        statement("suspend_run"), held.id, held.epoch, held.wakes, 0.0, 0, 0, held.usage.usd, 0, 0, False
    )
    seen = await bench.pool.fetchrow(
        statement("suspend_run"), held.id, held.epoch, held.wakes + 1, 0.0, 0, 0, held.usage.usd, 0, 0, False
    )
    assert (suspended, seen is not None) == (None, True)


async def test_a_wake_up_enqueues_a_job_only_for_a_run_that_waits(bench: Workbench) -> None:
    gate = bench.tools.tools["change.slow"] = Gate()
    async with bench.working():
        run_id = await both_reached(bench, gate)
        before = await bench.pool.fetchval("select count(*) from pgqueuer where status = 'queued'")
        await bench.answer(run_id, "approve")
        after = await bench.pool.fetchval("select count(*) from pgqueuer where status = 'queued'")
        gate.open()
        await bench.ended(run_id)
    assert (before, after) == (0, 0)


async def waiting(bench: Workbench, more: str = "") -> Launched:
    launched = await bench.start(HEAD + more + "steps: [{wait: 5h}]\n")
    await bench.rest(launched.run_id)
    return launched


async def test_a_waiting_run_can_be_cancelled(bench: Workbench) -> None:
    async with bench.working():
        launched = await waiting(bench, "finally: [{id: last, tool: noop}]\n")
        assert await bench.engine.cancel(launched.run_id, by="user:ana", reason=None)
        ended = await bench.ended(launched.run_id)
    assert ended.status is RunStatus.CANCELLED
    assert "last" in ended.records
    assert await bench.pool.fetchval("select count(*) from waits where done_at is null") == 0


async def test_a_run_that_never_began_is_cancelled_at_once(bench: Workbench) -> None:
    launched = await bench.start(HEAD + "steps: [{tool: noop}]\nfinally: [{tool: noop}]\n")
    assert await bench.engine.cancel(launched.run_id, by="user:ana", reason=None)
    assert (await bench.look(launched.run_id)).status is RunStatus.CANCELLED
    async with bench.working():
        after = await bench.run(HEAD + "steps: [{tool: noop}]\n")
    assert after.status is RunStatus.SUCCEEDED
    assert len(bench.tools.calls) == 1


async def test_a_held_run_can_be_cancelled(bench: Workbench) -> None:
    gate = bench.tools.tools["gate"] = Gate()
    source = HEAD + "limits: {max_concurrent: 1}\nsteps: [{tool: gate}]\n"
    async with bench.working():
        first, second = await bench.start(source), None
        await gate.entered()
        second = await bench.launch(bench.task_id(), await bench.version(), None)
        assert await bench.engine.cancel(second.run_id, by="user:ana", reason=None)
        cancelled = await bench.look(second.run_id)
        gate.open()
        await bench.ended(first.run_id)
    assert cancelled.status is RunStatus.CANCELLED
    assert gate.calls == 1


async def test_a_child_is_cancelled_with_its_parent(bench: Workbench) -> None:
    gate = bench.tools.tools["gate"] = Gate()
    await bench.apply("task: child\ndescription: x\nsteps: [{tool: gate}]\n")
    async with bench.working():
        launched = await bench.start(HEAD + "steps: [{run: child}]\n")
        await gate.entered()
        await bench.all_wait(1)
        await bench.engine.cancel(launched.run_id, by="user:ana", reason="enough")
        await bench.ended(launched.run_id)
        child = await bench.pool.fetchval("select id from runs where parent_run_id = $1", launched.run_id)
        ended = await bench.ended(child)
    assert (ended.status, gate.stopped) == (RunStatus.CANCELLED, 1)
    assert "the run that started it" in ended.said


async def test_a_child_that_is_not_waited_for_outlives_its_parent(bench: Workbench) -> None:
    await bench.apply("task: child\ndescription: x\nsteps: [{wait: 5h}]\n")
    async with bench.working():
        launched = await bench.start(HEAD + "steps: [{run: child, wait: false}, {tool: fail}]\n")
        await bench.ended(launched.run_id)
        await bench.all_wait(1)
        statuses = await bench.pool.fetch("select status from runs order by id")
    assert [row["status"] for row in statuses] == ["failed", "waiting"]


async def test_a_run_with_a_long_journal_goes_on_from_memory_or_from_the_journal_alike(bench: Workbench) -> None:
    source = HEAD + (
        "steps:\n  - {id: each, for_each: 'list(range(250))', do: [{python: item}]}\n"
        "  - {id: before, python: 'sum(each)'}\n  - {wait: 1h}\n  - {id: after, python: 'before == sum(each)'}\n"
    )
    async with bench.working() as worker:
        here = await bench.start(source)
        await bench.rest(here.run_id)
        assert len(worker._hands.parked) == 1
        await bench.forward(timedelta(hours=1))
        first = await bench.ended(here.run_id)
        there = await bench.launch(bench.task_id(), await bench.version())
        await bench.rest(there.run_id)
    async with bench.working(engine=bench.another_engine()):
        await bench.forward(timedelta(hours=1))
        second = await bench.ended(there.run_id)
    assert (first.output, second.output) == (True, True)


async def test_a_stopped_worker_hands_its_runs_to_the_next_one(bench: Workbench) -> None:
    gate = bench.tools.tools["gate"] = Gate()
    source = HEAD + "steps: [{id: a, tool: noop}, {id: b, tool: gate}, {id: c, tool: noop}]\n"
    async with bench.working() as worker:
        launched = await bench.start(source)
        await gate.entered()
        await worker.stop(timedelta(0))
    gate.open()
    async with bench.working(engine=bench.another_engine()):
        ended = await bench.ended(launched.run_id)
    assert ended.status is RunStatus.SUCCEEDED
    assert bench.tools.paths("noop") == ["a", "c"]
    assert (gate.calls, gate.stopped) == (2, 1)


async def test_a_stopping_worker_lets_the_step_in_flight_end_and_begins_no_other(bench: Workbench) -> None:
    gate = bench.tools.tools["gate"] = Gate()
    async with bench.working() as worker:
        launched = await bench.start(HEAD + "steps: [{id: a, tool: gate}, {id: b, tool: noop}]\n")
        await gate.entered()
        stopping = asyncio.create_task(worker.stop(timedelta(seconds=10)))
        await asyncio.sleep(0)
        gate.open()
        await stopping
    between = await bench.look(launched.run_id)
    async with bench.working(engine=bench.another_engine()):
        ended = await bench.ended(launched.run_id)
    assert (set(between.records), between.status) == ({"a"}, RunStatus.QUEUED)
    assert (ended.status, gate.calls) == (RunStatus.SUCCEEDED, 1)


@pytest.mark.parametrize("ending", ["noop", "fail"])
async def test_no_wait_and_no_question_outlives_its_run(bench: Workbench, ending: str) -> None:
    ended = await bench.steps(f"""
  - parallel:
      a: [{{wait_for: {{event: e}}}}]
      b: [{{approve: {{question: Go on?}}}}]
      c: [{{tool: {ending}}}, {{finish: {{output: 1}}}}]
""")
    assert ended.status.final
    assert await bench.pool.fetchval("select count(*) from waits where done_at is null") == 0
    assert await bench.pool.fetchval("select count(*) from approvals where status = 'open'") == 0
