"""Google and Amazon, by their own APIs, spoken to a server on loopback; their SDKs add no retries."""

import binascii
import json
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from errands.agents import Agents, Models
from errands.core.definition.agents import ModelDefinition
from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.ports import AgentCall
from tests.agents.fake_provider import Behaviour, FakeProvider, Writer, hang, provider, status
from tests.agents.memory_journal import MemoryContext, MemoryJournal
from tests.agents.project import ALL, Tools, Waits, staff

CALL = AgentCall("Hello?", model="fast")
_MADE_UP = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "made-up-for-a-test",
}
_AWS = ("AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION")


@pytest.fixture(autouse=True)
def _credentials_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of this machine's; of AWS made-up ones in the environment, for its SDK sends no key in the clear."""
    for name in (*_AWS, "GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in _MADE_UP.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")


@asynccontextmanager
async def served(
    name: str, *behaviours: Behaviour, waits: Waits | None = None, tools: Tools | None = None, **settings: Any
) -> AsyncIterator[tuple[FakeProvider, Agents]]:
    async with provider(*behaviours) as fake:
        key = "secret:KEY" if name == "google" else None
        given = {"retries": 0, "api_key": key, "base_url": fake.url.removesuffix("/v1"), **settings}
        fast = ModelDefinition(model="fast", provider=name, name="some-model", **given)
        agents = staff(Models(), known=(fast,), waits=waits, tools=tools)
        try:
            yield fake, agents
        finally:
            await agents.aclose()


def context() -> MemoryContext:
    return MemoryContext(MemoryJournal(), granted=ALL, secrets={"KEY": "k-very-secret"})


async def failure(agents: Agents) -> StepFailed:
    with pytest.raises(StepFailed) as failed:
        await agents.work(CALL, context())
    return failed.value


def google_says(*parts: Mapping[str, Any], finish: str | None = "STOP") -> Behaviour:
    candidate = {"content": {"role": "model", "parts": [*parts]}, **({"finishReason": finish} if finish else {})}
    counted = {"promptTokenCount": 40, "candidatesTokenCount": 5, "totalTokenCount": 45}
    event = {"candidates": [candidate], "usageMetadata": counted, "modelVersion": "some-model"}

    async def behave(writer: Writer) -> None:
        body = f"data: {json.dumps(event)}\r\n\r\n".encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return behave


def bedrock_says(*blocks: Mapping[str, Any], stop: str | None = "end_turn") -> Behaviour:
    events: list[tuple[str, Mapping[str, Any]]] = [("messageStart", {"role": "assistant"})]
    for place, block in enumerate(blocks):
        events += [(kind, {"contentBlockIndex": place, **said}) for kind, said in block.items()]
        events.append(("contentBlockStop", {"contentBlockIndex": place}))
    if stop is not None:
        events.append(("messageStop", {"stopReason": stop}))
        counted = {"inputTokens": 40, "outputTokens": 5, "totalTokens": 45}
        events.append(("metadata", {"usage": counted, "metrics": {"latencyMs": 1}}))

    async def behave(writer: Writer) -> None:
        body = b"".join(_event(kind, said) for kind, said in events)
        head = (
            "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()

    return behave


def _event(kind: str, said: Mapping[str, Any]) -> bytes:
    """One message of Amazon's event stream: lengths, headers and payload, each with its checksum."""
    payload = json.dumps(said).encode()
    named = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for name, value in named.items()
    )
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    whole = prelude + struct.pack("!I", binascii.crc32(prelude)) + headers + payload
    return whole + struct.pack("!I", binascii.crc32(whole))


SAYS = {
    "google": google_says({"text": "Guten Tag."}),
    "bedrock": bedrock_says({"contentBlockDelta": {"delta": {"text": "Guten Tag."}}}),
}
USES = {
    "google": google_says({"functionCall": {"name": "mail_send", "args": {"to": "ana"}}}),
    "bedrock": bedrock_says(
        {
            "contentBlockStart": {"start": {"toolUse": {"toolUseId": "t1", "name": "mail_send"}}},
            "contentBlockDelta": {"delta": {"toolUse": {"input": '{"to": "ana"}'}}},
        },
        stop="tool_use",
    ),
}
HALF = {
    "google": google_says({"text": "Guten"}, finish=None),
    "bedrock": bedrock_says({"contentBlockDelta": {"delta": {"text": "Guten"}}}, stop=None),
}


@pytest.mark.parametrize("name", ["google", "bedrock"])
async def test_an_answer_comes_over_the_provider_s_own_api_and_is_counted(name: str) -> None:
    here = context()
    async with served(name, SAYS[name], price={"input": 1, "output": 2}) as (fake, agents):
        assert (await agents.work(CALL, here)).output == "Guten Tag."
    used = here.journal.usage()
    assert (used.input_tokens, used.output_tokens, str(used.usd)) == (40, 5, "0.00005")
    assert "Hello?" in json.dumps(fake.bodies[0])
    assert not any("k-very-secret" in record.request + record.output for record in here.journal.records.values())


@pytest.mark.parametrize("name", ["google", "bedrock"])
async def test_tools_are_offered_called_and_answered(name: str) -> None:
    tools = Tools()
    async with served(name, USES[name], SAYS[name], tools=tools) as (fake, agents):
        done = await agents.work(AgentCall("Send.", model="fast", tools=("mail.send",)), context())
    assert done.output == "Guten Tag."
    assert [(tool, arguments) for tool, arguments, _ in tools.done] == [("mail.send", {"to": "ana"})]
    assert "mail_send" in json.dumps(fake.bodies[0])


@pytest.mark.parametrize("name", ["google", "bedrock"])
@pytest.mark.parametrize(
    ("code", "kind"), [(500, ErrorKind.UNAVAILABLE), (403, ErrorKind.DENIED), (429, ErrorKind.RATE_LIMITED)]
)
async def test_a_failing_provider_gives_an_error_of_its_kind_and_is_asked_as_often_as_we_say(
    name: str, code: int, kind: ErrorKind
) -> None:
    waits = Waits()
    async with served(name, status(code, "no"), retries=1, waits=waits) as (fake, agents):
        error = (await failure(agents)).error
    assert error.kind is kind, error.message
    assert "k-very-secret" not in error.message
    assert len(fake.bodies) == (1 if kind is ErrorKind.DENIED else 2), "the SDK adds no retries of its own"


@pytest.mark.parametrize("name", ["google", "bedrock"])
async def test_half_an_answer_is_none(name: str) -> None:
    async with served(name, HALF[name]) as (_, agents):
        assert (await failure(agents)).error.kind is ErrorKind.MODEL


@pytest.mark.parametrize("name", ["google", "bedrock"])
async def test_a_hanging_provider_is_given_up(name: str) -> None:
    async with served(name, hang, timeout="300ms") as (_, agents):
        assert (await failure(agents)).error.kind is ErrorKind.TIMEOUT


async def test_bedrock_without_a_region_or_credentials_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _MADE_UP:
        monkeypatch.delenv(name)
    nowhere = ModelDefinition(model="fast", provider="bedrock", name="some-model", retries=0)
    agents = staff(Models(), known=(nowhere,))
    error = (await failure(agents)).error
    assert error.kind is ErrorKind.INPUT
    assert "AWS_DEFAULT_REGION" in (error.hint or "")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    error = (await failure(agents)).error
    assert (error.kind, "credentials" in error.message.lower()) == (ErrorKind.DENIED, True)
    await agents.aclose()


async def test_a_key_of_bedrock_is_not_sent_in_the_clear() -> None:
    async with served("bedrock", SAYS["bedrock"], api_key="secret:KEY") as (fake, agents):
        error = (await failure(agents)).error
    assert "requires an HTTPS endpoint" in error.message
    assert fake.bodies == []
