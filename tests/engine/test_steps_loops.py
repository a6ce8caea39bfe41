"""Loops: `for_each` over a list, `repeat` until a condition holds."""

import asyncio
from datetime import timedelta

import pytest

from errands.core.outcomes import RunStatus
from errands.core.ports import StepContext
from errands.core.values import Json, JsonObject
from tests.engine.workbench import HEAD, Gate, Workbench


async def test_a_loop_goes_through_its_items_in_order_and_lists_the_last_outputs(bench: Workbench) -> None:
    ended = await bench.steps("""
  - id: each
    for_each: "['a', 'b', 'c']"
    as: letter
    do:
      - {id: said, tool: echo, with: {letter: "{{ letter }}"}}
      - {id: loud, python: "said['letter'].upper()"}
  - {id: after, python: "[each, said is None]"}
""")
    assert ended.output == [["A", "B", "C"], True]
    assert bench.tools.paths("echo") == ["each[0].said", "each[1].said", "each[2].said"]


async def test_max_parallel_rounds_are_under_way_at_once_and_no_more(bench: Workbench) -> None:
    busy, most, full = 0, 0, asyncio.Event()

    async def counts(arguments: JsonObject, context: StepContext) -> Json:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        if busy == 3:
            full.set()
        await full.wait()
        await asyncio.to_thread(lambda: None)
        busy -= 1
        return arguments["n"]

    bench.tools.tools["counts"] = counts
    ended = await bench.steps("""
  - for_each: "[9, 8, 7, 6, 5, 4, 3]"
    max_parallel: 3
    do: [{tool: counts, with: {n: "{{ item }}"}}]
""")
    assert ended.output == [9, 8, 7, 6, 5, 4, 3]
    assert most == 3


async def test_batch_hands_the_steps_lists_of_items(bench: Workbench) -> None:
    ended = await bench.steps("""
  - {id: each, for_each: "list(range(7))", batch: 3, do: [{id: part, python: "item"}]}
""")
    assert ended.output == [[0, 1, 2], [3, 4, 5], [6]]


async def test_a_loop_over_nothing_gives_an_empty_list(bench: Workbench) -> None:
    ended = await bench.steps('  - {for_each: "[]", max_parallel: 4, do: [{tool: noop}]}\n')
    assert (ended.status, ended.output) == (RunStatus.SUCCEEDED, [])


async def test_a_failed_item_stops_the_loop_and_the_run(bench: Workbench) -> None:
    ended = await bench.steps("""
  - id: each
    for_each: "[1, 2, 3]"
    do:
      - {id: half, python: "6 / (2 - item)"}
""")
    assert (ended.status, ended.kind) == (RunStatus.FAILED, "expression")
    assert ended.error is not None
    assert ended.error["step"] == "each[1].half"
    assert "each[2].half" not in ended.records


async def test_a_failed_item_leaves_none_and_the_others_go_on_if_the_task_says_so(bench: Workbench) -> None:
    ended = await bench.steps("""
  - id: each
    for_each: "[1, 2, 3]"
    on_item_error: continue
    max_parallel: 2
    do: [{id: half, python: "6 / (2 - item)"}]
""")
    assert ended.output == [6, None, -6]
    assert ended.records["each"].fact("failed_items") == [1]
    assert ended.records["each"].fact("failed") == 1


async def test_a_round_of_repeat_may_look_at_what_the_one_before_gave(bench: Workbench) -> None:
    ended = await bench.steps("""
  - id: pages
    repeat:
      - {id: page, tool: echo, with: {after: "{{ last['next'] if last else 0 }}"}}
      - {id: seen, python: "{'next': page['after'] + 10}"}
    as: last
    until: seen["next"] == 30 and last["next"] == 20
    max: 5
""")
    assert [call[1] for call in bench.tools.calls] == ["pages[0].page", "pages[1].page", "pages[2].page"]
    assert ended.output == [{"next": 10}, {"next": 20}, {"next": 30}]


async def test_what_a_round_before_gave_keeps_the_mark_of_data_from_outside(bench: Workbench) -> None:
    ended = await bench.steps("""
  - id: rounds
    repeat:
      - {id: n, python: "0 if last is None else last['n'] + 1"}
      - {id: got, tool: outside.give, with: {value: {n: "{{ n }}"}}}
    as: last
    until: got["n"] == 1
    max: 5
""")
    assert (ended.records["rounds[0].n"].untrusted, ended.records["rounds[1].n"].untrusted) == (False, True)


@pytest.mark.parametrize(
    ("given", "called"), [("{'a': 1}", "an object"), ("'abc'", "text"), ("None", "None"), ("7", "a number")]
)
async def test_only_a_list_can_be_looped_over(bench: Workbench, given: str, called: str) -> None:
    ended = await bench.steps(f"""
  - {{id: each, for_each: "{given}", do: [{{tool: noop}}]}}
""")
    assert (ended.status, ended.kind) == (RunStatus.FAILED, "expression")
    assert called in ended.said


async def test_more_items_than_the_limit_need_batch(bench: Workbench) -> None:
    ended = await bench.steps('  - {for_each: "list(range(10_001))", do: [{tool: noop}]}\n')
    batched = await bench.steps('  - {for_each: "list(range(10_001))", batch: 5000, do: [{python: "len(item)"}]}\n')
    assert (ended.kind, "10,001" in ended.said, "10,000" in ended.said) == ("limit", True, True)
    assert batched.output == [5000, 5000, 1]


async def test_the_list_is_computed_once_for_all_rounds_and_replays(bench: Workbench) -> None:
    ended = await bench.steps("""
  - {id: each, for_each: "[clock.now.isoformat()]", do: [{wait: 1h, when: "1 > 2"}, {python: item}]}
""")
    assert ended.output == ["2026-03-02T08:00:00+00:00"]
    assert ended.records["each/items"].output == ["2026-03-02T08:00:00+00:00"]


async def test_repeat_goes_on_until_its_condition_holds(bench: Workbench) -> None:
    rolls = iter([1, 2, 6, 3])

    async def roll(arguments: JsonObject, context: StepContext) -> Json:
        return next(rolls)

    bench.tools.tools["roll"] = roll
    ended = await bench.steps("""
  - {id: tries, repeat: [{id: die, tool: roll}], until: die == 6, max: 5}
""")
    assert ended.output == [1, 2, 6]
    assert ended.records["tries"].fact("rounds") == 3


async def test_repeat_fails_when_its_rounds_are_used_up(bench: Workbench) -> None:
    ended = await bench.steps("""
  - {id: tries, repeat: [{id: die, tool: noop}], until: 1 > 2, max: 2, on_error: [{python: "error['kind']"}]}
""")
    assert ended.output == "limit"
    assert bench.tools.paths("noop") == ["tries[0].die", "tries[1].die"]


async def test_the_delay_between_two_rounds_holds_nothing(bench: Workbench) -> None:
    async with bench.working() as worker:
        launched = await bench.start(
            HEAD
            + """
steps:
  - {id: tries, repeat: [{id: moment, python: "clock.now.isoformat()"}], until: "moment > '2026-03-02T09'", max: 3,
     delay: 45m}
"""
        )
        for _ in range(2):
            assert (await bench.rest(launched.run_id)).status is RunStatus.WAITING
            assert worker.held == 0
            await bench.forward(timedelta(minutes=45))
        ended = await bench.ended(launched.run_id)
    assert ended.output == ["2026-03-02T08:00:00+00:00", "2026-03-02T08:45:00+00:00", "2026-03-02T09:30:00+00:00"]


async def test_loops_within_loops_have_addresses_of_their_own(bench: Workbench) -> None:
    ended = await bench.steps("""
  - id: outer
    for_each: "[1, 2]"
    as: x
    do:
      - id: inner
        for_each: "[10, 20]"
        as: y
        do: [{id: sum, tool: give, with: {value: "{{ x + y }}"}}]
""")
    assert ended.output == [[11, 21], [12, 22]]
    assert {"outer[1].inner[0].sum", "outer[0].inner[1].sum"} <= set(ended.records)


async def test_a_stopped_parallel_loop_begins_no_further_item(bench: Workbench) -> None:
    gate = Gate()
    bench.tools.tools["gate"] = gate
    async with bench.working():
        launched = await bench.start(
            HEAD
            + """
steps:
  - id: each
    for_each: "[0, 1, 2, 3]"
    max_parallel: 2
    do:
      - {id: first, tool: gate, when: item == 0}
      - {id: broken, tool: fail, when: item == 1}
      - {id: last, tool: noop}
"""
        )
        await gate.entered()
        while "each[1].broken" not in (await bench.look(launched.run_id)).records:
            await asyncio.to_thread(lambda: None)
        gate.open()
        ended = await bench.ended(launched.run_id)
    assert ended.status is RunStatus.FAILED
    assert not [path for path in ended.records if path.startswith(("each[2]", "each[3]"))]
    assert "each[0].last" not in ended.records


async def test_a_round_that_failed_shows_its_later_rounds_nothing_of_the_failed_one(bench: Workbench) -> None:
    ended = await bench.steps("""
  - id: each
    for_each: "[1, 2]"
    on_item_error: continue
    do:
      - {id: seen, python: "item"}
      - {id: half, python: "1 / (item - 1)"}
      - {python: "[seen, half]"}
""")
    assert ended.output == [None, [2, 1]]
