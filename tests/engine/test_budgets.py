"""Budgets of steps, runs and days: nobody overspends, and a call that would cross one waits until people decide."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from errands.core.outcomes import Performed, RunStatus, Usage
from errands.core.ports import StepContext
from errands.core.values import Json, JsonObject, from_text
from errands.store.database import Database
from tests.engine.workbench import HEAD, Ended, Tool, Workbench, workbench

CENT = Usage(60, 40, Decimal("0.01"), 1)
"""What one request costs."""


@pytest.fixture
async def bench(database: Database, tmp_path: Path) -> AsyncIterator[Workbench]:
    async with workbench(database, tmp_path) as bench:
        bench.tools.tools["spend"] = spend(bench)
        yield bench


def spend(bench: Workbench) -> Tool:
    """A tool that makes one request of a cent for each of `times`."""

    async def tool(arguments: JsonObject, context: StepContext) -> Json:
        times = int(str(arguments.get("times", 1)))
        for number in range(times):
            await context.once(
                f"turn[{number}]",
                kind="turn",
                digest=str(number),
                perform=lambda _: asked(bench),
                reserve=lambda _: CENT,
            )
        return times

    return tool


async def asked(bench: Workbench) -> Performed:
    """A request that is really made."""
    bench.tools.calls.append(("asked", "", ""))
    return Performed("x", CENT)


def requests(bench: Workbench) -> int:
    return sum(name == "asked" for name, _, _ in bench.tools.calls)


def task(budget: str, steps: str = "  - {id: work, tool: spend, with: {times: 3}}\n", more: str = "") -> str:
    return f"{HEAD}{more}budget: {budget}\nsteps:\n{steps}"


async def question(bench: Workbench, run_id: object) -> Mapping[str, Json]:
    """The one open question of a run."""
    row = await bench.pool.fetchrow("select * from approvals where run_id = $1 and status = 'open'", run_id)
    return {**row, "subject": from_text(row["subject"]), "form": from_text(row["form"])}


async def waiting(bench: Workbench, source: str) -> Ended:
    launched = await bench.start(source)
    ended = await bench.rest(launched.run_id)
    assert ended.status is RunStatus.WAITING, ended.error
    return ended


async def test_crossing_a_budget_waits_and_raising_it_goes_on_at_that_call(bench: Workbench) -> None:
    async with bench.working():
        run = await waiting(bench, task("{usd: 0.02}"))
        assert requests(bench) == 2
        asked_about = await question(bench, run.id)
        assert asked_about["choices"] == ["raise", "finish", "cancel"]
        assert "this run may use 0.02 US dollars; 0.02 are used" in str(asked_about["question"])
        await bench.answer(run.id, "raise", {"usd": 0.01})
        ended = await bench.ended(run.id)
    assert (ended.status, ended.output, requests(bench)) == (RunStatus.SUCCEEDED, 3, 3)


async def test_a_raise_counts_after_a_restart_and_too_small_a_one_asks_again(bench: Workbench) -> None:
    async with bench.working():
        run = await waiting(bench, task("{requests: 1}"))
    await bench.answer(run.id, "raise", {"requests": 1})
    async with bench.working(engine=bench.another_engine()):
        assert (await bench.rest(run.id)).status is RunStatus.WAITING
        assert requests(bench) == 2
    await bench.answer(run.id, "raise", {})
    async with bench.working(engine=bench.another_engine()):
        ended = await bench.ended(run.id)
    assert (ended.status, requests(bench)) == (RunStatus.SUCCEEDED, 3)


async def test_finish_ends_the_run_as_succeeded_with_what_is_there_and_does_finally(bench: Workbench) -> None:
    steps = "  - {id: first, python: '1'}\n  - {id: work, tool: spend, with: {times: 3}}\n"
    source = (
        task("{requests: 1}", steps) + "output: {first: '{{ first }}', work: '{{ work }}'}\nfinally: [{tool: echo}]\n"
    )
    async with bench.working():
        run = await waiting(bench, source)
        await bench.answer(run.id, "finish")
        ended = await bench.ended(run.id)
    assert (ended.status, ended.output) == (RunStatus.SUCCEEDED, {"first": 1, "work": None})
    assert bench.tools.paths("echo") == ["tool#1"]
    assert ended.records["work"].error is not None
    assert "user:ana chose to finish" in ended.records["work"].error.message


async def test_cancel_cancels_the_run_in_the_name_of_who_answered(bench: Workbench) -> None:
    async with bench.working():
        run = await waiting(bench, task("{requests: 1}"))
        await bench.answer(run.id, "cancel")
        ended = await bench.ended(run.id)
    assert ended.status is RunStatus.CANCELLED
    assert ended.said == "cancelled by user:ana: work: a budget was used up"


async def test_a_budget_that_does_not_ask_fails_the_step(bench: Workbench) -> None:
    async with bench.working():
        ended = await bench.run(task("{requests: 2, on_exceeded: fail}"))
    assert (ended.kind, requests(bench)) == ("budget", 2)
    assert "this run may use 2 model requests; 2 are used, and the next call could bring it to 3" in ended.said


@pytest.mark.parametrize("form", [{"usd": 0}, {"usd": -1}, {"tokens": 5}, {"usd": "much"}])
async def test_a_raise_that_is_none_is_refused_and_changes_nothing(bench: Workbench, form: JsonObject) -> None:
    async with bench.working():
        run = await waiting(bench, task("{usd: 0.02}"))
        with pytest.raises(Exception, match="the form does not fit"):
            await bench.answer(run.id, "raise", form)
        assert (await bench.look(run.id)).status is RunStatus.WAITING


async def test_twenty_branches_on_one_budget_spend_no_cent_too_much_and_ask_once(bench: Workbench) -> None:
    steps = (
        "  - {id: each, for_each: 'list(range(20))', max_parallel: 20, "
        "do: [{id: work, tool: spend, with: {times: 2}}]}\n"
    )
    async with bench.working():
        run = await waiting(bench, task("{usd: 0.15}", steps))
        assert requests(bench) == 15
        assert await bench.pool.fetchval("select count(*) from approvals") == 1
        await bench.answer(run.id, "raise", {"usd": 0.25})
        ended = await bench.ended(run.id)
    assert (ended.status, requests(bench)) == (RunStatus.SUCCEEDED, 40)


@pytest.mark.parametrize("budget", ["{usd: 0.18}", "{per_day: {usd: 0.18}}"])
async def test_branches_wait_for_what_calls_under_way_hold_back_and_ask_nobody(bench: Workbench, budget: str) -> None:
    """Each call may use all of the budget and uses a tenth of it, as a model does that is told no longest answer."""

    async def careful(arguments: JsonObject, context: StepContext) -> Json:
        await context.once(
            "turn[1]",
            kind="turn",
            digest="1",
            perform=lambda _: asked(bench),
            reserve=lambda _: Usage(600, 400, Decimal("0.10"), 1),
        )
        return None

    bench.tools.tools["careful"] = careful
    steps = "  - {id: each, for_each: 'list(range(9))', max_parallel: 9, do: [{id: work, tool: careful}]}\n"
    async with bench.working():
        ended = await bench.run(task(budget, steps))
    assert (ended.status, requests(bench)) == (RunStatus.SUCCEEDED, 9)
    assert await bench.pool.fetchval("select count(*) from approvals") == 0


async def test_runs_side_by_side_spend_no_cent_of_their_day_too_much(bench: Workbench) -> None:
    async with bench.working():
        source = task("{per_day: {usd: 0.05}}")
        launched = [await bench.start(source) for _ in range(4)]
        rested = [await bench.rest(one.run_id) for one in launched]
        assert requests(bench) == 5
        assert sum(one.status is RunStatus.WAITING for one in rested) >= 2
        stopped = next(one for one in rested if one.status is RunStatus.WAITING)
        await bench.answer(stopped.id, "raise", {"usd": 1})
        assert (await bench.ended(stopped.id)).status is RunStatus.SUCCEEDED
        again = await bench.run(source)
    assert again.status is RunStatus.SUCCEEDED, "what was raised holds for all runs of the day"
    assert await bench.pool.fetchval("select count(*) from day_holds where run_id = $1", again.id) == 0


async def test_a_day_ends_at_midnight_of_the_budgets_zone_and_waiting_runs_go_on_then(bench: Workbench) -> None:
    budget = "{per_day: {requests: 2}, timezone: Asia/Tokyo}"  # It is 17:00 there.
    async with bench.working():
        run = await waiting(bench, task(budget))
        await bench.forward(timedelta(hours=6, minutes=59))
        assert (await bench.look(run.id)).status is RunStatus.WAITING
        await bench.forward(timedelta(minutes=1))
        ended = await bench.ended(run.id)
    assert (ended.status, requests(bench)) == (RunStatus.SUCCEEDED, 3)


async def test_a_run_without_a_budget_looks_at_no_spending(bench: Workbench) -> None:
    async with bench.working():
        ended = await bench.run(f"{HEAD}steps:\n  - {{id: work, tool: spend, with: {{times: 3}}}}\n")
    assert ended.status is RunStatus.SUCCEEDED
    assert await bench.pool.fetchval("select count(*) from day_spend") == 0


async def test_a_run_of_a_watched_task_that_waits_for_its_budget_leaves_a_signal(bench: Workbench) -> None:
    async with bench.working():
        for watched in (False, True):
            task_id, version_id = await bench.apply(task("{usd: 0.02}"))
            await bench.pool.execute("update tasks set watched = $1", watched)
            launched = await bench.launch(task_id, version_id)
            await bench.rest(launched.run_id)
            signals = await bench.pool.fetch("select run_id, what, detail from alarm_signals")
            assert [(row["run_id"], row["what"]) for row in signals] == (
                [(launched.run_id, "budget")] if watched else []
            )
    assert signals[0]["detail"]
