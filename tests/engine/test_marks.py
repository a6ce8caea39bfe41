"""Data from outside keeps its mark wherever it goes: replays, state, cache, sub-tasks, later runs."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from errands.core.outcomes import RunStatus
from errands.engine.records import Record
from errands.store.database import Database
from tests.engine.workbench import HEAD, Workbench, workbench

OUTSIDE = "  - {id: page, tool: outside.give, with: {value: 1}}\n"


@pytest.fixture
async def bench(database: Database, tmp_path: Path) -> AsyncIterator[Workbench]:
    async with workbench(database, tmp_path) as bench:
        yield bench


def marked(records: Mapping[str, Record]) -> set[str]:
    """Paths of the steps whose outcome carries the mark."""
    return {path for path, record in records.items() if record.kind == "outcome" and record.untrusted}


async def test_a_run_without_outside_data_has_no_mark_anywhere(bench: Workbench) -> None:
    ended = await bench.steps("  - {id: a, tool: echo, with: {x: 1}}\n  - {id: b, python: a}\n")
    assert marked(ended.records) == set()
    assert await bench.pool.fetchval("select untrusted from runs") is False


async def test_a_failed_call_of_an_outside_tool_marks_its_error_and_what_is_said_of_it(bench: Workbench) -> None:
    bench.tools.tools["outside.fail"] = bench.tools.tools["fail"]
    steps = "  - {id: a, tool: outside.fail, on_error: [{id: said, python: \"error['message']\"}]}\n"
    ended = await bench.steps(steps + "  - {id: b, python: a}\n")
    assert marked(ended.records) == {"a", "said", "b"}


async def test_names_of_a_branch_not_taken_stay_marked_in_a_replay_after_a_wait(bench: Workbench) -> None:
    steps = (
        f"{OUTSIDE}  - {{if: '1', then: [{{if: not page, then: [{{id: never, python: '1'}}]}}]}}\n"
        "  - {wait: 1h}\n  - {id: after, python: never is None}\n"
    )
    launched = await bench.start(f"{HEAD}steps:\n{steps}")
    async with bench.working():
        await bench.rest(launched.run_id)
        await bench.forward(timedelta(hours=1))
        ended = await bench.ended(launched.run_id)
    assert ended.status is RunStatus.SUCCEEDED
    assert ended.records["after"].untrusted


async def test_the_rounds_after_an_until_that_saw_outside_data_are_under_its_mark(bench: Workbench) -> None:
    steps = (
        f"{OUTSIDE}  - {{id: again, repeat: [{{id: n, python: '1'}}], until: page == 2, max: 2, on_error: continue}}\n"
    )
    ended = await bench.steps(steps)
    assert marked(ended.records) == {"page", "again", "again[1].n"}


async def test_the_state_that_a_task_keeps_carries_the_mark_until_it_is_written_anew(bench: Workbench) -> None:
    ours = "  - {id: k, python: '2', keep: {mine: '{{ k }}'}}\n"
    keeps = f"{HEAD}steps:\n{OUTSIDE}{ours}keep: {{theirs: '{{{{ page }}}}'}}\n"
    reads = f"{HEAD}steps:\n  - {{id: seen, python: 'state'}}\n"
    clears = f"{HEAD}steps:\n  - {{id: k, python: '3', keep: {{theirs: '{{{{ k }}}}'}}}}\n"
    async with bench.working():
        await bench.run(keeps)
        assert await bench.pool.fetchval("select state_untrusted from tasks") == ["theirs"]
        assert marked((await bench.run(reads)).records) == {"seen"}
        await bench.run(clears)
        assert marked((await bench.run(reads)).records) == set()


async def test_a_cached_output_keeps_the_mark_that_it_was_cached_with(bench: Workbench) -> None:
    steps = "  - {id: a, tool: outside.give, with: {value: 1}, cache: {ttl: 1h, key: k}}\n"
    same = "  - {id: a, tool: give, with: {value: 1}, cache: {ttl: 1h, key: k}}\n"
    await bench.steps(steps)
    ended = await bench.steps(same)
    assert ended.records["a"].fact("cached") is True
    assert ended.records["a"].untrusted


async def test_a_sub_task_is_handed_the_marks_of_its_arguments_and_hands_back_that_of_its_output(
    bench: Workbench,
) -> None:
    params = "params: {theirs: {type: integer}, ours: {type: integer}}\n"
    child = (
        f"task: child\ndescription: a test\n{params}"
        "steps:\n  - {id: a, python: theirs}\n  - {id: b, python: ours}\n  - {id: c, python: '1'}\noutput: '{{ b }}'\n"
    )
    await bench.apply(child)
    steps = (
        f"{OUTSIDE}  - {{id: got, run: child, with: {{theirs: '{{{{ page }}}}', ours: 2}}}}\n"
        "  - {if: page, then: [{id: other, run: child, with: {theirs: 1, ours: 2}}]}\n"
    )
    await bench.steps(steps)
    children = await bench.pool.fetch("select id, untrusted from runs where parent_run_id is not null order by id")
    first, second = [await bench.look(row["id"]) for row in children]
    assert marked(first.records) == {"a"}
    assert marked(second.records) == {"a", "b", "c"}, "it was run under a condition that looked at outside data"


async def test_the_task_s_output_marks_its_run_and_the_parent_of_it(bench: Workbench) -> None:
    await bench.apply(f"task: child\ndescription: a test\nsteps:\n{OUTSIDE}")
    ended = await bench.steps("  - {id: got, run: child}\n  - {id: after, python: got}\n")
    assert marked(ended.records) == {"got", "after"}
    assert await bench.pool.fetchval("select bool_and(untrusted) from runs")


async def test_a_run_from_outside_marks_its_payload_and_only_the_arguments_drawn_from_it(bench: Workbench) -> None:
    source = (
        f"{HEAD}params: {{theirs: {{type: integer}}, ours: {{type: integer}}}}\nsteps:\n"
        "  - {id: a, python: theirs}\n  - {id: b, python: ours}\n  - {id: c, python: payload}\n"
    )
    trigger = {"kind": "webhook", "payload": {"n": 1}, "untrusted": True}
    arguments = {"theirs": 1, "ours": 2}
    async with bench.working():
        named = await bench.run(source, arguments, trigger={**trigger, "untrusted_arguments": ["theirs"]})
        unnamed = await bench.run(source, arguments, trigger=trigger)
    assert marked(named.records) == {"a", "c"}
    assert marked(unnamed.records) == {"a", "b", "c"}


async def test_a_default_that_a_tool_gives_from_outside_carries_the_mark(bench: Workbench) -> None:
    source = "{tool: outside.give, with: {value: 3}, value: result}"
    await bench.apply(f"{HEAD}params: {{rate: {{type: integer, from: {source}}}}}\nsteps: [{{python: rate}}]\n")
    version = await bench.engine.versions.get(await bench.version())
    drawn = await bench.engine.launch_defaults(
        version.program.definition, {}, project_id=bench.project_id, project="p", task_id=bench.task_id(), starter=None
    )
    assert drawn.values == {"rate": 3}
    assert drawn.marked == {"rate"}
