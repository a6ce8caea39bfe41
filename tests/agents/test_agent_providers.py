"""Real requests over HTTP to a server on loopback that behaves well, badly, and not at all."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal

import pytest

from errands.agents import Agents, Models
from errands.core.definition.agents import KnownModel, ModelDefinition, Price, Rate
from errands.core.definition.policies import Budget
from errands.core.outcomes import ErrorKind, StepFailed, Usage
from errands.core.ports import AgentCall
from errands.core.values import JsonObject
from tests.agents.fake_provider import (
    Behaviour,
    FakeProvider,
    anthropic_says,
    calls,
    endless,
    endless_line,
    garbage,
    half_a_stream,
    hang,
    provider,
    says,
    status,
)
from tests.agents.memory_journal import MemoryContext, MemoryJournal
from tests.agents.project import ALL, Tools, Waits, staff


@asynccontextmanager
async def served(
    *behaviours: Behaviour, waits: Waits | None = None, tools: Tools | None = None, **settings: object
) -> AsyncIterator[tuple[FakeProvider, Agents]]:
    """A project whose model `fast` is the fake provider."""
    async with provider(*behaviours) as fake:
        given = {"retries": 0, "api_key": "secret:KEY", **settings}
        fast = ModelDefinition(model="fast", provider="openai-compatible", name="fake", base_url=fake.url, **given)
        agents = staff(Models(), known=(fast,), waits=waits, tools=tools)
        try:
            yield fake, agents
        finally:
            await agents.aclose()


def context() -> MemoryContext:
    return MemoryContext(MemoryJournal(), granted=ALL, secrets={"KEY": "sk-very-secret"})


CALL = AgentCall("Hello?", model="fast")


async def failure(agents: Agents, call: AgentCall = CALL) -> StepFailed:
    with pytest.raises(StepFailed) as failed:
        await agents.work(call, context())
    return failed.value


async def test_an_answer_is_streamed_counted_and_priced() -> None:
    here = context()
    price = Price(input=Decimal(1), output=Decimal(2))
    async with served(says("Hello, world.", given=1000, made=500), price=price, temperature=0.5) as (fake, agents):
        performed = await agents.work(CALL, here)
    assert performed.output == "Hello, world."
    assert "".join(here.tokens) == "Hello, world."
    assert here.journal.usage() == Usage(1000, 500, Decimal("0.002"), requests=1)
    assert fake.keys == ["Bearer sk-very-secret"]
    assert fake.bodies[0]["temperature"] == 0.5
    assert not any("sk-very-secret" in record.request + record.output for record in here.journal.records.values())


async def test_usage_is_estimated_where_the_provider_counts_nothing() -> None:
    here = context()
    async with served(says("Hello, world.", given=0, made=0)) as (_, agents):
        await agents.work(CALL, here)
    assert here.journal.usage().input_tokens > 0
    assert here.journal.usage().output_tokens == 4


async def test_tools_go_out_with_encoded_names_and_come_back_with_their_own() -> None:
    tools = Tools()
    async with served(calls(("crm_find_account", '{"name": "Acme"}')), says("Found."), tools=tools) as (fake, agents):
        performed = await agents.work(AgentCall("Find.", model="fast", tools=("crm/*",)), context())
    assert performed.output == "Found."
    assert [name for name, _, _ in tools.done] == ["crm/find.account"]
    assert [tool["function"]["name"] for tool in fake.bodies[0]["tools"]] == ["crm_find_account"]
    assert json.loads(fake.bodies[1]["messages"][-1]["content"])["tool"] == "crm/find.account"


async def test_arguments_that_are_not_json_come_back_to_the_model() -> None:
    tools = Tools()
    broken, mended = calls(("mail_send", '{"to": ')), calls(("mail_send", '{"to": "ana"}'))
    async with served(broken, mended, says("Sent."), tools=tools) as (_, agents):
        performed = await agents.work(AgentCall("Send.", model="fast", tools=("mail.send",)), context())
    assert performed.output == "Sent."
    assert [arguments for _, arguments, _ in tools.done] == [{"to": "ana"}]


async def test_an_unknown_tool_is_mended_over_the_wire() -> None:
    async with served(calls(("shell_run", "{}")), says("Never mind.")) as (fake, agents):
        performed = await agents.work(AgentCall("Go.", model="fast", tools=("mail.send",)), context())
    assert performed.output == "Never mind."
    assert "mail_send" in str(fake.bodies[1]["messages"][-1]["content"])


async def test_an_endless_tool_loop_over_the_wire_is_stopped_by_the_budget() -> None:
    async with served(calls(("http_request", "{}"))) as (fake, agents):
        call = AgentCall("Go.", model="fast", tools=("http.request",), budget=Budget(requests=3))
        assert (await failure(agents, call)).error.kind is ErrorKind.BUDGET
    assert len(fake.bodies) == 3


async def test_a_rate_limit_is_waited_for_as_long_as_the_provider_asks() -> None:
    waits = Waits()
    async with served(status(429, "slow down", retry_after="7"), says("Hello."), retries=1, waits=waits) as (_, agents):
        assert (await agents.work(CALL, context())).output == "Hello."
    assert waits.seconds == [7]


async def test_a_rate_limit_that_lasts_too_long_is_left_to_the_steps_own_retry() -> None:
    waits = Waits()
    async with served(status(429, "slow down", retry_after="3600"), retries=5, waits=waits) as (fake, agents):
        error = (await failure(agents)).error
    assert (error.kind, error.retry_after, waits.seconds, len(fake.bodies)) == (ErrorKind.RATE_LIMITED, 3600, [], 1)


async def test_server_errors_are_tried_again_with_growing_delays_and_no_more_often_than_allowed() -> None:
    waits = Waits()
    async with served(status(500, "oops"), retries=3, waits=waits) as (fake, agents):
        assert (await failure(agents)).error.kind is ErrorKind.UNAVAILABLE
    assert waits.seconds == [0.5, 1, 2]
    assert len(fake.bodies) == 4, "the SDK adds no retries of its own"


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (status(401, "who are you"), ErrorKind.DENIED),
        (status(404, "no such model"), ErrorKind.NOT_FOUND),
        (status(400, "bad request"), ErrorKind.INPUT),
        (status(503, "busy"), ErrorKind.UNAVAILABLE),
        (status(302, "elsewhere", location="http://169.254.169.254/"), ErrorKind.MODEL),
        (half_a_stream("Half an ans", politely=False), ErrorKind.MODEL),
        (half_a_stream("Half an ans", politely=True), ErrorKind.MODEL),
        (garbage("{not json"), ErrorKind.MODEL),
        (garbage("[1, 2]"), ErrorKind.MODEL),
        (garbage("<html>"), ErrorKind.MODEL),
    ],
)
async def test_a_misbehaving_provider_gives_an_error_of_its_kind(behaviour: Behaviour, kind: ErrorKind) -> None:
    async with served(behaviour) as (_, agents):
        error = (await failure(agents)).error
    assert error.kind is kind, error.message
    assert "fast" in error.message


async def test_a_cut_stream_is_asked_again_and_only_the_whole_answer_is_recorded() -> None:
    here = context()
    async with served(half_a_stream("Half", politely=False), says("Whole."), retries=1) as (_, agents):
        assert (await agents.work(CALL, here)).output == "Whole."
    assert list(here.journal.records) == ["turn[1]"]


async def test_an_answer_of_ten_megabytes_is_stopped() -> None:
    async with served(endless(10 * 2**20)) as (_, agents):
        error = (await failure(agents)).error
    assert error.kind is ErrorKind.LIMIT
    assert "2,097,152 characters" in error.message


async def test_an_event_without_an_end_is_stopped_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("errands.agents.thinking.providers._LARGEST_ANSWER", 2**20)
    async with served(endless_line(8 * 2**20)) as (_, agents):
        error = (await failure(agents)).error
    assert error.kind is ErrorKind.LIMIT
    assert "1,048,576 bytes" in error.message


async def test_anthropic_answers_over_its_own_api() -> None:
    here = context()
    async with provider(anthropic_says("Guten Tag.", given=2000, made=1000)) as fake:
        url = fake.url.removesuffix("/v1")
        claude = ModelDefinition(
            model="fast", provider="anthropic", name="claude-x", base_url=url, api_key="secret:KEY"
        )
        agents = staff(Models(), known=(claude,))
        performed = await agents.work(CALL, here)
        await agents.aclose()
    assert performed.output == "Guten Tag."
    used = here.journal.usage()
    assert (used.input_tokens, used.output_tokens) == (2000, 1000)


@pytest.mark.parametrize("code", [429, 529, 500])
async def test_anthropic_failing_is_worth_another_try(code: int) -> None:
    waits = Waits()
    async with provider(status(code, "overloaded"), anthropic_says("Fine.", given=1, made=1)) as fake:
        claude = ModelDefinition(
            model="fast", provider="anthropic", name="claude-x", base_url=fake.url[:-3], api_key="secret:KEY", retries=1
        )
        agents = staff(Models(), known=(claude,), waits=waits)
        assert (await agents.work(CALL, context())).output == "Fine."
        await agents.aclose()
    assert len(waits.seconds) == 1


async def test_a_cut_stream_of_anthropic_is_no_answer() -> None:
    async with provider(anthropic_says("Half an ans", given=1, made=1, whole=False)) as fake:
        claude = ModelDefinition(
            model="fast", provider="anthropic", name="claude-x", base_url=fake.url[:-3], api_key="secret:KEY", retries=0
        )
        agents = staff(Models(), known=(claude,))
        assert (await failure(agents)).error.kind is ErrorKind.MODEL
        await agents.aclose()


async def test_ollama_answers_without_a_key() -> None:
    async with provider(says("Hoi.")) as fake:
        llama = ModelDefinition(model="fast", provider="ollama", name="llama3", base_url=fake.url)
        agents = staff(Models(), known=(llama,))
        assert (await agents.work(CALL, context())).output == "Hoi."
        await agents.aclose()
    assert fake.keys == ["Bearer none"]


async def test_structured_output_goes_out_as_a_tool_and_comes_back_checked() -> None:
    schema: JsonObject = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    async with served(calls(("final_result", '{"n": "x"}')), calls(("final_result", '{"n": 4}'))) as (fake, agents):
        performed = await agents.work(AgentCall("Count.", model="fast", output=schema), context())
    assert performed.output == {"n": 4}
    assert fake.bodies[0]["tools"][0]["function"]["parameters"]["properties"]["n"]["type"] == "integer"


async def test_a_hanging_provider_is_given_up_after_the_models_timeout() -> None:
    async with served(hang, timeout=timedelta(seconds=2)) as (fake, agents):
        error = (await failure(agents)).error
        async with asyncio.timeout(5):
            await fake.gone.wait()
    assert error.kind is ErrorKind.TIMEOUT
    assert "2 s" in error.message


async def test_cancellation_closes_the_connection_at_once() -> None:
    async with served(hang, retries=3) as (fake, agents):
        task = asyncio.create_task(agents.work(CALL, context()))
        async with asyncio.timeout(10):
            await fake.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            await fake.gone.wait()
    assert len(fake.bodies) == 1


async def test_nobody_listening_is_a_network_error() -> None:
    async with served(says("x")) as (fake, _):
        url = fake.url.replace(fake.url.split(":")[2], "1/v1")
    nowhere = ModelDefinition(model="fast", provider="openai-compatible", name="x", base_url=url, retries=0)
    agents = staff(Models(), known=(nowhere,))
    assert (await failure(agents)).error.kind is ErrorKind.NETWORK
    await agents.aclose()


async def test_a_budget_shortens_the_answer_it_asks_for_and_a_cut_there_is_a_budget_error() -> None:
    async with served(says("Once upon a", made=60, finish="length")) as (fake, agents):
        error = (await failure(agents, AgentCall("Tell.", model="fast", budget=Budget(tokens=100)))).error
    assert error.kind is ErrorKind.BUDGET
    assert fake.bodies[0]["max_completion_tokens"] < 100


async def test_an_answer_cut_by_the_models_own_limit_is_kept_and_logged() -> None:
    here = context()
    async with served(says("Once upon a", finish="length"), max_output_tokens=50) as (_, agents):
        assert (await agents.work(CALL, here)).output == "Once upon a"
    assert any("may be cut" in line for _, line in here.lines)


async def test_an_address_that_is_not_allowed_is_never_asked() -> None:
    def refuse(url: str) -> None:
        raise StepFailed(ErrorKind.DENIED, f"{url} is not an allowed host for models")

    async with provider(says("x")) as fake:
        fast = ModelDefinition(model="fast", provider="openai-compatible", base_url=fake.url)
        agents = staff(Models(check_url=refuse), known=(fast,))
        assert "not an allowed host" in (await failure(agents)).error.message
        assert fake.bodies == []
        await agents.aclose()


@pytest.mark.parametrize("name", ["openai", "anthropic"])
async def test_a_provider_that_needs_a_key_says_how_to_give_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "from-the-environment")
    model = ModelDefinition(model="fast", provider=name, name="x")
    agents = staff(Models(), known=(model,))
    error = (await failure(agents)).error
    assert error.kind is ErrorKind.SECRET
    assert "errands secrets set" in (error.hint or "")
    await agents.aclose()


@pytest.mark.parametrize("name", ["google", "bedrock"])
async def test_a_provider_that_is_not_installed_names_the_command(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, f"pydantic_ai.models.{name}", None)
    model = ModelDefinition(model="fast", provider=name, name="x", api_key="secret:KEY")
    agents = staff(Models(), known=(model,))
    error = (await failure(agents)).error
    assert f"pip install 'errands[{name}]'" in (error.hint or "")
    await agents.aclose()


async def test_published_prices_are_used_where_none_is_declared() -> None:
    here = context()
    async with provider(says("Hi.", given=1_000_000, made=0)) as fake:
        model = ModelDefinition(model="fast", provider="openai", name="gpt-4o", base_url=fake.url, api_key="secret:KEY")
        agents = staff(Models(), known=(model,))
        await agents.work(CALL, here)
        await agents.aclose()
    assert here.journal.reserves[0].usd > 0


def test_a_run_without_agents_does_not_pay_for_pydantic_ai() -> None:
    code = "import sys, errands.agents; print([m for m in sys.modules if m.split('.')[0] in ('pydantic_ai', 'openai')])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": ""}
    )
    assert done.stdout.strip() == "[]"


def test_what_the_first_agent_loads_is_left_alone_by_the_collector() -> None:
    code = (
        "import gc, asyncio; from errands.agents import Models, scripted; from errands.core.ports import AgentCall\n"
        "from tests.agents.memory_journal import MemoryContext, MemoryJournal; from tests.agents.project import staff\n"
        "agents = staff(Models(extra={'scripted': scripted('Hello.')}))\n"
        "asyncio.run(agents.work(AgentCall('Hi.', model='scripted'), MemoryContext(MemoryJournal())))\n"
        "print(len(gc.get_objects()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": "."}
    )
    assert int(done.stdout) < 20_000, "else each full collection halts all runs while it walks the library"


class _Pace:
    """Has room only for the third asking."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.settled: list[int] = []

    async def take(self, model_id: str, rate: Rate, tokens: int) -> float:
        self.asked.append((model_id, rate.requests or 0))
        return 0.0 if len(self.asked) > 2 else 20.0

    async def settle(self, model_id: str, tokens: int) -> None:
        self.settled.append(tokens)


async def test_a_model_over_its_rate_is_waited_for_and_what_it_used_is_counted() -> None:
    here, pace, waits = context(), _Pace(), Waits()
    async with provider(says("Hi.", given=30, made=4)) as fake:
        model = KnownModel(
            model="fast",
            provider="openai-compatible",
            name="tiny",
            base_url=fake.url,
            rate=Rate(requests=5),
            model_id="m-1",
        )
        agents = staff(Models(pace=pace), known=(model,), waits=waits)
        done = await agents.work(CALL, here)
        await agents.aclose()
    assert done.output == "Hi."
    assert (waits.seconds, pace.asked) == ([20.0, 20.0], [("m-1", 5)] * 3)
    assert len(pace.settled) == 1
