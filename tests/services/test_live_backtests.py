"""Backtests that ask real models: what is asked, what it costs, where it stops."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from errands.core.access import Person, ProjectRole
from errands.core.definition.policies import BudgetAmounts
from errands.services import Services
from errands.services.backtest_views import Backtest
from errands.services.errors import Denied, Invalid
from errands.services.principals import operator
from errands.services.views import RunEnded, SourceFile
from errands.store.database import Database
from tests.agents.fake_provider import FakeProvider, calls, provider, says
from tests.tools.loopback import Web, serving

ANA = operator("ana")
EDITOR = Person("p-1", "ed", projects={"default": ProjectRole.EDITOR})
ENOUGH = BudgetAmounts(usd=Decimal(1), requests=20)
_TASK = """
task: notes
description: Reads a page and says what it holds.
params:
  name: {type: string, default: world}
  at: {type: string, default: "127.0.0.1:1"}
grants: {tools: [http.request], hosts: [127.0.0.1]}
steps:
  - {id: note, agent: writer, prompt: "What does http://{{ at }}/page say to {{ name }}?"}
  - {id: loud, python: "note.upper()"}
output: {note: "{{ loud }}"}
"""
_CHANGED = _TASK.replace("What does", "In one word: what does")


def _files(fake: FakeProvider, source: str = _TASK) -> list[SourceFile]:
    priced = "price: {input: 10, output: 10}\n"
    model = f"model: fast\nprovider: openai-compatible\nname: tiny\nbase_url: {fake.url}\n{priced}"
    agent = "agent: writer\nmodel: fast\ntools: [http.request]\n"
    return [SourceFile("m.yaml", model), SourceFile("a.yaml", agent), SourceFile("notes.yaml", source)]


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving() as listening:
        listening.answer("/page", "hello")
        yield listening


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with provider() as listening:
        yield listening


@pytest.fixture
async def ran(working: Services, fake: FakeProvider, web: Web) -> list[str]:
    """Two runs, in each of which the agent has read the page; the newer first."""
    await working.tasks.apply(ANA, "default", _files(fake))
    ids = []
    for name in ("ana", "berta"):
        fake.behaviours = [calls(("http_request", f'{{"url": "{web.url("/page")}"}}')), says(f"hello {name}")]
        fake.bodies.clear()
        started = await working.runs.start(ANA, "default", "notes", {"name": name, "at": web.host})
        ended = [event async for event in working.runs.follow(ANA, started.id)][-1]
        assert isinstance(ended, RunEnded)
        assert ended.run.status == "succeeded", ended.run.error
        ids.append(started.id)
    fake.bodies.clear()
    web.requests.clear()
    return ids[::-1]


async def _tried(services: Services, source: str, live: BudgetAmounts | None = ENOUGH) -> Backtest:
    return await services.backtests.backtest(ANA, "default", SourceFile("notes.yaml", source), live=live)


async def test_without_it_a_changed_prompt_is_unanswered_and_nobody_is_asked(
    services: Services, ran: list[str], fake: FakeProvider
) -> None:
    found = await _tried(services, _CHANGED, live=None)
    assert [(run.verdict, run.unanswered) for run in found.runs] == [("unknown", ("note",))] * 2
    assert (found.live, fake.bodies) == (None, [])


async def test_a_changed_prompt_is_asked_and_its_tool_calls_are_answered_from_the_record(
    services: Services, ran: list[str], fake: FakeProvider, web: Web
) -> None:
    fake.behaviours = [calls(("http_request", f'{{"url": "{web.url("/page")}"}}')), says("Hello", given=900, made=100)]
    found = await services.backtests.backtest(ANA, "default", SourceFile("n.yaml", _CHANGED), count=1, live=ENOUGH)
    (run,) = found.runs
    assert (run.verdict, run.asked, run.unanswered) == ("changed", ("note",), ())
    assert run.output == {"note": "HELLO"}
    assert run.differences == ('output.note: expected "HELLO BERTA", came "HELLO"',)
    assert web.requests == [], "nothing is asked of the world but the model"
    assert "hello" in str(fake.bodies[1]["messages"][-1]["content"])
    assert found.live is not None
    assert (found.live.paid.requests, found.live.paid.tokens) == (2, 28 + 1000)
    assert found.live.paid.usd == Decimal("0.01028")
    assert (run.paid, run.usage) == (found.live.paid, found.live.paid)
    assert not found.live.used_up


async def test_what_the_record_answers_is_asked_of_nobody(
    services: Services, ran: list[str], fake: FakeProvider
) -> None:
    found = await _tried(services, _TASK)
    assert {run.verdict for run in found.runs} == {"same"}
    assert found.live is not None
    assert (found.live.paid.requests, fake.bodies) == (0, [])


async def test_a_call_that_the_record_does_not_hold_is_not_made_and_what_follows_is_unknown(
    services: Services, ran: list[str], fake: FakeProvider, web: Web
) -> None:
    fake.behaviours = [calls(("http_request", f'{{"url": "{web.url("/other")}", "method": "POST"}}'))]
    found = await _tried(services, _CHANGED)
    for run in found.runs:
        assert (run.verdict, run.unanswered) == ("unknown", ("note/turn[1]/http.request[0]",))
        assert run.paid.requests == 1
    assert web.requests == []


async def test_it_stops_at_the_budget_and_says_so(services: Services, ran: list[str], fake: FakeProvider) -> None:
    fake.behaviours = [says("Hello")]
    found = await _tried(services, _CHANGED, BudgetAmounts(requests=1))
    assert [run.verdict for run in found.runs] == ["changed", "unknown"]
    assert found.live is not None
    assert (found.live.used_up, found.live.paid.requests, len(fake.bodies)) == (True, 1, 1)
    fake.bodies.clear()
    found = await _tried(services, _CHANGED, BudgetAmounts(usd=Decimal("0.000001")))
    assert [run.verdict for run in found.runs] == ["unknown", "unknown"]
    assert fake.bodies == []


async def test_a_model_that_fails_fails_the_step_as_it_would_in_a_run(
    services: Services, ran: list[str], fake: FakeProvider
) -> None:
    from tests.agents.fake_provider import status

    fake.behaviours = [status(401, "who are you")]
    found = await _tried(services, _CHANGED)
    for run in found.runs:
        assert run.verdict == "changed"
        assert run.error is not None
        assert run.error.kind.value == "denied"


async def test_only_who_may_run_the_task_spends_and_never_without_a_bound(
    services: Services, ran: list[str], fake: FakeProvider, database: Database
) -> None:
    reader = Person("p-4", "vera", projects={"default": ProjectRole.VIEWER})
    with pytest.raises(Denied):
        await services.backtests.backtest(reader, "default", "notes", live=ENOUGH)
    with pytest.raises(Invalid, match="within a budget alone"):
        await services.backtests.backtest(EDITOR, "default", "notes", live=BudgetAmounts())
    fake.behaviours = [says("Hello")]
    await _tried(services, _CHANGED)
    kept = await database.pool.fetch("select detail::text as told from audit_entries where verb = 'task.rehearse'")
    told = [json.loads(row["told"]) for row in kept]
    assert [(one["runs"], one["paid"]["requests"]) for one in told if one.get("act") == "backtest"] == [(2, 2)]


async def test_an_agent_s_own_budget_counts_too(services: Services, ran: list[str], fake: FakeProvider) -> None:
    fake.behaviours = [says("Hello")]
    strict = _CHANGED.replace("agent: writer,", "agent: writer, budget: {requests: 0},")
    found = await _tried(services, strict)
    assert {run.error.kind.value for run in found.runs if run.error is not None} == {"budget"}
    assert fake.bodies == []
