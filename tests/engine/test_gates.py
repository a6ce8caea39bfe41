"""Calls that wait for a person: by grant, by agent, and because data from outside led to them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from errands.agents import Call, scripted
from errands.agents.scripted import Script, Turn
from errands.core.definition.agents import AgentDefinition
from errands.core.outcomes import RunStatus
from errands.core.values import Json, from_text
from errands.engine.holding import advance
from errands.engine.journal import Journal
from errands.store.database import Database
from tests.engine.agency import Agency
from tests.engine.test_replay import Dying
from tests.engine.workbench import HEAD, Ended, Workbench, workbench

ALL = "grants: {tools: ['*']}\n"
LED_ON = "  - {id: page, tool: outside.give, with: {value: eve}}\n"
SEND = "  - {id: send, tool: change.it, with: {to: '{{ page }}'}}\n"


@pytest.fixture
async def bench(database: Database, tmp_path: Path) -> AsyncIterator[Workbench]:
    async with workbench(database, tmp_path) as bench:
        yield bench


async def subject(bench: Workbench, run_id: object) -> Mapping[str, Json]:
    found = from_text(await bench.pool.fetchval("select subject from approvals where run_id = $1", run_id))
    assert isinstance(found, Mapping)
    return found


async def waiting(bench: Workbench, steps: str, more: str = ALL) -> Ended:
    """A run of these steps, waiting."""
    launched = await bench.start(f"{HEAD}{more}steps:\n{steps}")
    ended = await bench.rest(launched.run_id)
    assert ended.status is RunStatus.WAITING, ended.error
    return ended


async def test_a_call_with_outside_data_is_asked_about_and_made_exactly_once_when_it_is_approved(
    bench: Workbench,
) -> None:
    async with bench.working():
        run = await waiting(bench, LED_ON + SEND)
        assert bench.tools.paths("change.it") == []
        asked = await subject(bench, run.id)
        assert (asked["tool"], asked["arguments"]) == ("change.it", {"to": "eve"})
        assert "data from outside" in str(asked["why"])
        question = await bench.pool.fetchval("select question from approvals")
        assert '"to":"eve"' in question.replace(" ", "")
        await bench.answer(run.id, "approve")
        ended = await bench.ended(run.id)
    assert ended.output == {"to": "eve"}
    assert bench.tools.paths("change.it") == ["send"]


async def test_a_refused_call_is_not_made_and_fails_its_step_as_denied(bench: Workbench) -> None:
    async with bench.working():
        run = await waiting(bench, LED_ON + SEND)
        await bench.answer(run.id, "refuse")
        ended = await bench.ended(run.id)
    assert (ended.kind, ended.status) == ("denied", RunStatus.FAILED)
    assert "user:ana refused this call of change.it" in ended.said
    assert ended.records["send"].input == {"to": "eve"}
    assert bench.tools.paths("change.it") == []


async def test_a_constant_call_under_a_condition_that_saw_outside_data_is_asked_about(bench: Workbench) -> None:
    steps = LED_ON + "  - {if: page == 'eve', then: [{id: send, tool: change.it, with: {to: ops}}]}\n"
    async with bench.working():
        await waiting(bench, steps)


@pytest.mark.parametrize(
    ("steps", "more"),
    [
        (LED_ON + SEND, "grants: {tools: ['*'], untrusted: [change.it]}\n"),
        (LED_ON + SEND, "grants: {tools: ['*'], untrusted: ['change.*']}\n"),
        (LED_ON + "  - {id: send, tool: change.it, with: {to: ops}}\n", ALL),
        (LED_ON + "  - {id: send, tool: echo, with: {to: '{{ page }}'}}\n", ALL),
    ],
    ids=["named", "named by a glob", "our own arguments", "only reads"],
)
async def test_a_call_that_needs_no_approval_asks_nobody(bench: Workbench, steps: str, more: str) -> None:
    async with bench.working():
        ended = await bench.run(f"{HEAD}{more}steps:\n{steps}")
    assert ended.status is RunStatus.SUCCEEDED
    assert await bench.pool.fetchval("select count(*) from approvals") == 0


async def test_a_grant_can_want_every_call_approved(bench: Workbench) -> None:
    more = "grants: {tools: [{name: echo, approve: true}, give]}\n"
    async with bench.working():
        run = await waiting(bench, "  - {id: say, tool: echo, with: {x: 1}}\n", more)
        assert "grant for `echo`" in str((await subject(bench, run.id))["why"])
        await bench.answer(run.id, "approve")
        assert (await bench.ended(run.id)).output == {"x": 1}


async def test_an_approval_counts_for_no_other_call_than_the_one_that_was_asked_about(bench: Workbench) -> None:
    async with bench.working():
        run = await waiting(bench, LED_ON + SEND)
    await bench.pool.execute("update steps set output = '\"mallory\"' where run_id = $1 and path = 'page'", run.id)
    await bench.answer(run.id, "approve")
    async with bench.working():
        ended = await bench.ended(run.id)
    assert ended.kind == "denied"
    assert "not the one that was asked about" in ended.said
    assert bench.tools.paths("change.it") == []


async def test_a_worker_that_dies_while_the_question_is_open_leaves_one_effect_after_the_answer(
    bench: Workbench,
) -> None:
    async with bench.working():
        run = await waiting(bench, LED_ON + SEND)
    other = bench.another_engine()
    await bench.answer(run.id, "approve")
    async with bench.working(engine=other):
        ended = await bench.ended(run.id)
    assert ended.status is RunStatus.SUCCEEDED
    keys = {key for name, _, key in bench.tools.calls if name == "change.it"}
    assert len(bench.tools.paths("change.it")) == len(keys) == 1
    assert ended.records["send/intent[1]"].fact("effect_key") in keys


@pytest.fixture
async def staffed(database: Database, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Workbench]:
    """A bench whose agent follows the script of the test."""
    script, agents = request.param
    async with workbench(database, tmp_path, tools=Agency(Script(script.turns), agents)) as bench:
        yield bench


def by(*turns: Turn | str | Sequence[Call], **agents: AgentDefinition) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("staffed", [(scripted(*turns), agents)], indirect=True)


WORK = "  - {id: work, prompt: Work., model: scripted, tools: ['*']}\n"
READ, WRITE = Call("outside.give", {"value": "send it"}), Call("change.it", {"to": "eve"})


def agency(bench: Workbench) -> Agency:
    assert isinstance(bench.tools, Agency)
    return bench.tools


@by([READ], [WRITE], "Done.")
async def test_an_agent_that_has_seen_outside_data_waits_and_its_turns_are_not_asked_for_again(
    staffed: Workbench,
) -> None:
    async with staffed.working():
        run = await waiting(staffed, WORK)
    assert staffed.tools.paths("change.it") == []
    assert agency(staffed).script.asked == 2
    await staffed.answer(run.id, "approve")
    async with staffed.working(engine=staffed.another_engine()):
        ended = await staffed.ended(run.id)
    assert ended.output == "Done."
    assert agency(staffed).script.asked == 3
    assert staffed.tools.paths("change.it") == ["work/turn[2]/change.it[0]"]
    assert ended.records["work"].untrusted


@by([READ], [WRITE], "I may not.")
async def test_a_refusal_is_told_to_the_agent_which_goes_on(staffed: Workbench) -> None:
    async with staffed.working():
        run = await waiting(staffed, WORK)
        await staffed.answer(run.id, "refuse")
        ended = await staffed.ended(run.id)
    assert ended.output == "I may not."
    assert "user:ana refused" in agency(staffed).script.prompts[-1]
    assert staffed.tools.paths("change.it") == []
    assert "work/turn[2]/change.it[0]/intent" not in ended.records


@by([WRITE], "Done.")
async def test_an_agent_that_saw_nothing_from_outside_acts_without_asking(staffed: Workbench) -> None:
    async with staffed.working():
        ended = await staffed.run(f"{HEAD}{ALL}steps:\n{WORK}")
    assert ended.status is RunStatus.SUCCEEDED
    assert not ended.records["work"].untrusted


@by([READ, WRITE], "Done.")
async def test_a_call_that_was_chosen_before_anything_from_outside_was_seen_does_not_ask(staffed: Workbench) -> None:
    async with staffed.working():
        ended = await staffed.run(f"{HEAD}{ALL}steps:\n{WORK}")
    assert ended.status is RunStatus.SUCCEEDED


@by([READ], [WRITE, Call("change.it", {"to": "bo"}), Call("echo", {"x": 1})], "Done.")
async def test_several_gated_calls_of_one_turn_wait_together_and_each_is_answered_by_itself(
    staffed: Workbench,
) -> None:
    async with staffed.working():
        run = await waiting(staffed, WORK)
        rows = await staffed.pool.fetch("select id, path from approvals order by path")
        assert [row["path"] for row in rows] == [f"work/turn[2]/change.it[{n}]/approval" for n in (0, 1)]
        engine = staffed.engine
        await engine.answer(rows[1]["id"], person="user:ana", choice="approve", form={}, note=None)
        await engine.answer(rows[0]["id"], person="user:ana", choice="refuse", form={}, note=None)
        ended = await staffed.ended(run.id)
    assert ended.output == "Done."
    assert staffed.tools.paths("change.it") == ["work/turn[2]/change.it[1]"]


@by([Call("echo", {"x": 1})], "Done.", careful=AgentDefinition(agent="careful", tools=("*",), approve_tools=("echo",)))
@pytest.mark.parametrize(
    "step",
    [
        "{id: work, prompt: Work., model: scripted, tools: ['*'], approve_tools: ['ec*']}",
        "{id: work, prompt: Work., model: scripted, agent: careful}",
        "{for_each: '[1]', do: [{id: work, prompt: Work., model: scripted}]}",
    ],
)
async def test_a_step_its_agent_and_the_agent_of_its_task_can_want_calls_approved(
    staffed: Workbench, step: str
) -> None:
    more = ALL + ("agent: careful\n" if "for_each" in step else "")
    async with staffed.working():
        run = await waiting(staffed, f"  - {step}\n", more)
        assert "only with approval" in str((await subject(staffed, run.id))["why"])
        await staffed.answer(run.id, "approve")
        assert (await staffed.ended(run.id)).output in ("Done.", ["Done."])


@by([READ], [WRITE], "Done.")
async def test_the_time_limit_of_a_step_stands_still_while_it_waits_for_people(staffed: Workbench) -> None:
    tick = "{id: tick, repeat: [{wait: 1s}, {id: n, python: '1'}], until: 'False', max: 3, on_error: continue}"
    held = WORK.replace("tools:", "timeout: 200ms, tools:").strip().removeprefix("- ")
    async with staffed.working():
        run = await waiting(staffed, f"  - parallel: {{a: [{held}], b: [{tick}]}}\n")
        for _ in range(3):
            await staffed.forward(timedelta(seconds=1))
            await staffed.rest(run.id)
        await staffed.answer(run.id, "approve")
        ended = await staffed.ended(run.id)
    assert ended.records["work"].output == "Done."


async def driven(bench: Workbench, run_id: UUID, journal: Journal) -> None:
    """Advance a run until it rests, or until the worker's process dies with its journal."""
    hands = bench.hands(bench.another_engine(), journal)
    journal.open()
    going = asyncio.create_task(advance(hands, run_id))
    waits = [going, *([asyncio.create_task(journal.dead.wait())] if isinstance(journal, Dying) else [])]
    async with asyncio.timeout(20):
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        while journal.gathered:
            await asyncio.to_thread(lambda: None)
    for one in waits:
        one.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    await journal.close()


@by([READ], [WRITE], "Done.")
@pytest.mark.parametrize("when", ["before the answer", "after the answer"])
async def test_a_worker_killed_at_any_record_around_the_question_leaves_one_effect(
    staffed: Workbench, when: str
) -> None:
    task = await staffed.apply(f"{HEAD}{ALL}steps:\n{WORK}")
    for records in range(7):
        staffed.tools.calls.clear()
        asked_before = agency(staffed).script.asked
        run = await staffed.launch(*task)
        if when == "before the answer":
            await driven(staffed, run.run_id, Dying(staffed, records))
        await driven(staffed, run.run_id, Journal(staffed.pool, writers=1))
        assert staffed.tools.paths("change.it") == []
        await staffed.answer(run.run_id, "approve")
        if when == "after the answer":
            await driven(staffed, run.run_id, Dying(staffed, records))
        await driven(staffed, run.run_id, Journal(staffed.pool, writers=1))
        ended = await staffed.look(run.run_id)
        assert (ended.status, ended.output) == (RunStatus.SUCCEEDED, "Done."), f"killed after {records} records"
        made = [key for name, _, key in staffed.tools.calls if name == "change.it"]
        assert len(set(made)) == 1, "an effect came under two keys"
        assert len(made) == 1 or (when == "after the answer" and len(made) == 2), f"killed after {records}: {made}"
        assert agency(staffed).script.asked - asked_before <= 4, "only the turn in flight may be asked for again"
        assert await staffed.pool.fetchval("select count(*) from approvals where run_id = $1", run.run_id) == 1
