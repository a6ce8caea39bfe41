"""Runs: started once, read whole, listed by page, followed to their end, cancelled, repeated."""

import asyncio
from datetime import UTC, datetime

import pytest

from errands.bootstrap import Runtime, open_services
from errands.core.outcomes import RunStatus, StepStatus
from errands.core.params import ArgumentsInvalid
from errands.services import Services
from errands.services.errors import Conflict, Denied, Invalid, NotFound
from errands.services.principals import operator
from errands.services.views import (
    LineLogged,
    RunChanged,
    RunEnded,
    RunEvent,
    RunSnapshot,
    RunView,
    SourceFile,
    StepChanged,
)
from errands.settings import Settings
from tests.services.work import at_work

ANA = operator("ana")
BEN, EVE = operator("ben"), operator("eve")

_COUNT = """
task: count
description: Counts words.
grants: {tools: [log]}
params:
  text: {type: string}
  limit: {type: integer, minimum: 1, default: 10}
  since: {type: string, default: "{{ now.isoformat() }}"}
steps:
  - {id: words, python: "text.split()[:limit]"}
  - if: len(words) > 1
    then:
      - {id: many, python: "'many'"}
    else:
      - {id: few, python: "'few'"}
  - id: shout
    for_each: words
    as: word
    do:
      - {id: upper, python: "word.upper()"}
  - {id: told, tool: log, with: {message: "counted {{ len(words) }}"}}
output: "{{ len(words) }}"
"""
_ASK = """
task: ask
description: Asks.
steps:
  - id: ok
    approve:
      question: "Go on?"
      choices: [send, drop]
      form: {type: object, properties: {note: {type: string, default: fine}}}
      not: [starter]
  - {id: said, python: "ok['choice'] + ' ' + ok['form']['note']"}
"""
_LISTEN = """
task: listen
description: Waits for an event.
steps:
  - {id: heard, wait_for: {event: order-paid, key: "42", timeout: 1d}}
output: "{{ heard['amount'] }}"
"""
_BREAK = """
task: break
description: Fails.
steps:
  - {id: first, python: "1"}
  - {id: second, python: "1 / 0"}
"""


async def _apply(services: Services, *sources: str) -> None:
    files = [SourceFile(f"{number}.yaml", source) for number, source in enumerate(sources)]
    await services.tasks.apply(ANA, "default", files)


async def _follow(services: Services, run: str) -> list[RunEvent]:
    return [event async for event in services.runs.follow(ANA, run)]


async def _finished(services: Services, run: str) -> RunView:
    events = await _follow(services, run)
    assert isinstance(events[-1], RunEnded)
    return events[-1].run


async def _waiting(services: Services, run: str) -> RunView:
    """The run once it waits."""
    async for event in services.runs.follow(ANA, run):
        if isinstance(event, RunSnapshot) and event.run.waiting:
            return event.run
        if isinstance(event, RunChanged) and event.waiting and event.status is RunStatus.WAITING:
            return await services.runs.get(ANA, run)
    raise AssertionError("the run ended without waiting")


async def test_a_run_tells_its_whole_record(working: Services) -> None:
    await _apply(working, _COUNT)
    started = await working.runs.start(ANA, "default", "count", {"text": "one two"})
    assert (started.status, started.existing) == (RunStatus.QUEUED, False)
    run = await _finished(working, started.id)
    assert (run.status, run.output, run.task, run.version, run.starter) == (
        RunStatus.SUCCEEDED,
        2,
        "count",
        1,
        "user:ana",
    )
    assert run.arguments["limit"] == 10
    assert datetime.fromisoformat(str(run.arguments["since"])).tzinfo is not None
    assert [(step.path, step.status.value, step.depth) for step in run.steps] == [
        ("words", "succeeded", 0),
        ("if#1", "succeeded", 0),
        ("many", "succeeded", 1),
        ("few", "skipped", 1),
        ("shout", "succeeded", 0),
        ("shout[0].upper", "succeeded", 1),
        ("shout[1].upper", "succeeded", 1),
        ("told", "succeeded", 0),
    ]
    told = run.steps[-1]
    assert told.input == {"message": "counted 2"}
    assert run.finished_at is not None
    assert run.timings.queued + run.timings.running > 0


async def test_following_tells_each_step_once_for_each_change_and_ends_with_the_run(working: Services) -> None:
    await _apply(working, _COUNT)
    started = await working.runs.start(ANA, "default", "count", {"text": "one two three"})
    events = await _follow(working, started.id)
    assert isinstance(events[0], RunSnapshot)
    assert [type(event) for event in events].count(RunEnded) == 1
    steps = [event.step for event in events if isinstance(event, StepChanged)]
    told = [(step.path, step.status, str(step.input)) for step in steps]
    assert len(told) == len(set(told))
    # What ended before anybody listened stands in the snapshot.
    succeeded = {step.path for step in (*events[0].run.steps, *steps) if step.status is StepStatus.SUCCEEDED}
    assert succeeded >= {"words", "shout[2].upper", "told"}
    assert StepStatus.CANCELLED not in {status for _, status, _ in told}
    again = await _follow(working, started.id)
    assert [type(event) for event in again] == [RunSnapshot, RunEnded]


async def test_a_followed_run_tells_its_log_once(runtime: Runtime) -> None:
    services = runtime.services
    await _apply(services, _COUNT)
    started = await services.runs.start(ANA, "default", "count", {"text": "one"})
    following = services.runs.follow(ANA, started.id)
    events = [await anext(following)]
    async with at_work(runtime):
        events += [event async for event in following]
    assert [event.line.message for event in events if isinstance(event, LineLogged)] == ["counted 1"]


async def test_a_run_that_another_process_holds_is_followed_all_the_same(runtime: Runtime, settings: Settings) -> None:
    await _apply(runtime.services, _COUNT)
    async with open_services(settings, worker=False) as elsewhere:
        async with at_work(runtime):
            started = await elsewhere.services.runs.start(ANA, "default", "count", {"text": "one two"})
            events = await _follow(elsewhere.services, started.id)
        # Its lines are written by now: they may be a moment later than its end, and a worker leaves none behind.
        log = await elsewhere.services.runs.logs(ANA, started.id)
        assert await elsewhere.services.runs.logs(ANA, started.id, after=log[-1].id) == []
    ended = {event.step.path for event in events if isinstance(event, StepChanged) and event.step.finished_at}
    ended |= {step.path for event in events if isinstance(event, RunSnapshot) for step in event.run.steps}
    assert ended >= {"words", "shout[1].upper", "told"}
    assert [line.message for line in log] == ["counted 2"]
    assert [event.line.message for event in events if isinstance(event, LineLogged)] in (["counted 2"], [])
    assert isinstance(events[-1], RunEnded)


async def test_wrong_arguments_make_no_run_and_name_every_problem(services: Services) -> None:
    await _apply(services, _COUNT)
    with pytest.raises(ArgumentsInvalid) as refused:
        await services.runs.start(ANA, "default", "count", {"limit": 0, "txet": "x"})
    assert {problem.path for problem in refused.value.problems} == {"text", "limit", "txet"}
    assert (await services.runs.list(ANA, "default")).items == ()


async def test_an_idempotency_key_gives_the_first_run_again(services: Services) -> None:
    await _apply(services, _COUNT)
    start = services.runs.start
    first = await start(ANA, "default", "count", {"text": "x"}, idempotency_key="k")
    again = await start(ANA, "default", "count", {"text": "x"}, idempotency_key="k")
    assert (again.id, first.existing, again.existing) == (first.id, False, True)
    with pytest.raises(Conflict, match="belongs to run_"):
        await start(ANA, "default", "count", {"text": "y"}, idempotency_key="k")


async def test_starts_with_one_key_at_the_same_moment_make_one_run(services: Services) -> None:
    await _apply(services, _COUNT)
    started = await asyncio.gather(
        *(services.runs.start(ANA, "default", "count", {"text": "x"}, idempotency_key="k") for _ in range(5))
    )
    assert len({one.id for one in started}) == 1
    assert sorted(one.existing for one in started) == [False, True, True, True, True]


async def test_a_task_without_a_published_version_runs_only_by_number(services: Services) -> None:
    await services.tasks.apply(ANA, "default", [SourceFile("a", _BREAK)], publish=False)
    with pytest.raises(Conflict, match="No version of task break is published"):
        await services.runs.start(ANA, "default", "break", {})
    assert (await services.runs.start(ANA, "default", "break", {}, version=1)).existing is False


async def test_a_paused_task_skips_runs_and_says_why(services: Services) -> None:
    await _apply(services, _BREAK)
    await services.tasks.pause(ANA, "default", "break", "holidays")
    skipped = await services.runs.start(ANA, "default", "break", {})
    assert (skipped.status, skipped.reason) == (RunStatus.SKIPPED, "the task is paused: holidays")


async def test_a_failed_run_says_where_and_why(working: Services) -> None:
    await _apply(working, _BREAK)
    started = await working.runs.start(ANA, "default", "break", {})
    run = await _finished(working, started.id)
    assert run.status is RunStatus.FAILED
    assert run.error is not None
    assert run.error.step == "second"
    assert "division by zero" in run.error.message
    assert [(step.path, step.status.value) for step in run.steps] == [("first", "succeeded"), ("second", "failed")]


async def test_a_rerun_from_a_step_keeps_what_was_before_it(working: Services) -> None:
    await _apply(working, _BREAK)
    first = await working.runs.start(ANA, "default", "break", {})
    await _finished(working, first.id)
    plan = await working.runs.rerun_plan(ANA, first.id, from_step="second")
    assert (plan.version, plan.repeated_effects) == (1, ())
    await _apply(working, _BREAK.replace("1 / 0", "first + 1"))
    again = await working.runs.rerun(BEN, first.id, from_step="second", version=2)
    run = await _finished(working, again.id)
    assert (run.status, run.output, run.rerun_of, run.version) == (RunStatus.SUCCEEDED, 2, first.id, 2)
    with pytest.raises(Invalid, match="there is no step `third`"):
        await working.runs.rerun_plan(ANA, first.id, from_step="third")


async def test_a_rerun_with_other_arguments_checks_them_as_a_start_does(working: Services) -> None:
    await _apply(working, _COUNT)
    first = await working.runs.start(ANA, "default", "count", {"text": "one two"})
    await _finished(working, first.id)
    again = await working.runs.rerun(ANA, first.id, from_step="told", arguments={"limit": 1})
    run = await _finished(working, again.id)
    assert (run.output, run.arguments["limit"], run.arguments["text"]) == (1, 1, "one two")
    with pytest.raises(ArgumentsInvalid, match="limit"):
        await working.runs.rerun(ANA, first.id, arguments={"limit": 0})


async def test_a_large_value_is_left_out_and_read_in_parts(working: Services) -> None:
    long = "\u00e4" * 50_000
    await _apply(working, _COUNT)
    started = await working.runs.start(ANA, "default", "count", {"text": long})
    whole = await _finished(working, started.id)
    run = await working.runs.get(ANA, started.id, largest=1000)
    words, told = run.steps[0], run.steps[-1]
    assert (words.output, words.output_size) == (None, 100_004)
    assert (told.input, told.input_size) == (whole.steps[-1].input, None)
    text, offset = "", 0
    while True:
        part = await working.runs.part(ANA, started.id, path="words", offset=offset, limit=10_001)
        text += part.text
        if part.next_offset is None:
            break
        offset = part.next_offset
    assert text == f'["{long}"]'
    with pytest.raises(NotFound, match="nowhere"):
        await working.runs.part(ANA, started.id, path="nowhere")
    with pytest.raises(Invalid, match="behind its end"):
        await working.runs.part(ANA, started.id, path="told", offset=10**9)


async def test_a_run_is_named_by_the_end_of_its_id(services: Services) -> None:
    await _apply(services, _BREAK)
    started = await services.runs.start(ANA, "default", "break", {})
    assert (await services.runs.get(ANA, started.id[-6:])).id == started.id
    assert (await services.runs.get(ANA, f"run_{started.id[-8:]}")).id == started.id
    for wrong in ("run_" + "0" * 32, "abc", "run_xyz", ""):
        with pytest.raises(NotFound):
            await services.runs.get(ANA, wrong)


async def test_too_few_digits_name_the_runs_that_match(services: Services) -> None:
    await _apply(services, _BREAK)
    ids = [(await services.runs.start(ANA, "default", "break", {})).id for _ in range(2)]
    with pytest.raises(Invalid, match="More than one run matches") as refused:
        await services.runs.get(ANA, ids[0][4:10])
    assert all(run in refused.value.message for run in ids)


async def test_pages_of_runs_follow_one_another(services: Services) -> None:
    await _apply(services, _BREAK, _COUNT)
    for _ in range(5):
        await services.runs.start(ANA, "default", "break", {})
    page = await services.runs.list(ANA, "default", task="break", limit=3)
    assert len(page.items) == 3
    rest = await services.runs.list(ANA, "default", task="break", limit=3, cursor=page.next_cursor)
    assert (len(rest.items), rest.next_cursor) == (2, None)
    assert (await services.runs.list(ANA, "default", task="count")).items == ()
    assert len((await services.runs.list(ANA, "default", status=RunStatus.QUEUED)).items) == 5
    for wrong in ({"limit": 0}, {"limit": 501}, {"cursor": "nonsense"}, {"since": datetime(2026, 1, 1)}):
        with pytest.raises(Invalid):
            await services.runs.list(ANA, "default", **wrong)
    assert (await services.runs.list(ANA, "default", since=datetime(2100, 1, 1, tzinfo=UTC))).items == ()


async def test_a_cancelled_run_ends_and_says_who_asked(working: Services) -> None:
    await _apply(working, _LISTEN)
    started = await working.runs.start(ANA, "default", "listen", {})
    await _waiting(working, started.id)
    assert await working.runs.cancel(BEN, started.id, reason="too late") is True
    run = await _finished(working, started.id)
    assert (run.status, run.cancel_by, run.reason) == (RunStatus.CANCELLED, "user:ben", "too late")
    assert await working.runs.cancel(BEN, started.id) is False


async def test_an_event_wakes_the_run_that_waits_for_its_key(working: Services) -> None:
    await _apply(working, _LISTEN)
    started = await working.runs.start(ANA, "default", "listen", {})
    (wait,) = (await _waiting(working, started.id)).waiting
    assert (wait.path, wait.kind, wait.event, wait.key) == ("heard", "event", "order-paid", "42")
    assert await working.events.send(ANA, "default", "order-paid", key="7", payload={"amount": 1}) == 0
    assert await working.events.send(ANA, "default", "order-paid", key="42", payload={"amount": 5}) == 1
    assert (await _finished(working, started.id)).output == 5


async def test_an_approval_is_answered_once_by_somebody_who_may(working: Services) -> None:
    await _apply(working, _ASK)
    started = await working.runs.start(ANA, "default", "ask", {})
    run = await _waiting(working, started.id)
    assert [(step.path, step.status) for step in run.steps] == [("ok", StepStatus.WAITING)]
    (asked,) = (await working.approvals.inbox(ANA, "default")).items
    assert (asked.question, asked.choices, asked.excluded) == ("Go on?", ("send", "drop"), ("user:ana",))
    assert (await working.approvals.inbox(ANA, "default", mine=True)).items == ()
    assert [one.id for one in (await working.approvals.inbox(BEN)).items] == [asked.id]
    answer = working.approvals.answer
    with pytest.raises(Denied, match="excludes user:ana from answering"):
        await answer(ANA, asked.id, choice="send", form={})
    with pytest.raises(Invalid, match="'sned' is not a choice here"):
        await answer(BEN, asked.id, choice="sned", form={})
    with pytest.raises(Invalid, match="form does not fit"):
        await answer(BEN, asked.id, choice="send", form={"note": 7})
    answered = await answer(BEN, started.id, choice="send", form={"note": "go"}, note="sure")
    assert (answered.closed, answered.approval) == (True, asked.id)
    assert (await _finished(working, started.id)).output == "send go"
    for late in (asked.id, started.id):
        with pytest.raises(Conflict, match="closed: user:ben answered 'send', the last at"):
            await answer(EVE, late, choice="drop", form={})
    closed = await working.approvals.get(ANA, asked.id)
    assert [(one.person, one.choice, one.note) for one in closed.answers] == [("user:ben", "send", "sure")]


async def test_what_asks_nothing_has_no_approval(services: Services) -> None:
    await _apply(services, _BREAK)
    started = await services.runs.start(ANA, "default", "break", {})
    with pytest.raises(NotFound, match="no approval of run"):
        await services.approvals.get(ANA, started.id)
    with pytest.raises(NotFound, match="no approval"):
        await services.approvals.get(ANA, "apr_" + "0" * 32)
    with pytest.raises(Invalid, match="is not the id of an approval"):
        await services.approvals.get(ANA, "apr_1")


async def test_an_output_too_large_for_the_database_is_read_from_the_store(working: Services) -> None:
    await _apply(working, "task: big\ndescription: Big.\nsteps:\n  - {id: big, python: \"'x' * 200000\"}\n")
    started = await working.runs.start(ANA, "default", "big", {})
    run = await _finished(working, started.id)
    assert (run.output, run.output_size) == (None, 200_002)
    assert run.steps[0].output_size == 200_002
    assert await working.runs.output(ANA, started.id) == "x" * 200_000


async def test_the_doctor_finds_a_new_home_in_order(working: Services) -> None:
    checks = {check.name: check for check in await working.doctor.report(ANA)}
    assert [check.name for check in checks.values() if not check.ok] == []
    assert checks["workers"].detail == "1 at work"
    assert checks["database"].detail.startswith("PostgreSQL 18")
