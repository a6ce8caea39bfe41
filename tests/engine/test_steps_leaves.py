"""Tools: retries, time limits, caches, effects, what outputs may be, and secrets."""

import asyncio
import math
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from errands.core.outcomes import ErrorKind, Performed, RunStatus, StepFailed, StepStatus
from errands.core.ports import StepContext
from errands.core.values import Json, JsonObject
from errands.engine.limits import EngineLimits
from errands.engine.records import Stored
from errands.store.database import Database
from tests.engine.workbench import HEAD, Gate, Tool, Workbench, workbench


def failing(*errors: StepFailed) -> Tool:
    """A tool that raises these in turn, then answers with the number of its attempt."""
    left = list(errors)

    async def tool(arguments: JsonObject, context: StepContext) -> Json:
        if left:
            raise left.pop(0)
        return context.attempt

    return tool


def network(after: float | None = None) -> StepFailed:
    return StepFailed(ErrorKind.NETWORK, "no route", retry_after=after)


async def test_a_step_is_tried_again_until_it_succeeds(bench: Workbench) -> None:
    bench.tools.tools["flaky"] = failing(network(), network())
    ended = await bench.steps("  - {id: a, tool: flaky, retry: {attempts: 3, initial: 1ms}}\n")
    assert ended.output == 3
    assert ended.records["a"].fact("attempts") == 3
    failed = ended.records["a/attempt[1]"]
    assert (failed.status, failed.error and failed.error.message) == (StepStatus.FAILED, "no route")


async def test_a_step_fails_when_its_attempts_are_used_up(bench: Workbench) -> None:
    bench.tools.tools["flaky"] = failing(network(), network(), network())
    ended = await bench.steps("  - {id: a, tool: flaky, retry: {attempts: 2, initial: 1ms}}\n")
    assert (ended.status, len(bench.tools.calls)) == (RunStatus.FAILED, 2)


@pytest.mark.parametrize(
    ("error", "on", "calls"),
    [("denied", "", 1), ("denied", ", on: [denied]", 2), ("network", ", on: [denied]", 1), ("timeout", "", 2)],
)
async def test_only_errors_that_may_pass_are_tried_again(bench: Workbench, error: str, on: str, calls: int) -> None:
    bench.tools.tools["flaky"] = failing(StepFailed(ErrorKind(error), "no"))
    await bench.steps(f"  - {{id: a, tool: flaky, retry: {{attempts: 2, initial: 1ms{on}}}}}\n")
    assert len(bench.tools.calls) == calls


async def test_long_delays_grow_and_hold_nothing(bench: Workbench) -> None:
    bench.tools.tools["flaky"] = failing(network(), network(), network(after=7200), network())
    async with bench.working() as worker:
        launched = await bench.start(
            HEAD + "steps: [{id: a, tool: flaky, retry: {attempts: 5, initial: 1m, max: 3m}}]\n"
        )
        for seconds in (60, 120, 7200, 180):
            rested = await bench.rest(launched.run_id)
            assert (rested.status, worker.held) == (RunStatus.WAITING, 0)
            await bench.forward(timedelta(seconds=seconds - 1))
            assert (await bench.look(launched.run_id)).status is RunStatus.WAITING
            await bench.forward(timedelta(seconds=1))
        ended = await bench.ended(launched.run_id)
    assert ended.output == 5


async def test_an_attempt_that_takes_too_long_is_stopped(bench: Workbench) -> None:
    gate = bench.tools.tools["gate"] = Gate()
    ended = await bench.steps("  - {id: a, tool: gate, timeout: 20ms}\n")
    assert (ended.status, ended.kind) == (RunStatus.FAILED, "timeout")
    assert "0.02 s" in ended.said
    assert gate.stopped == 1
    assert ended.records["a"].status is StepStatus.TIMED_OUT


async def test_each_attempt_has_the_whole_time(bench: Workbench) -> None:
    bench.tools.tools["gate"] = Gate()
    ended = await bench.steps("  - {id: a, tool: gate, timeout: 20ms, retry: {attempts: 3, initial: 1ms}}\n")
    assert len(bench.tools.calls) == 3
    assert ended.records["a"].fact("attempts") == 3


async def test_an_error_may_be_passed_over(bench: Workbench) -> None:
    ended = await bench.steps("""
  - {id: a, tool: fail, on_error: continue}
  - {python: "a is None"}
""")
    assert (ended.status, ended.output) == (RunStatus.SUCCEEDED, True)
    assert ended.records["a"].status is StepStatus.FAILED


async def test_an_error_may_be_handled_by_steps_that_see_it(bench: Workbench) -> None:
    ended = await bench.steps("""
  - id: a
    tool: fail
    with: {kind: unavailable, message: "come back later"}
    on_error:
      - {tool: noop}
      - {id: b, python: "[error['kind'], error['message'], error['step']]"}
  - {python: "[a, b is None]"}
""")
    assert ended.output == [["unavailable", "come back later", "a"], True]


async def test_an_error_in_the_handling_steps_fails_the_run(bench: Workbench) -> None:
    ended = await bench.steps("""
  - {id: a, tool: fail, on_error: [{id: b, tool: fail, with: {message: "again"}}]}
""")
    assert (ended.status, ended.said) == (RunStatus.FAILED, "again")


async def test_an_output_is_taken_from_the_cache_while_it_is_fresh(bench: Workbench) -> None:
    source = (
        HEAD + "params: {x: {type: integer}}\nsteps: [{id: a, tool: echo, with: {x: '{{ x }}'}, cache: {ttl: 1h}}]\n"
    )
    async with bench.working():
        await bench.run(source, {"x": 1})
        again = await bench.run(source, {"x": 1})
        await bench.run(source, {"x": 2})
        bench.clock.forward(timedelta(hours=1))
        await bench.run(source, {"x": 1})
    assert len(bench.tools.calls) == 3
    assert (again.output, again.records["a"].fact("cached")) == ({"x": 1}, True)


async def test_a_cache_key_of_ones_own_is_all_that_counts(bench: Workbench) -> None:
    source = HEAD + (
        "params: {x: {type: integer}, k: {type: string}}\n"
        "steps: [{id: a, tool: echo, with: {x: '{{ x }}'}, cache: {ttl: 1h, key: '{{ k }}'}}]\n"
    )
    async with bench.working():
        outputs = [(await bench.run(source, {"x": x, "k": k})).output for x, k in ((1, "a"), (2, "a"), (3, "b"))]
    assert outputs == [{"x": 1}, {"x": 1}, {"x": 3}]


async def test_a_failure_is_not_cached(bench: Workbench) -> None:
    bench.tools.tools["flaky"] = failing(network())
    source = HEAD + "steps: [{id: a, tool: flaky, cache: {ttl: 1h}}]\n"
    async with bench.working():
        first, second = await bench.run(source), await bench.run(source)
    assert (first.status, second.status) == (RunStatus.FAILED, RunStatus.SUCCEEDED)


async def test_a_step_that_changes_the_outside_announces_itself_first(bench: Workbench) -> None:
    seen: list[bool] = []

    async def change(arguments: JsonObject, context: StepContext) -> Json:
        written = await bench.pool.fetchval("select count(*) from steps where path = 'a/intent[1]'")
        seen.append(written == 1)
        return None

    bench.tools.tools["change.it"] = change
    ended = await bench.steps("  - {id: a, tool: change.it}\n  - {id: b, tool: noop}\n")
    assert seen == [True]
    assert ended.records["a/intent[1]"].fact("effect_key") == bench.tools.calls[0][2]
    assert "b/intent[1]" not in ended.records


async def test_all_attempts_of_a_step_carry_one_effect_key(bench: Workbench) -> None:
    bench.tools.tools["change.flaky"] = failing(network(), network())
    await bench.steps("  - {id: a, tool: change.flaky, retry: {attempts: 3, initial: 1ms}}\n")
    keys = {key for _, _, key in bench.tools.calls}
    assert (len(bench.tools.calls), len(keys)) == (3, 1)


async def test_an_output_over_the_inline_limit_lies_in_the_store_and_reads_the_same(
    bench: Workbench, tmp_path: Path
) -> None:
    ended = await bench.steps("""
  - {id: big, tool: give, with: {value: "{{ 'x' * 70_000 }}"}}
  - {id: small, python: "len(big)"}
""")
    stored = ended.records["big"].output
    assert isinstance(stored, Stored)
    assert stored.size == 70_002
    assert (tmp_path / "artifacts" / stored.ref).stat().st_size == 70_002
    assert ended.output == 70_000


async def test_a_large_last_output_is_the_runs_output_by_reference(bench: Workbench) -> None:
    ended = await bench.steps("""  - {id: big, python: "'x' * 70_000"}\n""")
    assert (ended.status, ended.output) == (RunStatus.SUCCEEDED, None)
    assert ended.output_ref is not None


async def test_an_output_over_the_limit_fails_its_step_with_both_sizes(bench: Workbench) -> None:
    async def huge(arguments: JsonObject, context: StepContext) -> Json:
        return "x" * (60 * 2**20)

    bench.tools.tools["huge"] = huge
    ended = await bench.steps("  - {id: a, tool: huge, on_error: [{python: error}]}\n")
    assert isinstance(ended.output, dict)
    assert (ended.output["kind"], ended.output["step"]) == ("limit", "a")
    assert "62,914,562 bytes" in str(ended.output["message"])
    assert "52,428,800" in str(ended.output["message"])


async def test_a_large_output_is_read_again_only_when_something_looks_at_it(bench: Workbench) -> None:
    read: list[str] = []
    get = bench.parts.artifacts.get

    async def counted(ref: str) -> bytes:
        read.append(ref)
        return await get(ref)

    bench.parts.artifacts.get = counted  # type: ignore[method-assign]
    async with bench.working():
        launched = await bench.start(
            HEAD
            + """
steps:
  - {id: big, tool: give, with: {value: "{{ 'x' * 70_000 }}"}}
  - {wait: 1h}
  - {id: other, python: "1 + 1"}
  - {wait: 1h}
  - {id: small, python: "len(big)"}
"""
        )
        await bench.rest(launched.run_id)
        await bench.forward(timedelta(hours=1))
        await bench.rest(launched.run_id)
        before = list(read)
        await bench.forward(timedelta(hours=1))
        ended = await bench.ended(launched.run_id)
    assert (before, len(read), ended.output) == ([], 1, 70_000)


async def test_a_full_artifact_store_fails_the_step_and_says_so(bench: Workbench) -> None:
    async def full(data: bytes, *, suffix: str = "") -> str:
        raise OSError(28, "No space left on device")

    bench.parts.artifacts.put = full  # type: ignore[method-assign]
    ended = await bench.steps("""  - {id: big, python: "'x' * 70_000"}\n""")
    assert (ended.status, ended.kind) == (RunStatus.FAILED, "storage")
    assert "No space left on device" in ended.said


async def _given(bench: Workbench, make: Callable[[], object]) -> tuple[RunStatus, Json, str]:
    async def odd(arguments: JsonObject, context: StepContext) -> Json:
        return make()  # type: ignore[return-value]

    bench.tools.tools["odd"] = odd
    async with bench.working():
        launched = await bench.start(
            HEAD + "steps:\n  - {id: a, tool: odd}\n  - {id: b, tool: echo, with: {x: '{{ a }}'}}\n"
            "  - {wait: 1h}\n  - {id: c, tool: echo, with: {x: '{{ a }}'}}\n  - {python: 'b == c'}\n"
        )
        rested = await bench.rest(launched.run_id)
        await bench.forward(timedelta(hours=1))
        rested = await bench.ended(launched.run_id)
    return rested.status, rested.output, rested.kind


@pytest.mark.parametrize(
    "make",
    [lambda: {1: "number", 2.5: "float"}, lambda: (1, (2,)), lambda: {"nul": "a\0b", "k\0": 1}, lambda: [10**30, -0.0]],
    ids=["keys", "tuples", "nul", "numbers"],
)
async def test_a_live_value_is_the_one_that_a_replay_reads(bench: Workbench, make: Callable[[], object]) -> None:
    assert await _given(bench, make) == (RunStatus.SUCCEEDED, True, "None")


@pytest.mark.parametrize(
    "make",
    [lambda: "\ud800", lambda: math.nan, lambda: [math.inf], object, lambda: b"\xff\xfe"],
    ids=["surrogate", "nan", "inf", "object", "bytes"],
)
async def test_what_is_not_json_fails_the_step(bench: Workbench, make: Callable[[], object]) -> None:
    assert await _given(bench, make) == (RunStatus.FAILED, None, "tool")


SECRET = "hunter2-and-some-more"


async def test_a_secret_is_redacted_in_the_record_and_in_the_live_value(bench: Workbench) -> None:
    bench.vault.values["TOKEN"] = SECRET

    async def leaks(arguments: JsonObject, context: StepContext) -> Json:
        value = await context.secret("TOKEN")
        context.log(f"using {value}")
        return {"header": f"Bearer {value}", value: [value]}

    bench.tools.tools["leaks"] = leaks
    ended = await bench.steps(
        """
  - {id: a, tool: leaks}
  - {id: b, tool: echo, with: {seen: "{{ a['header'] }}"}}
  - {python: "[a['header'], b['seen']]"}
""",
        more="grants: {secrets: [TOKEN]}",
    )
    everything = str(await bench.pool.fetch("select input, output, error, facts from steps"))
    logged = await bench.pool.fetchval("select message from log_lines")
    assert ended.output == ["Bearer [secret TOKEN]"] * 2
    assert SECRET not in everything
    assert logged == "using [secret TOKEN]"


async def test_what_a_transform_prints_is_in_the_log_once_bounded_and_redacted(bench: Workbench) -> None:
    bench.vault.values["TOKEN"] = SECRET
    source = f"""{HEAD}grants: {{secrets: [TOKEN]}}
steps:
  - id: a
    python: |
      print("begun", 1, end="\\n\\n")
      print("{SECRET[:5]}" + "{SECRET[5:]}")
      1
  - {{wait: 1h}}
  - id: b
    python: |
      for i in range(150):
          print(i)
      1 / 0
"""
    async with bench.working():
        launched = await bench.start(source)
        await bench.rest(launched.run_id)
        await bench.forward(timedelta(hours=1))
        ended = await bench.ended(launched.run_id)
    lines = await bench.pool.fetch("select path, level, message from log_lines order by id")
    assert ended.status is RunStatus.FAILED
    assert [tuple(line) for line in lines[:3]] == [
        ("a", "info", "begun 1"),
        ("a", "info", ""),
        ("a", "info", "[secret TOKEN]"),
    ]
    assert [line["message"] for line in lines[3:]] == [
        *map(str, range(100)),
        "… what it printed after 100 lines is not kept",
    ]


async def test_a_secret_in_an_error_is_redacted(bench: Workbench) -> None:
    bench.vault.values["TOKEN"] = SECRET

    async def leaks(arguments: JsonObject, context: StepContext) -> Json:
        value = await context.secret("TOKEN")
        raise StepFailed(ErrorKind.DENIED, f"401 for {value}", hint=value, detail={"sent": [value]})

    bench.tools.tools["leaks"] = leaks
    ended = await bench.steps("  - {id: a, tool: leaks}\n", more="grants: {secrets: [TOKEN]}")
    assert ended.said == "401 for [secret TOKEN]"
    assert SECRET not in str(
        await bench.pool.fetch("select error::text from runs union all select error::text from steps")
    )


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [("OTHER", "denied", "not granted the secret OTHER"), ("GONE", "secret", "has no secret GONE")],
)
async def test_a_secret_must_be_granted_and_there(bench: Workbench, name: str, kind: str, said: str) -> None:
    bench.vault.values["OTHER"] = SECRET

    async def wants(arguments: JsonObject, context: StepContext) -> Json:
        return await context.secret(name)

    bench.tools.tools["wants"] = wants
    ended = await bench.steps("  - {id: a, tool: wants}\n", more="grants: {secrets: [GONE]}")
    assert (ended.kind, said in ended.said) == (kind, True)


async def test_notify_hands_its_texts_to_the_notifying_tool(bench: Workbench) -> None:
    ended = await bench.steps("""
  - {id: a, notify: {to: "secret:OPS", title: "Sum {{ 1 + 1 }}", body: "All {{ 'well' }}"}}
""")
    assert ended.output == {"to": "secret:OPS", "body": "All well", "title": "Sum 2"}
    assert bench.tools.paths("notify.send") == ["a"]


async def test_an_agent_gets_its_prompt_and_its_usage_is_counted(bench: Workbench) -> None:
    from errands.core.outcomes import Usage

    async def agent(arguments: JsonObject, context: StepContext) -> Performed:
        return Performed(f"re: {arguments['prompt']}", Usage(input_tokens=10, output_tokens=5, requests=1))

    bench.tools.tools["agent"] = agent
    ended = await bench.steps('  - {id: a, prompt: "Sum up {{ [1, 2] }}"}\n')
    row = await bench.pool.fetchrow("select input_tokens, output_tokens, requests from runs")
    assert ended.output == "re: Sum up [1,2]"
    assert row is not None
    assert tuple(row) == (10, 5, 1)


async def test_short_delays_are_waited_for_in_place(database: Database, tmp_path: Path) -> None:
    async with workbench(database, tmp_path, EngineLimits(held_delay=timedelta(0))) as bench:
        bench.tools.tools["flaky"] = failing(network())
        async with bench.working():
            launched = await bench.start(HEAD + "steps: [{id: a, tool: flaky, retry: {initial: 10ms}}]\n")
            assert (await bench.rest(launched.run_id)).status is RunStatus.WAITING
            await bench.forward(timedelta(milliseconds=10))
            assert (await bench.ended(launched.run_id)).epoch == 2


async def test_a_stopped_step_leaves_nothing_running(bench: Workbench) -> None:
    gate = bench.tools.tools["gate"] = Gate()
    async with bench.working():
        launched = await bench.start(HEAD + "limits: {timeout: 30ms}\nsteps: [{id: a, tool: gate}]\n")
        ended = await bench.ended(launched.run_id)
    assert (ended.status, ended.kind) == (RunStatus.TIMED_OUT, "timeout")
    assert gate.stopped == 1
    assert ended.records["a"].status is StepStatus.TIMED_OUT
    assert not [task for task in asyncio.all_tasks() if "gate" in repr(task)]
