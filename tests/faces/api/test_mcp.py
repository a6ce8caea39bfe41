"""Errands as a tool server, driven by the SDK's own client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import httpx2
import pytest
from fastapi import FastAPI
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import TextContent

from errands.api.mcp.calls import until_still
from errands.core.access import ProjectRole, Scope
from errands.services import Services
from errands.services.views import StepChanged
from tests.faces.api.conftest import OPERATOR, apply, token_of
from tests.faces.made_up import step

_HELLO = """
task: hello
title: Hello
description: Says hello.
params: {name: {type: string, minLength: 2, default: world}}
steps:
  - {id: said, python: "'hello ' + name"}
  - {id: again, python: "said + '!'"}
output: "{{ again }}"
"""
_ASK = """
task: ask
description: Asks.
steps:
  - {id: ok, approve: {question: "Go on?", choices: [yes_please, no_thanks]}}
output: "{{ ok['choice'] }}"
"""
_FAIL = "task: broken\ndescription: Fails.\nsteps: [{id: bad, python: '1 / 0'}]\n"


@asynccontextmanager
async def _connected(app: FastAPI, token: str, base: str = "http://errands.test") -> AsyncIterator[Client]:
    transport = httpx2.ASGITransport(app)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(transport=transport, headers=headers) as http,
        Client(streamable_http_client(f"{base}/mcp", http_client=http)) as client,
    ):
        yield client


@pytest.fixture
async def olga(services: Services, admin: httpx.AsyncClient) -> str:
    """The token of an operator of the project with three tasks."""
    await apply(admin, _HELLO, _ASK, _FAIL)
    return await token_of(services, "olga", project=ProjectRole.OPERATOR)


async def _call(client: Client, name: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result.content
    return dict(result.structured_content)


async def test_published_tasks_are_tools_with_their_arguments(app: FastAPI, olga: str) -> None:
    async with _connected(app, olga) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {
            "start_run",
            "get_run",
            "list_approvals",
            "answer_approval",
            "default__hello",
            "default__ask",
            "default__broken",
        }
        hello = tools["default__hello"]
        assert hello.title == "Hello"
        assert hello.description == "Says hello.\n\nTask hello of project default."
        assert hello.input_schema["properties"]["name"]["minLength"] == 2


@pytest.mark.usefixtures("worker")
async def test_a_call_runs_the_task_and_gives_its_output_with_progress(app: FastAPI, olga: str) -> None:
    async with _connected(app, olga) as client:
        told: list[tuple[float, str | None]] = []

        async def progress(progress: float, total: float | None, message: str | None) -> None:
            told.append((progress, message))

        result = await client.call_tool("default__hello", {"name": "ana"}, progress_callback=progress)
        assert result.structured_content["status"] == "succeeded"
        assert result.structured_content["output"] == "hello ana!"
        assert [done for done, _ in told] == sorted(done for done, _ in told)


async def test_a_step_that_is_told_twice_is_progress_once() -> None:
    class Told:
        async def follow(self, caller: object, run: str) -> AsyncIterator[object]:
            for path in ("lines[0].line", "lines[1].line", "lines[0].line"):
                yield StepChanged(step(path))

    told: list[tuple[float, str]] = []

    async def progress(done: float, message: str) -> None:
        told.append((done, message))

    services: Any = SimpleNamespace(runs=Told())
    nobody: Any = None
    await until_still(services, nobody, "run", progress)
    assert told == [(1.0, "lines[0].line: succeeded"), (2.0, "lines[1].line: succeeded")]


@pytest.mark.usefixtures("worker")
async def test_a_run_that_asks_is_told_at_once_answered_and_looked_at_again(app: FastAPI, olga: str) -> None:
    async with _connected(app, olga) as client:
        asked = await _call(client, "default__ask")
        assert (asked["status"], asked["waiting_for"][0]["kind"]) == ("waiting", "approval")
        (question,) = (await _call(client, "list_approvals"))["approvals"]
        assert question["question"] == "Go on?"
        refused = await client.call_tool("answer_approval", {"approval": asked["run"], "choice": "maybe"})
        assert refused.is_error
        await _call(client, "answer_approval", approval=asked["run"], choice="yes_please")
        ended = await _call(client, "get_run", run=asked["run"], wait_seconds=30)
        assert (ended["status"], ended["output"]) == ("succeeded", "yes_please")


@pytest.mark.usefixtures("worker")
async def test_a_failed_run_is_told_with_its_error(app: FastAPI, olga: str) -> None:
    async with _connected(app, olga) as client:
        failed = await _call(client, "default__broken")
        assert (failed["status"], failed["error"]["step"]) == ("failed", "bad")


async def test_start_run_does_not_wait_and_a_key_counts_once(app: FastAPI, olga: str) -> None:
    async with _connected(app, olga) as client:
        wanted = {"project": "default", "task": "hello", "idempotency_key": "k1"}
        first = await _call(client, "start_run", **wanted)
        assert (await _call(client, "start_run", **wanted))["run"] == first["run"]
        assert (await _call(client, "get_run", run=first["run"]))["status"] == "queued"


async def test_wrong_calls_are_told_what_is_wrong_and_change_nothing(
    app: FastAPI, olga: str, services: Services
) -> None:
    async with _connected(app, olga) as client:
        for name, arguments, said in (
            ("default__hello", {"name": "x"}, "No run was made; its arguments are wrong. name:"),
            ("default__hello", {"nam": "ana"}, "nam"),
            ("default__nope", {}, "There is no task 'nope'"),
            ("nope", {}, "There is no tool 'nope'"),
            ("start_run", {"task": "hello"}, "project: Field required"),
            ("get_run", {"run": "run_1"}, "There is no run"),
            ("get_run", {"run": "run_1", "wait_seconds": 1e9}, "wait_seconds"),
        ):
            result = await client.call_tool(name, arguments)
            assert result.is_error, name
            (text,) = result.content
            assert isinstance(text, TextContent)
            assert said in text.text
        assert (await services.runs.list(OPERATOR, "default")).items == ()


async def test_each_person_is_offered_what_that_person_may_run(
    app: FastAPI, services: Services, admin: httpx.AsyncClient
) -> None:
    await apply(admin, _HELLO)
    viewer = await token_of(services, "vera", project=ProjectRole.VIEWER)
    reader = await token_of(services, "rita", project=ProjectRole.OPERATOR, scopes=[Scope.READ])
    for token in (viewer, reader):
        async with _connected(app, token) as client:
            assert not any("__" in tool.name for tool in (await client.list_tools()).tools)
            result = await client.call_tool("default__hello", {})
            assert result.is_error
    assert (await services.runs.list(OPERATOR, "default")).items == ()


async def test_any_host_name_will_do_since_only_the_token_counts(
    app: FastAPI, services: Services, admin: httpx.AsyncClient
) -> None:
    await apply(admin, _HELLO)
    token = await token_of(services, "olga", project=ProjectRole.OPERATOR)
    async with _connected(app, token, base="https://errands.example.com:8443") as client:
        assert any(tool.name == "default__hello" for tool in (await client.list_tools()).tools)


async def test_without_a_token_a_client_is_told_where_to_read_what_is_asked_for(anonymous: httpx.AsyncClient) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic YTpi"}):
        answer = await anonymous.post("/mcp", json={}, headers=headers)
        assert answer.status_code == 401
        where = "http://errands.test/.well-known/oauth-protected-resource/mcp"
        assert answer.headers["www-authenticate"] == f'Bearer resource_metadata="{where}"'
    described = (await anonymous.get("/.well-known/oauth-protected-resource/mcp")).json()
    assert described["resource"] == "http://errands.test/mcp"
    assert "run" in described["scopes_supported"]


async def test_what_is_no_message_is_refused_and_only_post_is_taken(
    anonymous: httpx.AsyncClient, services: Services, admin: httpx.AsyncClient
) -> None:
    assert (await anonymous.get("/mcp")).status_code == 405
    assert (await anonymous.delete("/mcp")).status_code == 405
    accept = {"Accept": "application/json, text/event-stream"}
    for body in (b"", b"{", b"[]", b'{"jsonrpc": "2.0"}', b"\xff"):
        answer = await admin.post("/mcp", content=body, headers={**accept, "Content-Type": "application/json"})
        assert 400 <= answer.status_code < 500, (body, answer.status_code, answer.text)
