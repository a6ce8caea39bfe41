"""How runs end: `on_error` and `finally` of the task, what is kept for later runs, the frozen clock."""

import asyncio
from datetime import timedelta

import pytest

from errands.core.outcomes import ErrorKind, RunStatus, StepFailed
from errands.core.ports import StepContext
from errands.core.values import Json, JsonObject
from tests.engine.workbench import HEAD, Gate, Workbench

FINALLY = "finally: [{id: last, tool: noop}]"


@pytest.mark.parametrize(
    ("step", "status"),
    [
        ("{id: a, tool: noop}", RunStatus.SUCCEEDED),
        ("{id: a, tool: fail}", RunStatus.FAILED),
        ("{id: a, finish: {output: 1}}", RunStatus.SUCCEEDED),
        ("{id: a, finish: {status: failed}}", RunStatus.FAILED),
    ],
)
async def test_finally_is_done_whatever_the_steps_came_to(bench: Workbench, step: str, status: RunStatus) -> None:
    ended = await bench.steps(f"  - {step}\n", more=FINALLY)
    assert ended.status is status
    assert "last" in ended.records


async def test_finally_is_done_after_a_cancel_and_is_not_cancelled_itself(bench: Workbench) -> None:
    gate, slow = Gate(), Gate()
    bench.tools.tools |= {"gate": gate, "slow": slow}
    async with bench.working():
        launched = await bench.start(HEAD + "steps: [{id: a, tool: gate}]\nfinally: [{id: last, tool: slow}]\n")
        await gate.entered()
        await bench.engine.cancel(launched.run_id, by="user:ana", reason="changed my mind")
        await slow.entered()
        await bench.engine.cancel(launched.run_id, by="user:bo", reason="again")
        slow.open()
        ended = await bench.ended(launched.run_id)
    assert (ended.status, ended.said) == (RunStatus.CANCELLED, "cancelled by user:ana: changed my mind")
    assert (gate.stopped, slow.stopped) == (1, 0)
    assert ended.records["last"].status == "succeeded"
    assert ended.records["a"].status == "cancelled"


async def test_finally_is_done_after_the_runs_time_is_up(bench: Workbench) -> None:
    bench.tools.tools["gate"] = Gate()
    ended = await bench.steps("  - {id: a, tool: gate}\n", more="limits: {timeout: 30ms}\n" + FINALLY)
    assert ended.status is RunStatus.TIMED_OUT
    assert ended.records["last"].status == "succeeded"


async def test_a_failing_finally_fails_a_run_that_had_succeeded_and_no_other(bench: Workbench) -> None:
    broken = "finally: [{tool: fail, with: {message: 'no room'}}]"
    good = await bench.steps("  - {id: a, tool: noop}\n", more=broken)
    bad = await bench.steps("  - {id: a, tool: fail}\n", more=broken)
    assert good.status is RunStatus.FAILED
    assert "the steps succeeded, but `finally` failed: no room" in good.said
    assert bad.said == "it broke"


async def test_finally_sees_the_error(bench: Workbench) -> None:
    ended = await bench.steps("  - {id: a, tool: fail}\n", more="finally: [{id: last, python: \"error['message']\"}]")
    assert ended.records["last"].output == "it broke"


async def test_a_cancel_during_a_wait_in_finally_does_not_stop_it(bench: Workbench) -> None:
    async with bench.working():
        launched = await bench.start(HEAD + "steps: [{tool: noop}]\nfinally: [{wait: 10m}, {id: last, tool: noop}]\n")
        await bench.rest(launched.run_id)
        await bench.engine.cancel(launched.run_id, by="user:ana", reason=None)
        await bench.forward(timedelta(minutes=10))
        ended = await bench.ended(launched.run_id)
    assert "last" in ended.records
    assert ended.status is RunStatus.SUCCEEDED


async def test_on_error_of_the_task_sees_the_error_and_the_run_still_fails(bench: Workbench) -> None:
    ended = await bench.steps(
        "  - {id: a, tool: fail}\n",
        more="on_error: [{id: told, tool: echo, with: {text: \"{{ error['step'] }}: {{ error['message'] }}\"}}]",
    )
    assert (ended.status, ended.said) == (RunStatus.FAILED, "it broke")
    assert ended.records["told"].output == {"text": "a: it broke"}


async def test_finish_in_on_error_has_the_last_word(bench: Workbench) -> None:
    ended = await bench.steps(
        "  - {id: a, tool: fail}\n", more="on_error: [{id: f, finish: {status: succeeded, output: saved}}]"
    )
    assert (ended.status, ended.output) == (RunStatus.SUCCEEDED, "saved")


async def test_a_failing_on_error_leaves_the_first_error(bench: Workbench) -> None:
    ended = await bench.steps("  - {id: a, tool: fail}\n", more="on_error: [{tool: fail, with: {message: second}}]")
    assert ended.said == "it broke"


async def test_on_error_is_not_done_after_a_cancel(bench: Workbench) -> None:
    gate = bench.tools.tools["gate"] = Gate()
    async with bench.working():
        launched = await bench.start(HEAD + "steps: [{tool: gate}]\non_error: [{id: told, tool: noop}]\n")
        await gate.entered()
        await bench.engine.cancel(launched.run_id, by="user:ana", reason=None)
        ended = await bench.ended(launched.run_id)
    assert "told" not in ended.records


COUNTING = """
steps:
  - {id: n, python: "state.get('n', 0) + 1", keep: {n: "{{ n }}"}}
  - {id: a, tool: gone}
"""


async def test_what_a_step_keeps_is_there_for_the_next_run_even_if_this_one_fails_later(bench: Workbench) -> None:
    bench.tools.tools["gone"] = bench.tools.tools["fail"]
    outputs = [(await bench.steps(COUNTING[7:])).records["n"].output for _ in range(3)]
    assert outputs == [1, 2, 3]
    assert await bench.state() == {"n": 3}


async def test_what_the_task_keeps_is_written_only_if_it_succeeds(bench: Workbench) -> None:
    steps = (
        "  - {id: a, tool: give, with: {value: 7}}\n  - {tool: noop, when: 'ok'}\n  - {tool: fail, when: 'not ok'}\n"
    )
    more = 'params: {ok: {type: boolean}}\nkeep: {cursor: "{{ a }}", seen: true}'
    await bench.steps(steps, {"ok": False}, more=more)
    after_failure = await bench.state()
    await bench.steps(steps, {"ok": True}, more=more)
    assert (after_failure, await bench.state()) == ({}, {"cursor": 7, "seen": True})


async def test_what_a_failed_step_would_keep_is_not_kept(bench: Workbench) -> None:
    await bench.steps("  - {id: a, tool: fail, keep: {n: 1}}\n")
    assert await bench.state() == {}


async def test_keeping_adds_to_what_was_kept_before(bench: Workbench) -> None:
    await bench.steps("  - {id: a, tool: noop, keep: {x: 1, y: 1}}\n  - {id: b, tool: noop, keep: {y: 2, z: 3}}\n")
    assert await bench.state() == {"x": 1, "y": 2, "z": 3}


async def test_a_run_sees_the_state_as_it_was_when_it_first_looked(bench: Workbench) -> None:
    ended = await bench.steps("""
  - {id: a, python: "state.get('n')"}
  - {id: b, tool: noop, keep: {n: 1}}
  - {id: c, python: "[a, state.get('n')]"}
""")
    assert ended.output == [None, None]


async def test_kept_values_are_redacted(bench: Workbench) -> None:
    bench.vault.values["TOKEN"] = "hunter2-and-some-more"
    ended = await bench.steps(
        "  - {id: a, tool: noop, keep: {x: hunter2-and-some-more}}\n",
        more="grants: {secrets: [TOKEN]}\nkeep: {y: hunter2-and-some-more}",
    )
    assert ended.status is RunStatus.SUCCEEDED
    assert await bench.state() == {"x": "[secret TOKEN]", "y": "[secret TOKEN]"}


async def test_what_cannot_be_kept_fails_the_step_and_leaves_no_record_of_success(bench: Workbench) -> None:
    async def nul(arguments: JsonObject, context: StepContext) -> Json:
        return "a\0b"

    bench.tools.tools["nul"] = nul
    ended = await bench.steps("  - {id: a, tool: nul, keep: {x: '{{ a }}'}}\n")
    assert (ended.status, ended.kind) == (RunStatus.FAILED, "storage")
    assert await bench.state() == {}


async def test_what_the_task_cannot_keep_fails_the_run(bench: Workbench) -> None:
    async def nul(arguments: JsonObject, context: StepContext) -> Json:
        return "a\0b"

    bench.tools.tools["nul"] = nul
    ended = await bench.steps("  - {id: a, tool: nul}\n", more="keep: {x: '{{ a }}'}")
    assert (ended.status, ended.kind) == (RunStatus.FAILED, "storage")
    assert await bench.state() == {}


async def test_now_is_the_runs_start_and_clock_now_the_moment_a_step_was_reached(bench: Workbench) -> None:
    async with bench.working():
        launched = await bench.start(
            HEAD
            + """
steps:
  - {id: a, python: "[now.isoformat(), clock.now.isoformat()]"}
  - {wait: 1h}
  - {id: b, python: "[now.isoformat(), clock.now.isoformat()]"}
  - {wait: 1h}
  - {python: "[a, b]"}
"""
        )
        for _ in range(2):
            await bench.rest(launched.run_id)
            await bench.forward(timedelta(hours=1))
        ended = await bench.ended(launched.run_id)
    eight, nine = "2026-03-02T08:00:00+00:00", "2026-03-02T09:00:00+00:00"
    assert ended.output == [[eight, eight], [eight, nine]]


async def test_a_step_that_hangs_is_stopped_at_once_by_a_cancel(bench: Workbench) -> None:
    gate = bench.tools.tools["gate"] = Gate()
    async with bench.working():
        launched = await bench.start(
            HEAD + "steps: [{parallel: {a: [{tool: gate}], b: [{tool: gate}], c: [{wait: 5h}]}}]\n"
        )
        await gate.entered(2)
        assert await bench.engine.cancel(launched.run_id, by="user:ana", reason=None)
        ended = await bench.ended(launched.run_id)
        assert not await bench.engine.cancel(launched.run_id, by="user:ana", reason=None)
    assert (ended.status, gate.stopped) == (RunStatus.CANCELLED, 2)


async def test_a_tool_that_raises_cancelled_by_itself_fails_its_step(bench: Workbench) -> None:
    async def odd(arguments: JsonObject, context: StepContext) -> Json:
        raise asyncio.CancelledError

    bench.tools.tools["odd"] = odd
    ended = await bench.steps("  - {id: a, tool: odd}\n")
    assert (ended.status, ended.kind) == (RunStatus.FAILED, "internal")


async def test_a_failed_run_carries_the_hint_and_the_step_of_its_error(bench: Workbench) -> None:
    async def refused(arguments: JsonObject, context: StepContext) -> Json:
        raise StepFailed(ErrorKind.INPUT, "the address `x` is none", hint="write it like ana@example.com")

    bench.tools.tools["refused"] = refused
    ended = await bench.steps("  - {id: a, tool: refused}\n")
    assert ended.error is not None
    assert (ended.error["hint"], ended.error["step"]) == ("write it like ana@example.com", "a")
