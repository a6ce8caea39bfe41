"""Reruns, dry runs, and the keeper's housekeeping."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from errands.core.definition.parsing import parse_task
from errands.core.definition.task import TaskDefinition
from errands.core.outcomes import ErrorKind, RunStatus, StepFailed
from errands.core.ports import StepContext
from errands.core.values import Json, JsonObject, to_text
from errands.engine.history import FAILED
from errands.engine.rehearsal import DryRun
from errands.engine.rerun import RerunRefusedError
from errands.engine.retention import forget_ended
from tests.engine.workbench import HEAD, Ended, Gate, Workbench

STEPS = (
    HEAD
    + """
params: {n: {type: integer}}
steps:
  - {id: a, tool: change.it, with: {n: "{{ n }}"}}
  - id: each
    for_each: "[1, 2, 3]"
    do:
      - {id: fetched, tool: echo, with: {x: "{{ item }}"}}
      - {id: publish, tool: change.it, with: {x: "{{ fetched['x'] + LATER }}"}}
  - {id: last, tool: noop}
"""
)
FIRST = STEPS.replace("LATER", "0")


async def forget(bench: Workbench, retention: timedelta) -> int:
    """What a keeper does that keeps ended runs this long."""
    return await forget_ended(bench.pool, bench.keeper._artifacts, bench.clock(), retention)


async def again(bench: Workbench, run_id: UUID, step: str | None, version_id: UUID | None = None) -> Ended:
    bench.tools.calls.clear()
    launched = await bench.engine.rerun(run_id, from_step=step, version_id=version_id, starter="user:bo")
    return await bench.ended(launched.run_id)


async def test_a_rerun_from_a_step_takes_over_what_comes_before_it(bench: Workbench) -> None:
    async with bench.working():
        first = await bench.run(FIRST, {"n": 1})
        ended = await again(bench, first.id, "last")
    assert (ended.status, ended.output) == (RunStatus.SUCCEEDED, first.output)
    assert [path for _, path, _ in bench.tools.calls] == ["last"]
    assert ended.records["a"].fact("from_run") == str(first.id)
    assert ended.records["last"].fact("from_run") is None


async def test_a_rerun_may_begin_within_a_loop(bench: Workbench) -> None:
    async with bench.working():
        first = await bench.run(FIRST, {"n": 1})
        await again(bench, first.id, "each[1].publish")
    paths = [path for _, path, _ in bench.tools.calls]
    assert paths == ["each[1].publish", "each[2].fetched", "each[2].publish", "last"]


async def test_a_rerun_of_everything_takes_over_nothing_and_has_effect_keys_of_its_own(bench: Workbench) -> None:
    async with bench.working():
        first = await bench.run(FIRST, {"n": 1})
        before = {key for _, _, key in bench.tools.calls}
        ended = await again(bench, first.id, None)
    assert len(bench.tools.calls) == 8
    assert not before & {key for _, _, key in bench.tools.calls}
    assert ended.status is RunStatus.SUCCEEDED


async def test_on_a_newer_version_a_changed_step_and_what_hangs_on_it_is_done_again(bench: Workbench) -> None:
    async with bench.working():
        first = await bench.run(FIRST, {"n": 1})
        _, newer = await bench.apply(STEPS.replace("LATER", "10"))
        ended = await again(bench, first.id, "last", newer)
    assert bench.tools.paths("change.it") == [f"each[{n}].publish" for n in range(3)]
    assert bench.tools.paths("echo") == []
    assert ended.records["each[0].publish"].output == {"x": 11}


async def test_a_step_whose_input_comes_out_otherwise_is_done_again(bench: Workbench) -> None:
    source = (
        HEAD
        + "steps:\n  - {id: a, python: '%s'}\n  - {id: b, tool: echo, with: {x: '{{ a }}'}}\n  - {id: c, tool: noop}\n"
    )
    async with bench.working():
        first = await bench.run(source % 1)
        _, same = await bench.apply(source % "2 - 1")
        await again(bench, first.id, "c", same)
        unchanged = bench.tools.paths("echo")
        _, other = await bench.apply(source % 7)
        ended = await again(bench, first.id, "c", other)
    assert (unchanged, bench.tools.paths("echo")) == ([], ["b"])
    assert ended.records["b"].output == {"x": 7}


async def test_the_plan_tells_what_is_kept_and_which_effects_come_again(bench: Workbench) -> None:
    async with bench.working():
        first = await bench.run(FIRST, {"n": 1})
    plan = await bench.engine.plan_rerun(first.id, from_step="each[1].publish", version_id=None)
    everything = await bench.engine.plan_rerun(first.id, from_step=None, version_id=None)
    assert {"a", "each[0].publish", "each[1].fetched"} <= set(plan.kept)
    assert plan.repeated_effects == ["each[1].publish", "each[2].publish"]
    assert everything.repeated_effects == ["a", "each[0].publish", "each[1].publish", "each[2].publish"]


async def test_a_rerun_from_a_step_that_is_not_there_is_refused_with_the_names_of_those_that_are(
    bench: Workbench,
) -> None:
    async with bench.working():
        first = await bench.run(FIRST, {"n": 1})
    with pytest.raises(RerunRefusedError, match="no step `nowhere`") as refused:
        await bench.engine.rerun(first.id, from_step="nowhere", version_id=None, starter=None)
    assert "a, each, fetched, publish, last" in refused.value.hint


async def test_a_failed_run_goes_on_from_the_step_that_failed(bench: Workbench) -> None:
    bench.tools.tools["flaky"] = bench.tools.tools["fail"]
    source = HEAD + "steps:\n  - {id: a, tool: change.it}\n  - {id: b, tool: flaky}\n"
    async with bench.working():
        first = await bench.run(source)
        bench.tools.tools["flaky"] = bench.tools.tools["noop"]
        ended = await again(bench, first.id, "b")
    assert (first.status, ended.status) == (RunStatus.FAILED, RunStatus.SUCCEEDED)
    assert [path for _, path, _ in bench.tools.calls] == ["b"]


async def test_only_what_failed_is_done_again_and_what_hangs_on_it(bench: Workbench) -> None:
    source = (
        HEAD
        + """
steps:
  - id: each
    for_each: "['a', 'b', 'c']"
    on_item_error: continue
    do:
      - {id: post, tool: flaky, with: {to: "{{ item }}"}}
  - {id: note, tool: change.it, with: {about: "{{ each }}"}}
  - {id: other, tool: echo, with: {x: 1}}
"""
    )

    async def all_but_b(arguments: JsonObject, context: StepContext) -> Json:
        if arguments["to"] == "b":
            raise StepFailed(ErrorKind.UNAVAILABLE, "b is away")
        return dict(arguments)

    bench.tools.tools["flaky"] = all_but_b
    async with bench.working():
        first = await bench.run(source)
        plan = await bench.engine.plan_rerun(first.id, from_step=FAILED, version_id=None)
        bench.tools.tools["flaky"] = bench.tools.tools["echo"]
        ended = await again(bench, first.id, FAILED)
    assert plan.kept == ["each[0].post", "each[2].post", "note", "other"]
    assert [path for _, path, _ in bench.tools.calls] == ["each[1].post", "note"]
    assert ended.records["each"].output == [{"to": "a"}, {"to": "b"}, {"to": "c"}]


async def test_where_nothing_failed_there_is_nothing_to_do_again(bench: Workbench) -> None:
    async with bench.working():
        first = await bench.run(FIRST, {"n": 1})
    with pytest.raises(RerunRefusedError, match="no step of this run has failed"):
        await bench.engine.rerun(first.id, from_step=FAILED, version_id=None, starter=None)


async def test_a_taken_over_large_output_is_not_copied(bench: Workbench, tmp_path: Path) -> None:
    source = (
        HEAD
        + "steps:\n  - {id: big, tool: give, with: {value: \"{{ 'x' * 70_000 }}\"}}\n  - {id: n, python: len(big)}\n"
    )
    async with bench.working():
        first = await bench.run(source)
        before = len(list((tmp_path / "artifacts").rglob("*.json")))
        ended = await again(bench, first.id, "n")
        assert len(list((tmp_path / "artifacts").rglob("*.json"))) == before
    assert ended.output == 70_000


async def test_removing_the_earlier_run_leaves_the_rerun_what_it_took_over(bench: Workbench) -> None:
    source = HEAD + (
        "steps:\n  - {id: big, tool: give, with: {value: \"{{ 'x' * 70_000 }}\"}}\n"
        "  - {wait: 1h, id: w}\n  - {id: n, python: len(big)}\n"
    )
    async with bench.working():
        first = await bench.start(source)
        await bench.rest(first.run_id)
        await bench.forward(timedelta(hours=1))
        await bench.ended(first.run_id)
        bench.clock.forward(timedelta(days=2))
        launched = await bench.engine.rerun(first.run_id, from_step="w", version_id=None, starter=None)
        await bench.rest(launched.run_id)
        forgotten = await forget(bench, timedelta(days=1))
        await bench.forward(timedelta(hours=1))
        ended = await bench.ended(launched.run_id)
    assert (forgotten, ended.output) == (1, 70_000)


async def test_ended_runs_are_forgotten_with_their_journals_and_files(bench: Workbench, tmp_path: Path) -> None:
    async with bench.working():
        await bench.run(HEAD + "steps: [{id: big, python: \"'x' * 70_000\"}]\n")
        waiting = await bench.start(HEAD + "steps: [{wait: 90d}]\n")
        await bench.rest(waiting.run_id)
        bench.clock.forward(timedelta(days=30))
        recent = await bench.run(HEAD + "steps: [{tool: noop}]\n")
    assert await forget(bench, timedelta(days=7)) == 1
    left = {row["id"] for row in await bench.pool.fetch("select id from runs")}
    journals = {row["run_id"] for row in await bench.pool.fetch("select run_id from steps")}
    assert left == journals == {waiting.run_id, recent.id}
    assert not list((tmp_path / "artifacts").rglob("*.json"))


async def test_a_parent_is_kept_while_its_child_is_under_way(bench: Workbench) -> None:
    await bench.apply("task: child\ndescription: x\nsteps: [{wait: 90d}]\n")
    async with bench.working():
        await bench.run(HEAD + "steps: [{run: child, wait: false}]\n")
        await bench.all_wait(1)
    assert await forget(bench, -timedelta(days=1)) == 0


async def test_a_run_without_a_job_is_adopted_once_its_holder_is_silent(bench: Workbench) -> None:
    launched = await bench.start(HEAD + "steps: [{tool: noop}]\n")
    await bench.pool.execute("delete from pgqueuer")
    early = await bench.keeper.adopt_orphans()
    bench.clock.forward(timedelta(seconds=31))
    adopted = await bench.keeper.adopt_orphans()
    again = await bench.keeper.adopt_orphans()
    async with bench.working():
        ended = await bench.ended(launched.run_id)
    assert (early, adopted, again) == (0, 1, 0)
    assert ended.status is RunStatus.SUCCEEDED


async def test_a_run_in_living_hands_is_not_adopted(bench: Workbench) -> None:
    gate = bench.tools.tools["gate"] = Gate()
    async with bench.working():
        launched = await bench.start(HEAD + "steps: [{tool: gate}]\n")
        await gate.entered()
        await bench.pool.execute("delete from pgqueuer")
        bench.clock.forward(timedelta(minutes=5))
        await bench.pool.execute("update workers set seen_at = $1", bench.clock())
        assert await bench.keeper.adopt_orphans() == 0
        gate.open()
        await bench.ended(launched.run_id)


async def test_expired_cache_entries_are_removed(bench: Workbench) -> None:
    await bench.steps("  - {id: a, tool: noop, cache: {ttl: 1h}}\n")
    await bench.keeper.tidy()
    kept = await bench.pool.fetchval("select count(*) from cache_entries")
    bench.clock.forward(timedelta(hours=2))
    await bench.keeper.tidy()
    assert (kept, await bench.pool.fetchval("select count(*) from cache_entries")) == (1, 0)


@pytest.mark.parametrize("ending", ["noop", "fail"])
async def test_a_workspace_is_removed_at_the_end_of_its_run(bench: Workbench, tmp_path: Path, ending: str) -> None:
    seen: list[bool] = []

    async def writes(arguments: JsonObject, context: StepContext) -> Json:
        file = context.workspace() / "notes.txt"
        seen.append(file.exists())
        file.write_text("hello")
        return None

    bench.tools.tools["writes"] = writes
    await bench.steps(f"  - {{tool: writes}}\n  - {{tool: writes}}\n  - {{tool: {ending}}}\n")
    assert seen == [False, True]
    assert list((tmp_path / "workspaces").iterdir()) == []


async def dry(bench: Workbench, steps: str, stubs: JsonObject, *, make_up: bool = False) -> DryRun:
    return await bench.engine.dry_run(
        definition(f"{HEAD}\nsteps:\n{steps}"), {}, project="p", stubs=stubs, make_up=make_up, state={"n": 4}
    )


def definition(source: str) -> TaskDefinition:
    found = parse_task(source).definition
    assert found is not None
    return found


DRY = """
  - {id: a, tool: echo, with: {x: 1}}
  - {id: b, python: "a['x'] + state['n']", keep: {n: "{{ b }}"}}
  - {wait: 5h}
  - {id: ok, approve: {question: Go on?}}
  - {id: each, for_each: "[1, 2]", do: [{id: sent, tool: change.it}]}
  - {python: "[b, ok['choice'], each]"}
"""


async def test_a_dry_run_answers_from_stubs_by_id_or_by_path_and_writes_nothing(bench: Workbench) -> None:
    stubs: JsonObject = {"a": {"x": 3}, "ok": {"choice": "reject"}, "sent": "any", "each[1].sent": "second"}
    came = await dry(bench, DRY, stubs)
    assert (came.status, came.output, came.kept) == (RunStatus.SUCCEEDED, [7, "reject", ["any", "second"]], {"n": 7})
    assert bench.tools.calls == []
    assert [await bench.pool.fetchval(f"select count(*) from {table}") for table in ("runs", "steps")] == [0, 0]


async def test_a_dry_run_asks_for_a_stub_where_a_step_would_touch_the_outside(bench: Workbench) -> None:
    came = await dry(bench, DRY, {"a": {"x": 3}, "ok": {"choice": "reject"}})
    assert came.status is RunStatus.FAILED
    assert came.error is not None
    assert "`each[0].sent` would touch the outside" in came.error.message
    assert came.error.hint == "add to the test: `stub: {sent: ...}`"


async def test_a_dry_run_may_make_values_up(bench: Workbench) -> None:
    came = await dry(bench, DRY, {"a": {"x": 3}}, make_up=True)
    assert came.status is RunStatus.SUCCEEDED
    assert to_text(came.output).startswith('[7,"approve",')


async def test_a_dry_run_that_finishes_early_has_the_output_of_its_finish(bench: Workbench) -> None:
    steps = "  - {id: f, finish: {output: early}}\n"
    came = await bench.engine.dry_run(
        definition(f"{HEAD}output: late\nsteps:\n{steps}"), {}, project="p", stubs={}, make_up=False
    )
    real = await bench.steps(steps, more="output: late")
    assert (came.status, came.output) == (real.status, real.output) == (RunStatus.SUCCEEDED, "early")


async def test_a_finish_without_an_output_leaves_that_of_the_task(bench: Workbench) -> None:
    steps = "  - {id: f, finish: {}}\n"
    came = await bench.engine.dry_run(
        definition(f"{HEAD}output: late\nsteps:\n{steps}"), {}, project="p", stubs={}, make_up=False
    )
    real = await bench.steps(steps, more="output: late")
    assert came.output == real.output == "late"


async def test_a_finish_with_an_output_spares_one_that_needs_later_steps(bench: Workbench) -> None:
    steps = (
        "  - if: 1 < 2\n    then: [{id: f, finish: {output: nothing to do}}]\n  - {id: later, python: \"{'n': 1}\"}\n"
    )
    real = await bench.steps(steps, more="output: \"{{ later['n'] }}\"")
    assert (real.status, real.output) == (RunStatus.SUCCEEDED, "nothing to do")


async def test_removing_a_sub_task_leaves_its_parent_the_output_that_it_gave(bench: Workbench) -> None:
    await bench.apply("task: child\ndescription: x\nsteps: [{python: \"'x' * 70_000\"}]\n")
    async with bench.working():
        launched = await bench.start(HEAD + "steps:\n  - {id: c, run: child}\n  - {wait: 30d}\n  - {python: len(c)}\n")
        async with asyncio.timeout(10):
            while await bench.pool.fetchval("select count(*) from waits where kind = 'timer'") == 0:
                await asyncio.to_thread(lambda: None)
        await bench.rest(launched.run_id)
        assert await forget(bench, -timedelta(days=1)) == 1
        await bench.forward(timedelta(days=30))
        ended = await bench.ended(launched.run_id)
    assert ended.output == 70_000


_CHAIN = (
    HEAD
    + """
params: {n: {type: integer}}
steps:
  - {id: a, tool: echo, with: {x: "{{ n }}"}}
  - {id: b, tool: echo, with: {x: "{{ a['x'] }}"}}
  - {id: c, tool: change.it, with: {x: "{{ b['x'] }}"}}
"""
)
_ASKING = _CHAIN.replace(
    "  - {id: c,", '  - {id: asked, approve: {question: "On?", choices: [send, drop]}}\n  - {id: c,'
)


async def test_an_edited_output_stands_in_for_a_step_and_what_hangs_on_it_is_done_again(bench: Workbench) -> None:
    async with bench.working():
        first = await bench.run(_CHAIN, {"n": 1})
        bench.tools.calls.clear()
        launched = await bench.engine.rerun(
            first.id, from_step="c", version_id=None, starter="user:bo", outputs={"a": {"x": 5}}
        )
        ended = await bench.ended(launched.run_id)
    assert bench.tools.paths("echo") == ["b"], "a is not called, b has another input"
    assert ended.records["c"].output == {"x": 5}
    assert ended.records["a"].fact("edited") is True


async def test_an_edited_argument_is_taken_by_every_step_that_uses_it(bench: Workbench) -> None:
    async with bench.working():
        first = await bench.run(_CHAIN, {"n": 1})
        launched = await bench.engine.rerun(
            first.id, from_step="c", version_id=None, starter="user:bo", arguments={"n": 9}
        )
        ended = await bench.ended(launched.run_id)
    assert ended.records["c"].output == {"x": 9}


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ({"asked": {"choice": "send"}}, "people give it"),
        ({"c": 1}, "no step before `c`"),
        ({"nowhere": 1}, "no step before `c`"),
        ({"a": "x" * 70_000}, "70,002 bytes; 65,536 is the most"),
    ],
)
async def test_what_cannot_be_edited_is_refused_and_no_run_is_made(
    bench: Workbench, outputs: JsonObject, said: str
) -> None:
    first = await bench.start(_ASKING, {"n": 1})
    with pytest.raises(RerunRefusedError, match=said):
        await bench.engine.rerun(first.run_id, from_step="c", version_id=None, starter=None, outputs=outputs)
    assert await bench.pool.fetchval("select count(*) from runs") == 1


_APPROVED = (
    HEAD
    + """
params: {n: {type: integer}}
steps:
  - {id: ok, approve: {question: "Send {{ n }}?", not: [starter], timeout: {after: 1h, choose: approve}}}
  - {id: c, tool: fail}
"""
)


@pytest.mark.parametrize(
    ("answerer", "starter", "n", "asks"),
    [
        ("user:bo", "user:cy", 1, False),
        ("user:bo", "user:bo", 1, True),
        ("user:bo", "user:cy", 2, True),
        (None, "user:cy", 1, True),
    ],
    ids=["the same is asked", "the answerer starts it now", "something else is asked", "nobody had answered in time"],
)
async def test_an_answer_covers_what_was_shown_and_nobody_approves_the_own_rerun(
    bench: Workbench, answerer: str | None, starter: str, n: int, asks: bool
) -> None:
    async with bench.working():
        first = await bench.start(_APPROVED, {"n": 1})
        await bench.rest(first.run_id)
        if answerer is None:
            await bench.forward(timedelta(hours=2))
        else:
            await bench.answer(first.run_id, "approve", person=answerer)
        await bench.ended(first.run_id)
        again = await bench.engine.rerun(
            first.run_id, from_step="@failed", version_id=None, starter=starter, arguments={"n": n}
        )
        rested = await bench.rest(again.run_id)
    assert (rested.status is RunStatus.WAITING) is asks
    told = await bench.pool.fetch("select detail::text from audit_entries where verb = 'approval.answer'")
    assert [("expired" in row["detail"]) for row in told] == ([True] if answerer is None else [])
