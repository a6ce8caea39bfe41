"""Runs that are started by the end of another task's run, or by an event of the project."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from errands.core.values import from_text
from errands.store.database import Database
from tests.engine.timetable import STEPS, Timetable, timetable

FAILING = "steps:\n  - {tool: fail}\n"


@pytest.fixture
async def times(database: Database, tmp_path: Path) -> AsyncIterator[Timetable]:
    async with timetable(database, tmp_path) as made:
        yield made


def after(name: str, event: str, *, arguments: str = "{}", params: str = "") -> str:
    """A task that an event starts."""
    return (
        f"task: {name}\ndescription: a test\n{params}{STEPS}"
        f"triggers:\n  - {{id: next, event: {{{event}}}, arguments: {arguments}}}\n"
    )


async def _end_one(times: Timetable, name: str = "first") -> None:
    row = await times.bench.pool.fetchrow("select id, published_version_id from tasks where name = $1", name)
    assert row is not None
    async with times.bench.working():
        launched = await times.bench.launch(row["id"], row["published_version_id"])
        await times.bench.ended(launched.run_id)
    await times.scheduler.tick()


async def test_the_end_of_a_run_starts_the_task_that_listens_once_with_its_output(times: Timetable) -> None:
    await times.publish(f"task: first\ndescription: a test\n{STEPS}output: {{n: 5}}\n")
    takes = "params:\n  n: {type: integer}\n"
    await times.publish(
        after("second", "task: first", params=takes, arguments="""{n: "{{ payload['output']['n'] }}"}""")
    )
    await _end_one(times)
    await times.scheduler.tick()
    (row,) = await times.bench.pool.fetch(
        "select runs.* from runs join tasks on tasks.id = runs.task_id where tasks.name = 'second'"
    )
    assert from_text(row["arguments"]) == {"n": 5}
    trigger = from_text(row["trigger"])
    assert isinstance(trigger, dict)
    assert (trigger["kind"], trigger["task"], trigger["depth"]) == ("event", "first", 1)
    assert trigger["payload"]["status"] == "succeeded"
    assert [one["outcome"] for one in await times.ledger()] == ["started"]


@pytest.mark.parametrize(
    ("outcome", "started"), [("succeeded", 0), ("failed", 1), ("any", 1), ("[timed_out, cancelled]", 0)]
)
async def test_only_the_ends_that_count_start_something(times: Timetable, outcome: str, started: int) -> None:
    await times.publish(f"task: first\ndescription: a test\n{FAILING}")
    await times.publish(after("second", f"task: first, outcome: {outcome}"))
    await _end_one(times)
    assert len(await times.ledger()) == started


async def test_a_run_that_is_cancelled_before_it_began_counts_as_cancelled(times: Timetable) -> None:
    task_id = await times.publish(f"task: first\ndescription: a test\n{STEPS}")
    await times.publish(after("second", "task: first, outcome: cancelled"))
    version = await times.bench.pool.fetchval("select published_version_id from tasks where id = $1", task_id)
    launched = await times.bench.launch(task_id, version)
    await times.bench.engine.cancel(launched.run_id, by="user:ana", reason=None)
    await times.scheduler.tick()
    assert [one["outcome"] for one in await times.ledger()] == ["started"]


async def test_an_event_of_the_project_starts_the_tasks_that_listen_for_its_name_and_key(times: Timetable) -> None:
    takes = "params:\n  who: {type: string}\n"
    await times.publish(after("a", "name: order", params=takes, arguments="""{who: "{{ payload['customer'] }}"}"""))
    await times.publish(after("b", "name: order, key: big"))
    await times.bench.send("order", {"customer": "Mills"}, key="small")
    await times.bench.send("other", {"customer": "Mills"})
    await times.scheduler.tick()
    (row,) = await times.bench.pool.fetch("select * from runs")
    assert from_text(row["arguments"]) == {"who": "Mills"}
    assert row["starter"] == "trigger:next"
    await times.bench.send("order", {"customer": "Fields"}, key="big")
    await times.scheduler.tick()
    assert await times.runs() == 3


async def test_tasks_that_start_each_other_are_stopped_and_told_why(times: Timetable) -> None:
    await times.publish(after("ping", "task: pong"))
    await times.publish(after("pong", "task: ping"))
    async with times.bench.working():
        row = await times.bench.pool.fetchrow("select id, published_version_id from tasks where name = 'ping'")
        assert row is not None
        run_id = (await times.bench.launch(row["id"], row["published_version_id"])).run_id
        for _ in range(11):
            await times.bench.ended(run_id)
            await times.scheduler.tick()
            run_id = await times.bench.pool.fetchval("select id from runs order by id desc limit 1")
        await times.scheduler.tick()
    assert await times.runs() == 11
    last = (await times.ledger())[-1]
    assert (last["outcome"], last["code"]) == ("skipped", "loop")
    assert "more than 10: this is a loop (" in last["reason"]
    assert "ping -> pong -> ping" in last["reason"]


async def test_a_task_that_starts_itself_as_a_sub_task_is_stopped_at_the_end_of_the_chain(times: Timetable) -> None:
    calls = "task: first\ndescription: a test\nsteps:\n  - {id: s, run: first}\n"
    task_id = await times.publish(f"task: first\ndescription: a test\n{STEPS}")
    task_id, version_id = await times.bench.apply(calls)
    async with times.bench.working():
        launched = await times.bench.launch(task_id, version_id)
        await times.bench.ended(launched.run_id)
    assert await times.runs() == 11
    error = await times.bench.pool.fetchval("select error from runs order by id desc limit 1")
    assert "11 runs in a row have started one another, more than 10" in error


async def test_a_loop_that_leads_through_a_sub_task_is_caught_too(times: Timetable) -> None:
    await times.publish(f"task: leaf\ndescription: a test\n{STEPS}")
    await times.publish(
        "task: caller\ndescription: a test\nsteps:\n  - {id: s, run: leaf}\n"
        "triggers:\n  - {id: next, event: {task: leaf}}\n"
    )
    async with times.bench.working():
        row = await times.bench.pool.fetchrow("select id, published_version_id from tasks where name = 'caller'")
        assert row is not None
        await times.bench.launch(row["id"], row["published_version_id"])
        for _ in range(6):
            for run in await times.bench.pool.fetch("select id from runs"):
                await times.bench.ended(run["id"])
            await times.scheduler.tick()
    error = await times.bench.pool.fetchval("select error from runs where status = 'failed'")
    assert "this is a loop (" in error
    assert "caller -> leaf -> caller -> leaf" in error
    assert await times.runs() == 11


async def test_a_run_with_outside_data_marks_those_that_it_starts(times: Timetable) -> None:
    await times.publish(f"task: first\ndescription: a test\n{STEPS}")
    await times.publish(after("second", "task: first"))
    row = await times.bench.pool.fetchrow("select id, published_version_id from tasks where name = 'first'")
    assert row is not None
    async with times.bench.working():
        launched = await times.bench.launch(
            row["id"], row["published_version_id"], trigger={"kind": "webhook", "untrusted": True}
        )
        await times.bench.ended(launched.run_id)
    await times.scheduler.tick()
    assert await times.bench.pool.fetchval("select bool_and(untrusted) from runs")


async def test_a_disabled_trigger_records_that_it_let_an_event_pass(times: Timetable) -> None:
    await times.publish(after("a", "name: order").replace("id: next,", "id: next, enabled: false,"))
    await times.bench.send("order")
    await times.scheduler.tick()
    assert [(one["outcome"], one["code"]) for one in await times.ledger()] == [("skipped", "disabled")]
    assert await times.runs() == 0
