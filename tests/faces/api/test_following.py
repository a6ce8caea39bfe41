"""Following runs over a real socket: nothing is missed between two connections, and a server stops in time."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from errands.api.serving import Listening, listening, take_address
from errands.core.access import ServerRole
from errands.services import Services
from tests.faces.api.conftest import apply, token_of

_TALKS = """
task: talks
description: Logs, waits for an event, logs.
grants: {tools: [log]}
steps:
  - {id: one, tool: log, with: {message: first}}
  - {id: two, tool: log, with: {message: second}}
  - {id: heard, wait_for: {event: go-on, timeout: 1d}}
  - {id: three, tool: log, with: {message: third}}
output: "{{ heard }}"
"""


@dataclass
class Event:
    """One server-sent event."""

    id: str
    kind: str
    data: dict[str, object]


async def _events(answer: httpx.Response) -> AsyncIterator[Event]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
            continue
        if "data" in fields:
            yield Event(fields["id"], fields["event"], json.loads(fields["data"]))
        fields = {}


@pytest.fixture
async def server(app: FastAPI) -> AsyncIterator[Listening]:
    async with listening(app, take_address("127.0.0.1", 0), timedelta(seconds=5)) as served:
        yield served


@pytest.fixture
async def client(server: Listening, services: Services) -> AsyncIterator[httpx.AsyncClient]:
    token = await token_of(services, "root", ServerRole.ADMIN)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=20) as client:
        yield client


async def _waiting_run(client: httpx.AsyncClient) -> str:
    """A run that has logged twice and waits; its lines have their place in the log."""
    await apply(client, _TALKS)
    run = str((await client.post("/api/v1/projects/default/tasks/talks/runs", json={})).json()["id"])
    async with client.stream("GET", f"/api/v1/runs/{run}/events") as answer:
        async for event in _events(answer):
            if event.data.get("status") == "waiting" and event.kind in ("run", "snapshot"):
                break
    return await _with_lines(client, run)


async def _with_lines(client: httpx.AsyncClient, run: str) -> str:
    """The run, once both lines have their place in its log: somebody who comes later is told them with their ids."""
    while True:
        lines = (await client.get(f"/api/v1/runs/{run}/logs")).json()
        if len(lines) == 2:
            return run


@pytest.mark.usefixtures("worker")
async def test_a_broken_stream_is_taken_up_without_a_gap_and_without_telling_a_line_twice(
    client: httpx.AsyncClient,
) -> None:
    run = await _waiting_run(client)
    first: list[Event] = []
    async with client.stream("GET", f"/api/v1/runs/{run}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for event in _events(answer):
            first.append(event)
            if sum(one.kind == "log" for one in first) == 2:
                break
    assert first[0].kind == "snapshot"
    await client.post("/api/v1/projects/default/events", json={"name": "go-on", "payload": "went"})
    second: list[Event] = []
    async with client.stream("GET", f"/api/v1/runs/{run}/events", headers={"Last-Event-ID": first[-1].id}) as answer:
        second = [event async for event in _events(answer)]
    assert [second[0].kind, second[-1].kind] == ["snapshot", "ended"]
    assert second[-1].data["output"] == "went"
    said = [event.data["message"] for event in [*first, *second] if event.kind == "log"]
    assert said == ["first", "second", "third"]


@pytest.mark.usefixtures("worker")
async def test_a_run_that_has_ended_is_told_whole(client: httpx.AsyncClient) -> None:
    run = await _waiting_run(client)
    await client.post("/api/v1/projects/default/events", json={"name": "go-on"})
    async with client.stream("GET", f"/api/v1/runs/{run}/events") as answer:
        assert [event async for event in _events(answer)][-1].kind == "ended"
    async with client.stream("GET", f"/api/v1/runs/{run}/events") as answer:
        told = [event async for event in _events(answer)]
    assert [event.kind for event in told] == ["snapshot", "log", "log", "log", "ended"]
    assert [int(event.id) for event in told] == sorted(int(event.id) for event in told)


@pytest.mark.usefixtures("worker")
async def test_many_follow_one_run_and_none_misses_its_end(client: httpx.AsyncClient) -> None:
    run = await _waiting_run(client)
    following = 0
    all_follow = asyncio.Event()

    async def follow() -> list[str]:
        nonlocal following
        kinds = []
        async with client.stream("GET", f"/api/v1/runs/{run}/events") as answer:
            async for event in _events(answer):
                kinds.append(event.kind)
                if event.kind == "snapshot":
                    following += 1
                    if following == 40:
                        all_follow.set()
        return kinds

    followers = [asyncio.create_task(follow()) for _ in range(40)]
    await all_follow.wait()
    await client.post("/api/v1/projects/default/events", json={"name": "go-on"})
    assert {kinds[-1] for kinds in await asyncio.gather(*followers)} == {"ended"}


@pytest.mark.usefixtures("worker")
async def test_a_server_with_open_streams_stops_within_its_grace(app: FastAPI, services: Services) -> None:
    token = await token_of(services, "root", ServerRole.ADMIN)
    headers = {"Authorization": f"Bearer {token}"}
    loop = asyncio.get_running_loop()
    async with httpx.AsyncClient(headers=headers, timeout=20) as client:
        async with listening(app, take_address("127.0.0.1", 0), timedelta(seconds=20)) as server:
            client.base_url = httpx.URL(server.url)
            run = await _waiting_run(client)
            stream = await client.send(client.build_request("GET", f"/api/v1/runs/{run}/events"), stream=True)
            events = _events(stream)
            assert (await anext(events)).kind == "snapshot"
            began = loop.time()
        assert loop.time() - began < 5
        assert "ended" not in [event.kind async for event in events]
        with pytest.raises(httpx.ConnectError):
            await client.get("/healthz")


async def test_an_address_that_is_taken_is_told_so(server: Listening) -> None:
    from errands.services.errors import Unavailable

    port = int(server.url.rpartition(":")[2])
    with pytest.raises(Unavailable, match="cannot be listened on"):
        take_address("127.0.0.1", port)
