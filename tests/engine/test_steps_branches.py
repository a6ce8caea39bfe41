"""Decisions, skips and parallel branches."""

import asyncio
from datetime import timedelta

import pytest

from errands.core.outcomes import RunStatus, StepStatus
from errands.core.values import Json, to_text
from tests.engine.workbench import HEAD, Gate, Workbench


@pytest.mark.parametrize(("n", "taken", "output"), [(3, "then", "many"), (1, "else", "few")])
async def test_a_decision_takes_one_branch_and_records_which(bench: Workbench, n: int, taken: str, output: str) -> None:
    ended = await bench.steps(
        """
  - id: size
    if: n > 2
    then: [{id: big, python: "'many'"}]
    else: [{id: small, python: "'few'"}]
  - {id: said, python: "big or small"}
""",
        {"n": n},
        more="params: {n: {type: integer}}",
    )
    assert ended.output == output
    assert ended.records["size"].fact("taken") == taken
    assert len({"big", "small"} & set(ended.records)) == 1, "the other branch has no record"


async def test_a_decision_without_else_goes_on_and_what_was_not_reached_reads_as_none(bench: Workbench) -> None:
    ended = await bench.steps(
        """
  - if: 1 > 2
    then: [{id: never, tool: noop}]
  - {id: said, python: "never is None"}
"""
    )
    assert (ended.status, ended.output) == (RunStatus.SUCCEEDED, True)


@pytest.mark.parametrize(
    ("subject", "output"),
    [("send", "sent"), (True, "yes"), (None, "nothing"), (7, "seven"), ("other", "default"), (7.5, "default")],
)
async def test_a_switch_compares_the_json_text_of_its_subject(bench: Workbench, subject: Json, output: str) -> None:
    ended = await bench.steps(
        """
  - switch: subject
    cases:
      send: [{id: a, python: "'sent'"}]
      "true": [{id: b, python: "'yes'"}]
      "null": [{id: c, python: "'nothing'"}]
      "7": [{id: d, python: "'seven'"}]
    default: [{id: e, python: "'default'"}]
  - {id: said, python: "a or b or c or d or e"}
""",
        {"subject": subject},
        more="params: {subject: {}}",
    )
    assert ended.output == output


async def test_a_step_whose_condition_is_not_true_is_skipped_and_leaves_none(bench: Workbench) -> None:
    ended = await bench.steps(
        """
  - {id: a, tool: echo, with: {x: 1}, when: "1 > 2"}
  - {id: b, tool: echo, with: {x: 1}, when: "a is None"}
  - {id: c, python: "[a, b]"}
"""
    )
    assert ended.output == [None, {"x": 1}]
    assert ended.records["a"].status is StepStatus.SKIPPED
    assert bench.tools.paths("echo") == ["b"]


async def test_a_broken_condition_fails_its_step_by_name(bench: Workbench) -> None:
    ended = await bench.steps("""
  - {id: a, tool: noop, when: "1 / 0 > 1"}
""")
    assert (ended.status, ended.kind) == (RunStatus.FAILED, "expression")
    assert ended.error is not None
    assert ended.error["step"] == "a"
    assert bench.tools.calls == []


async def test_parallel_branches_are_under_way_at_once_and_give_an_object_in_the_order_of_the_file(
    bench: Workbench,
) -> None:
    gate = Gate()
    bench.tools.tools["gate"] = gate
    async with bench.working():
        launched = await bench.start(
            HEAD
            + """
steps:
  - id: both
    parallel:
      b: [{id: one, tool: gate, with: {n: 1}}, {id: more, python: "one['n'] + 10"}]
      a: [{id: two, tool: gate, with: {n: 2}}]
      empty: []
  - {id: said, python: "[one['n'], two['n'], both]"}
"""
        )
        await gate.entered(2)
        gate.open()
        ended = await bench.ended(launched.run_id)
    assert ended.output == [1, 2, {"b": 11, "a": {"n": 2}, "empty": None}]
    assert to_text(ended.output) == '[1,2,{"b":11,"a":{"n":2},"empty":null}]'


async def test_a_failed_branch_lets_its_sibling_end_the_step_it_is_in_and_begin_no_other(bench: Workbench) -> None:
    gate, broke = Gate(), asyncio.Event()
    bench.tools.tools["gate"] = gate

    async def breaks(arguments: object, context: object) -> Json:
        await gate.entered()
        broke.set()
        return await bench.tools.tools["fail"]({"message": "branch a broke"}, context)  # type: ignore[arg-type, return-value]

    bench.tools.tools["breaks"] = breaks
    async with bench.working():
        launched = await bench.start(
            HEAD
            + """
steps:
  - parallel:
      a: [{id: broken, tool: breaks}]
      b: [{id: slow, tool: gate, with: {n: 2}}, {id: later, tool: noop}]
"""
        )
        await broke.wait()
        while "broken" not in (await bench.look(launched.run_id)).records:
            await asyncio.to_thread(lambda: None)
        gate.open()
        ended = await bench.ended(launched.run_id)
    assert (ended.status, ended.said) == (RunStatus.FAILED, "branch a broke")
    assert ended.records["slow"].status is StepStatus.SUCCEEDED
    assert "later" not in ended.records
    assert gate.stopped == 0


async def test_a_failed_branch_frees_its_sibling_from_a_wait(bench: Workbench) -> None:
    ended = await bench.steps(
        """
  - parallel:
      a: [{id: broken, tool: fail}]
      b: [{id: nap, wait: 5h}, {id: later, tool: noop}]
"""
    )
    assert (ended.status, ended.said) == (RunStatus.FAILED, "it broke")
    open_waits = await bench.pool.fetchval("select count(*) from waits where done_at is null")
    assert open_waits == 0


@pytest.mark.parametrize(
    "block",
    [
        "- if: 1 < 2\n    then: [{id: f, finish: {output: '{{ first }}'}}]",
        "- switch: 1\n    cases: {'1': [{id: f, finish: {output: '{{ first }}'}}]}",
        "- for_each: '[1, 2, 3]'\n    do: [{id: f, finish: {output: '{{ first }}'}}]",
        "- for_each: '[1, 2, 3]'\n    max_parallel: 3\n    do: [{id: f, finish: {output: '{{ first }}'}}]",
        "- repeat: [{id: f, finish: {output: '{{ first }}'}}]\n    until: 1 > 2\n    max: 3",
        "- parallel: {a: [{id: f, finish: {output: '{{ first }}'}}], b: [{wait: 5h}]}",
        "- {tool: fail, on_error: [{id: f, finish: {output: '{{ first }}'}}]}",
    ],
)
async def test_finish_ends_the_run_from_within_any_block(bench: Workbench, block: str) -> None:
    ended = await bench.steps(f"""
  - {{id: first, python: "'done'"}}
  {block}
  - {{id: later, tool: noop}}
""")
    assert (ended.status, ended.output) == (RunStatus.SUCCEEDED, "done")
    assert "later" not in ended.records


async def test_finish_may_fail_the_run_with_a_message(bench: Workbench) -> None:
    ended = await bench.steps("""
  - {id: stop, finish: {status: failed, message: "no orders in {{ 1 + 1 }} weeks"}}
""")
    assert (ended.status, ended.said, ended.kind) == (RunStatus.FAILED, "no orders in 2 weeks", "refused")


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ('"Only {{ 1 + 1 }} prices came.\\nSee the log."', "Only 2 prices came. See the log."),
        ("{missing: [a]}", '{"missing":["a"]}'),
        ("\"{{ 'a' * 400 }}\"", "a" * 300 + "…"),
        ("null", "the task ended itself as failed"),
    ],
)
async def test_a_finish_without_a_message_fails_the_run_with_its_output_in_one_line(
    bench: Workbench, output: str, said: str
) -> None:
    ended = await bench.steps(f"  - {{id: stop, finish: {{status: failed, output: {output}}}}}\n")
    assert (ended.status, ended.said) == (RunStatus.FAILED, said)


async def test_a_failed_branch_counts_before_one_that_finished(bench: Workbench) -> None:
    both = Gate()
    bench.tools.tools["gate"] = both

    async def fails_at_the_gate(arguments: object, context: object) -> Json:
        await both({}, context)  # type: ignore[arg-type]
        return await bench.tools.tools["fail"]({}, context)  # type: ignore[arg-type, return-value]

    bench.tools.tools["breaks"] = fails_at_the_gate
    async with bench.working():
        launched = await bench.start(
            HEAD
            + """
steps:
  - parallel:
      a: [{tool: gate}, {finish: {output: fine}}]
      b: [{tool: breaks}]
"""
        )
        await both.entered(2)
        both.open()
        ended = await bench.ended(launched.run_id)
    assert ended.status is RunStatus.FAILED


async def test_the_output_of_the_task_is_what_output_says_or_else_the_last_steps(bench: Workbench) -> None:
    steps = """
  - {id: a, python: "{'x': 2}"}
  - {id: b, tool: noop}
"""
    own = await bench.steps(steps, more="output: {double: \"{{ a['x'] * 2 }}\", text: \"x is {{ a['x'] }}\"}")
    last = await bench.steps(steps)
    nothing = await bench.steps(steps, more="output: null")
    assert own.output == {"double": 4, "text": "x is 2"}
    assert last.output == {"i": 1, "v": "x" * 50}
    assert nothing.output is None


async def test_an_output_that_cannot_be_computed_fails_the_run(bench: Workbench) -> None:
    ended = await bench.steps(
        """
  - {id: a, python: "{'x': 2}"}
""",
        more="output: \"{{ a['y'] }}\"",
    )
    assert (ended.status, ended.kind) == (RunStatus.FAILED, "expression")


async def test_names_from_within_a_block_are_still_there_after_a_wait(bench: Workbench) -> None:
    async with bench.working():
        launched = await bench.start(
            HEAD
            + """
steps:
  - {if: 1 < 2, then: [{id: a, python: "1"}, {if: 1 > 2, then: [], else: [{id: b, python: "2"}]}]}
  - {switch: 1, cases: {"1": [{id: c, python: "3"}]}}
  - {parallel: {x: [{id: d, python: "4"}], y: [{id: e, tool: fail, on_error: [{id: f, python: "5"}]}]}}
  - {wait: 1h}
  - {id: seen, python: "[a, b, c, d, e, f]"}
finally:
  - {wait: 1h}
  - {id: last, python: "[a, b, c, d, e, f, seen]"}
"""
        )
        for _ in range(2):
            await bench.rest(launched.run_id)
            await bench.forward(timedelta(hours=1))
        ended = await bench.ended(launched.run_id)
    assert ended.output == [1, 2, 3, 4, 5, None]
    assert ended.records["last"].output == [1, 2, 3, 4, 5, None, ended.output]
