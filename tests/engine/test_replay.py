"""A run that is killed after any of its records comes to the same end as one that was left alone."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from errands.core.outcomes import ErrorKind, Performed, RunStatus, StepFailed
from errands.core.ports import LeafCall, StepContext, ToolCall
from errands.core.values import Json, JsonObject, to_text
from errands.engine.engine import Engine
from errands.engine.holding import Hands, advance
from errands.engine.journal import Entry, Journal
from errands.store.database import Database
from tests.engine.workbench import HEAD, Gate, ScriptedTools, Workbench, plain, workbench

EVERY_KIND = """
task: everything
description: every kind of step
params: {names: {type: array}}
keep: {last: "{{ joined[1:] }}"}
output: {joined: "{{ joined }}", each: "{{ each }}", both: "{{ both }}", form: "{{ ok['form'] }}", tries: "{{ tries }}"}
steps:
  - {id: first, tool: odd, with: {n: 1}, keep: {n: "{{ state.get('n', 0) + 1 }}"}}
  - {id: moment, python: "clock.now.isoformat()"}
  - {id: never, tool: change.it, when: "first is None"}
  - if: "len(names) > 1"
    then: [{id: many, tool: change.it, with: {what: "{{ names }}"}}]
    else: [{id: few, tool: noop}]
  - switch: "names[0]"
    cases: {ana: [{id: hers, python: "'ana'"}]}
    default: [{id: other, tool: noop}]
  - id: each
    for_each: "names"
    as: name
    max_parallel: 2
    do:
      - {id: loud, python: "name.upper()"}
      - {id: publish, tool: change.it, with: {what: "{{ loud }}", when: "{{ clock.now.isoformat() }}"}}
      - {id: nap, wait: 1m}
      - {python: "publish['what']"}
  - {id: tries, repeat: [{id: roll, tool: count}], until: "roll['n'] >= 3", max: 5, delay: 1m}
  - id: both
    parallel:
      left: [{id: asked, wait_for: {event: arrived}}, {id: l, python: "asked['box'] + 1"}]
      right: [{id: flaky, tool: change.flaky, retry: {attempts: 3, initial: 1h, backoff: constant}}]
  - {id: child, run: child, with: {n: 4}}
  - {id: big, tool: give, with: {value: "{{ 'x' * 70_000 }}"}}
  - id: ok
    approve:
      question: "Send {{ len(big) }}?"
      form: {type: object, properties: {n: {type: integer, default: 2}}}
  - {id: broken, tool: fail, on_error: [{id: mended, python: "error['message'] + '!'"}]}
  - {id: told, notify: {to: "secret:X", body: "{{ broken }}"}}
  - {id: thought, prompt: "Think of {{ moment }}"}
  - {id: joined, python: "[first, many, hers, each, len(tries), both, child, len(big), ok['choice'], broken, thought]"}
finally:
  - {id: after, tool: change.it, with: {what: "{{ joined[1] }}"}}
"""
CHILD = """
task: child
description: a child
params: {n: {type: integer}}
steps: [{wait: 1m}, {id: c, tool: change.it, with: {n: "{{ n }}"}}]
"""
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Dying(Journal):
    """A journal whose process dies after so many records: what comes later is never written, and nobody hears."""

    def __init__(self, bench: Workbench, records: int) -> None:
        super().__init__(bench.pool, writers=1)
        self.left = records
        self.dead = asyncio.Event()

    def append(self, entry: Entry) -> "asyncio.Future[None]":
        if self.left == 0:
            self.dead.set()
            return entry.done
        self.left -= 1
        return super().append(entry)


class Told(ScriptedTools):
    """Tools that note what they were asked, by address."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[str, set[str]] = {}
        self.tools |= {"odd": _odd, "count": _count, "change.flaky": _flaky, "agent": _agent}

    async def perform(self, call: LeafCall, context: StepContext) -> Performed:
        asked = to_text(call.arguments) if isinstance(call, ToolCall) else call.prompt
        self.asked.setdefault(f"{context.run.task}/{context.path}/{context.attempt}", set()).add(asked)
        return await super().perform(call, context)


async def _odd(arguments: JsonObject, context: StepContext) -> Json:
    return {1: ("a", 2.0), "nul": "\0"}  # type: ignore[dict-item]


async def _count(arguments: JsonObject, context: StepContext) -> Json:
    return {"n": int(context.path.partition("[")[2].partition("]")[0]) + 1}


async def _flaky(arguments: JsonObject, context: StepContext) -> Json:
    if context.attempt == 1:
        raise StepFailed(ErrorKind.NETWORK, "no route")
    return context.attempt


async def _agent(arguments: JsonObject, context: StepContext) -> Json:
    return f"re: {arguments['prompt']}"


async def carried_on(bench: Workbench, hands: Hands, run_id: UUID) -> None:
    """Do what the outside would, until the run has ended: answer, send, let time pass, advance what is queued."""
    while not (await bench.look(run_id)).status.final:
        moving = await bench.pool.fetch("select id from runs where status in ('queued', 'running') order by id desc")
        for row in moving:
            await advance(hands, row["id"])
        if moving:
            continue
        if await bench.pool.fetchval("select count(*) from waits where done_at is null and kind = 'event'"):
            await bench.send("arrived", {"box": 7})
        elif await bench.pool.fetchval("select count(*) from approvals where status = 'open'"):
            await bench.answer(run_id, "approve")
        else:
            due = await bench.pool.fetchval("select min(due_at) from waits where done_at is null")
            await bench.forward(due - bench.clock())


async def killed_after(bench: Workbench, engine: Engine, run_id: UUID, records: int) -> bool:
    """Carry a run on until its worker dies. False: it came to its end before."""
    journal = Dying(bench, records)
    hands = bench.hands(engine, journal)
    journal.open()
    going = asyncio.create_task(carried_on(bench, hands, run_id))
    dead = asyncio.create_task(journal.dead.wait())
    await asyncio.wait([going, dead], return_when=asyncio.FIRST_COMPLETED)
    died = journal.dead.is_set()
    while died and journal.gathered:
        await asyncio.to_thread(lambda: None)
    for task in (going, dead):
        task.cancel()
    await asyncio.gather(going, dead, return_exceptions=True)
    await journal.close()
    return died


async def finished(bench: Workbench, run_id: UUID) -> None:
    """Carry a run on to its end on a new worker."""
    journal = Journal(bench.pool, writers=1)
    hands = bench.hands(bench.another_engine(), journal)
    journal.open()
    try:
        async with asyncio.timeout(20):
            await carried_on(bench, hands, run_id)
    finally:
        await journal.close()


async def one_life(bench: Workbench, kill: int | None) -> tuple[bool, Json, dict[str, str]]:
    """A run of every kind of step, killed after so many records. Gives whether it was, the result, outcomes."""
    tools = bench.tools
    assert isinstance(tools, Told)
    tools.calls.clear()
    tools.asked.clear()
    bench.clock.now = START
    await bench.apply(CHILD)
    task = await bench.apply(EVERY_KIND)
    await bench.pool.execute("truncate events, waits, steps; delete from runs; update tasks set state = '{}'")
    launched = await bench.launch(*task, {"names": ["ana", "bo", "cy"]})
    died = kill is not None and await killed_after(bench, bench.another_engine(), launched.run_id, kill)
    await finished(bench, launched.run_id)
    ended = await bench.look(launched.run_id)
    assert ended.status is RunStatus.SUCCEEDED, ended.error
    return died, [ended.output, await bench.state("everything")], plain(ended.records)


def repeated(calls: list[tuple[str, str, str]]) -> dict[str, int]:
    """Effects that were made more often than their step's attempts ask for: by address, how often too much."""
    made = Counter((path, key) for tool, path, key in calls if tool.startswith("change."))
    wanted = {path: 2 if path == "flaky" else 1 for path, _ in made}
    return {path: count - wanted[path] for (path, _), count in made.items() if count > wanted[path]}


@pytest.fixture
async def told(database: Database, tmp_path: Path) -> AsyncIterator[Workbench]:
    async with workbench(database, tmp_path, tools=Told()) as made:
        yield made


async def test_a_run_killed_after_any_of_its_records_comes_to_the_same_end(told: Workbench) -> None:
    tools = told.tools
    assert isinstance(tools, Told)
    _, wanted, outcomes = await one_life(told, None)
    calls = Counter(tools.paths("change.it"))
    assert max(calls.values()) == 1
    records, died = 0, True
    while died:
        died, came, outcomes_now = await one_life(told, records)
        assert outcomes_now == outcomes, f"killed after {records} records"
        assert came == wanted, f"killed after {records} records"
        asked_differently = {path: asked for path, asked in tools.asked.items() if len(asked) > 1}
        assert not asked_differently, f"killed after {records} records: live and replayed values differ"
        again = repeated(tools.calls)
        assert all(times == 1 for times in again.values()), again
        assert len(again) <= 2, f"only effects in flight may be repeated: {again}"
        keys = {path: key for _, path, key in tools.calls}
        assert all(keys[path] == key for _, path, key in tools.calls), "an effect came again under another key"
        records += 1
    assert records > 60


CRASHING = HEAD + "steps: [{id: a, tool: change.slow, on_crash: %s}, {id: b, tool: noop}]\n"


async def crashed(bench: Workbench, on_crash: str) -> UUID:
    """A run whose worker died while its step changed the outside."""
    gate = bench.tools.tools["change.slow"] = Gate()
    launched = await bench.start(CRASHING % on_crash)
    hands = bench.hands(bench.another_engine())
    hands.shared.journal.open()
    going = asyncio.create_task(advance(hands, launched.run_id))
    await gate.entered()
    await hands.shared.journal.close()
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)
    gate.open()
    return launched.run_id


async def test_an_effect_in_flight_at_a_crash_is_made_again_under_the_same_key(bench: Workbench) -> None:
    run_id = await crashed(bench, "repeat")
    await finished(bench, run_id)
    keys = [key for tool, _, key in bench.tools.calls if tool == "change.slow"]
    assert (len(keys), len(set(keys))) == (2, 1)


@pytest.mark.parametrize(("choice", "calls"), [("repeat", 2), ("fail", 1)])
async def test_an_effect_in_flight_at_a_crash_is_asked_about_if_the_step_says_so(
    bench: Workbench, choice: str, calls: int
) -> None:
    run_id = await crashed(bench, "ask")
    async with bench.working():
        await bench.pool.execute("update runs set holder = null, queued_at = queued_at - interval '1 hour'")
        await bench.keeper.adopt_orphans()
        assert (await bench.rest(run_id)).status is RunStatus.WAITING
        question = await bench.pool.fetchval("select question from approvals")
        await bench.answer(run_id, choice)
        ended = await bench.ended(run_id)
    assert "may or may not have happened" in question
    assert len(bench.tools.paths("change.slow")) == calls
    assert ended.status is (RunStatus.SUCCEEDED if choice == "repeat" else RunStatus.FAILED)
