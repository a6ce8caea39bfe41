"""Steps that wait: a while, an event, another task."""

import asyncio
from datetime import timedelta

import pytest

from errands.core.outcomes import RunStatus, StepStatus
from errands.core.values import Json
from errands.engine import keeper
from tests.engine.workbench import HEAD, Workbench


async def test_a_wait_ends_when_its_time_has_come_and_not_before(bench: Workbench) -> None:
    async with bench.working():
        launched = await bench.start(HEAD + "steps: [{wait: 2h}, {id: moment, python: 'clock.now.isoformat()'}]\n")
        assert (await bench.rest(launched.run_id)).status is RunStatus.WAITING
        await bench.forward(timedelta(minutes=119))
        assert (await bench.look(launched.run_id)).status is RunStatus.WAITING
        await bench.forward(timedelta(minutes=1))
        ended = await bench.ended(launched.run_id)
    assert ended.output == "2026-03-02T10:00:00+00:00"


async def test_a_wait_may_be_computed(bench: Workbench) -> None:
    async with bench.working():
        launched = await bench.start(
            HEAD + 'steps: [{wait: "{{ 30 * 2 }}m"}, {wait: {until: "{{ (now + timedelta(hours=3)).isoformat() }}"}}]\n'
        )
        await bench.rest(launched.run_id)
        due = [await bench.pool.fetchval("select max(due_at) from waits")]
        await bench.forward(timedelta(hours=1))
        await bench.rest(launched.run_id)
        due.append(await bench.pool.fetchval("select max(due_at) from waits"))
    assert [moment.isoformat() for moment in due] == ["2026-03-02T09:00:00+00:00", "2026-03-02T11:00:00+00:00"]


@pytest.mark.parametrize("moment", ["2026-03-02T07:00Z", "2026-03-02", "2026-03-02T09:00+01:00"])
async def test_a_moment_that_has_passed_is_not_waited_for(bench: Workbench, moment: str) -> None:
    ended = await bench.steps(f'  - {{id: nap, wait: {{until: "{moment}"}}}}\n')
    assert ended.status is RunStatus.SUCCEEDED
    assert ended.epoch == 1


@pytest.mark.parametrize(
    ("wait", "said"), [('"{{ 1 + 1 }} moons"', "2 moons"), ('{until: "{{ 1 + 1 }}"}', "not a moment")]
)
async def test_what_is_no_time_fails_the_step_with_what_was_given(bench: Workbench, wait: str, said: str) -> None:
    ended = await bench.steps(f"  - {{id: nap, wait: {wait}}}\n")
    assert (ended.status, ended.kind) == (RunStatus.FAILED, "input")
    assert said in ended.said


async def test_an_event_that_comes_later_ends_the_wait_with_its_payload(bench: Workbench) -> None:
    async with bench.working():
        launched = await bench.start(HEAD + "steps: [{id: parcel, wait_for: {event: arrived}}]\n")
        await bench.rest(launched.run_id)
        assert await bench.send("left", {"x": 1}) == 0
        assert await bench.send("arrived", {"box": 7}) == 1
        ended = await bench.ended(launched.run_id)
    assert ended.output == {"box": 7}


async def test_an_event_sent_since_the_run_began_counts_although_nobody_waited_yet(bench: Workbench) -> None:
    task = await bench.apply(HEAD + "steps: [{wait: 1m}, {id: parcel, wait_for: {event: arrived}}]\n")
    async with bench.working():
        await bench.send("arrived", "too early")
        bench.clock.forward(timedelta(seconds=1))
        launched = await bench.launch(*task)
        await bench.rest(launched.run_id)
        await bench.send("arrived", "in time")
        await bench.forward(timedelta(minutes=1))
        ended = await bench.ended(launched.run_id)
    assert ended.output == "in time"


async def test_only_an_event_with_the_key_counts(bench: Workbench) -> None:
    async with bench.working():
        launched = await bench.start(
            HEAD + 'params: {n: {type: integer}}\nsteps: [{wait_for: {event: arrived, key: "{{ n }}"}}]\n', {"n": 42}
        )
        await bench.rest(launched.run_id)
        assert [await bench.send("arrived", key, key=key) for key in ("41", None, "42")] == [0, 0, 1]
        ended = await bench.ended(launched.run_id)
    assert ended.output == "42"


async def test_two_waits_of_a_run_take_two_events(bench: Workbench) -> None:
    two = "steps:\n  - {id: a, wait_for: {event: e}}\n  - {id: b, wait_for: {event: e}}\n  - {python: '[a, b]'}\n"
    async with bench.working():
        before = await bench.start(HEAD + two.replace("steps:\n", "steps:\n  - {wait: 1m}\n"))
        launched = await bench.start(HEAD + two)
        await bench.rest(before.run_id)
        await bench.rest(launched.run_id)
        await bench.send("e", 1)
        await bench.rest(launched.run_id)
        await bench.send("e", 2)
        ended = await bench.ended(launched.run_id)
        await bench.forward(timedelta(minutes=1))
        late = await bench.ended(before.run_id)
    assert ended.output == [1, 2]
    assert late.output == [1, 2]


async def test_one_event_wakes_every_run_that_waits_for_it(bench: Workbench) -> None:
    async with bench.working():
        runs = [await bench.start(HEAD + "steps: [{wait_for: {event: e}}]\n") for _ in range(5)]
        for launched in runs:
            await bench.rest(launched.run_id)
        assert await bench.send("e", "all") == 5
        outputs = [(await bench.ended(launched.run_id)).output for launched in runs]
    assert outputs == ["all"] * 5


async def test_an_event_of_another_project_is_not_heard(bench: Workbench) -> None:
    async with bench.working():
        launched = await bench.start(HEAD + "steps: [{wait_for: {event: e}}]\n")
        await bench.rest(launched.run_id)
        other = await bench.other_project()
        woken = await bench.engine.send_event(other, name="e", key=None, payload=None, sender=None)
        status = (await bench.look(launched.run_id)).status
    assert (woken, status) == (0, RunStatus.WAITING)


async def test_an_event_that_does_not_come_times_the_step_out(bench: Workbench) -> None:
    async with bench.working():
        launched = await bench.start(
            HEAD + 'steps: [{id: parcel, wait_for: {event: e, key: k, timeout: 1d}, on_error: [{python: "error"}]}]\n'
        )
        await bench.rest(launched.run_id)
        await bench.forward(timedelta(days=1))
        ended = await bench.ended(launched.run_id)
    assert isinstance(ended.output, dict)
    assert (ended.output["kind"], ended.output["step"]) == ("timeout", "parcel")
    assert "`e` with key `k`" in str(ended.output["message"])
    assert ended.records["parcel"].status is StepStatus.TIMED_OUT


async def test_events_may_carry_what_text_columns_cannot(bench: Workbench) -> None:
    async with bench.working():
        launched = await bench.start(
            HEAD + "steps:\n  - {id: a, wait_for: {event: e}}\n  - {id: b, wait_for: {event: e}}\n"
        )
        await bench.rest(launched.run_id)
        await bench.send("e", {"nul": "a\0b"})
        await bench.rest(launched.run_id)
        await bench.send("e", "second")
        ended = await bench.ended(launched.run_id)
    assert ended.records["a"].output == {"nul": "a\0b"}
    assert ended.output == "second"


CHILD = "task: child\ndescription: a child\nparams: {n: {type: integer, default: 5}}\n"


async def test_a_subtask_gives_its_output_to_the_step_that_ran_it(bench: Workbench) -> None:
    await bench.apply(CHILD + "steps: [{python: n * 2}]\n")
    async with bench.working():
        ended = await bench.run(
            HEAD + "steps:\n  - {id: a, run: child, with: {n: 21}}\n  - {id: b, run: child}\n  - {python: '[a, b]'}\n"
        )
        child = await bench.pool.fetchrow("select * from runs where parent_path = 'a/wait'")
    assert ended.output == [42, 10]
    assert child is not None
    assert child["parent_run_id"] == ended.id
    assert ended.records["a"].fact("child") == f"run_{child['id'].hex}"


async def test_a_failed_subtask_fails_its_step_with_the_reason(bench: Workbench) -> None:
    await bench.apply(CHILD + "steps: [{tool: fail, with: {kind: network, message: no route}}]\n")
    async with bench.working():
        ended = await bench.run(HEAD + "steps: [{id: a, run: child}]\n")
    assert (ended.status, ended.kind) == (RunStatus.FAILED, "network")
    assert "child" in ended.said
    assert "no route" in ended.said


async def test_a_subtask_that_is_not_waited_for_goes_on_by_itself(bench: Workbench) -> None:
    await bench.apply(CHILD + "steps: [{wait: 5h}]\n")
    async with bench.working():
        ended = await bench.run(HEAD + "steps: [{id: a, run: child, wait: false}]\n")
        child = await bench.pool.fetchval("select id from runs where parent_run_id = $1", ended.id)
        rested = await bench.rest(child)
    assert ended.output == {"run": f"run_{child.hex}"}
    assert rested.status is RunStatus.WAITING


@pytest.mark.parametrize(
    ("step", "kind", "said"),
    [
        ("run: nobody", "not_found", "no published task `nobody`"),
        ("run: child, with: {n: many}", "input", "n: "),
        ("run: child, with: {m: 1}", "input", "m"),
    ],
)
async def test_a_subtask_that_cannot_begin_fails_its_step(bench: Workbench, step: str, kind: str, said: str) -> None:
    await bench.apply(CHILD + "steps: [{tool: noop}]\n")
    async with bench.working():
        ended = await bench.run(HEAD + f"steps: [{{id: a, {step}}}]\n")
        children = await bench.pool.fetchval("select count(*) from runs where parent_run_id = $1", ended.id)
    assert (ended.status, ended.kind) == (RunStatus.FAILED, kind)
    assert said in ended.said
    assert children == 0


async def test_a_subtask_that_admission_skips_fails_its_step_with_the_reason(bench: Workbench) -> None:
    await bench.apply(CHILD + "limits: {overlap: skip}\nsteps: [{wait: 5h}]\n")
    async with bench.working():
        ended = await bench.run(HEAD + "steps:\n  - {id: a, run: child, wait: false}\n  - {id: b, run: child}\n", None)
    assert ended.status is RunStatus.FAILED
    assert "skipped: an earlier run was still active" in ended.said


async def test_the_output_of_a_subtask_may_be_large(bench: Workbench) -> None:
    await bench.apply(CHILD + "steps: [{python: \"'x' * 200000\"}]\n")
    async with bench.working():
        ended = await bench.run(HEAD + "steps:\n  - {id: a, run: child}\n  - {python: len(a)}\n")
    assert ended.output == 200_000


async def test_subtasks_of_subtasks_come_back_in_order(bench: Workbench) -> None:
    await bench.apply("task: inner\ndescription: x\nsteps: [{wait: 1m}, {python: '1'}]\n")
    await bench.apply("task: middle\ndescription: x\nsteps: [{id: i, run: inner}, {python: i + 1}]\n")
    async with bench.working():
        launched = await bench.start(HEAD + "steps: [{id: m, run: middle}, {python: m + 1}]\n")
        await bench.all_wait(3)
        await bench.forward(timedelta(minutes=1))
        ended = await bench.ended(launched.run_id)
    output: Json = ended.output
    assert output == 3


async def test_an_event_is_waited_for_until_a_computed_moment(bench: Workbench) -> None:
    async with bench.working():
        launched = await bench.start(
            HEAD
            + """
steps:
  - id: parcel
    wait_for: {event: e, until: "{{ (now + timedelta(hours=2)).isoformat() }}"}
    on_error: [{python: "error['kind']"}]
"""
        )
        assert (await bench.rest(launched.run_id)).status is RunStatus.WAITING
        await bench.forward(timedelta(minutes=119))
        assert (await bench.rest(launched.run_id)).status is RunStatus.WAITING
        await bench.forward(timedelta(minutes=1))
        assert (await bench.ended(launched.run_id)).output == "timeout"


async def test_a_keeper_whose_database_is_away_asks_less_and_less_often_though_timers_are_due(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, stopping, tries = bench.keeper, asyncio.Event(), list[int]()

    async def away() -> int:
        raise ConnectionRefusedError

    def pause(count: int) -> float:
        tries.append(count)
        if len(tries) == 4:
            stopping.set()
        return 0.0

    monkeypatch.setattr(made, "fire_timers", away)
    monkeypatch.setattr(made, "_due", bench.clock())
    monkeypatch.setattr(keeper, "delay_after", pause)
    await made._fire_timers(stopping)
    assert tries == [0, 1, 2, 3]
