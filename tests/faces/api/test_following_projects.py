"""Following a project over a real socket: its runs as they move, its things as they change."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from errands.api.serving import Listening, listening, take_address
from errands.core.access import ServerRole
from errands.services import Services
from tests.faces.api.conftest import apply, token_of
from tests.faces.api.test_following import Event, _events

_HELLO = "task: hello\ndescription: Says hello.\nsteps: [{id: say, finish: {output: hello}}]\n"
_OTHER = _HELLO.replace("task: hello", "task: other")
_EVENTS = "/api/v1/projects/default/events"


@pytest.fixture
async def server(app: FastAPI) -> AsyncIterator[Listening]:
    async with listening(app, take_address("127.0.0.1", 0), timedelta(seconds=5)) as served:
        yield served


@pytest.fixture
async def client(server: Listening, services: Services) -> AsyncIterator[httpx.AsyncClient]:
    token = await token_of(services, "root", ServerRole.ADMIN)
    async with httpx.AsyncClient(
        base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=20
    ) as client:
        yield client


async def _run(client: httpx.AsyncClient, task: str = "hello") -> str:
    started = await client.post(f"/api/v1/projects/default/tasks/{task}/runs?wait=20s", json={})
    return str(started.json()["id"])


async def _until_ended(answer: httpx.Response, run: str) -> list[Event]:
    """What is told up to the end of a run."""
    told = []
    async for event in _events(answer):
        told.append(event)
        if event.kind == "run" and event.data["id"] == run and event.data["status"] == "succeeded":
            return told
    raise AssertionError(f"the stream ended before {run} did")


@pytest.mark.usefixtures("worker")
async def test_a_client_that_comes_back_is_told_what_runs_did_meanwhile_and_nothing_twice(
    client: httpx.AsyncClient,
) -> None:
    await apply(client, _HELLO)
    before = await _run(client)
    async with client.stream("GET", _EVENTS, headers={"Last-Event-ID": "0"}) as answer:
        first = await _until_ended(answer, before)
    missed = await _run(client)
    async with client.stream("GET", _EVENTS, headers={"Last-Event-ID": first[-1].id}) as answer:
        second = await _until_ended(answer, missed)
    assert {event.data["id"] for event in second if event.kind == "run"} == {missed}
    numbers = [int(event.id) for event in [*first, *second]]
    assert numbers == sorted(numbers)


@pytest.mark.usefixtures("worker")
async def test_runs_and_changes_are_told_as_they_happen(client: httpx.AsyncClient) -> None:
    await apply(client, _HELLO)
    await _run(client)
    async with client.stream("GET", _EVENTS, headers={"Last-Event-ID": "0"}) as answer:
        events = _events(answer)
        await anext(events)  # The run that was there: from here on everything is heard.
        await apply(client, _OTHER)
        run = await _run(client, "other")
        told = []
        async for event in events:
            told.append(event)
            ended = any(one.data.get("id") == run and one.data["status"] == "succeeded" for one in told)
            if ended and any(one.kind == "changed" and one.data["name"] == "other" for one in told):
                break
    assert "lost" not in {event.kind for event in told}


async def test_somebody_without_the_right_hears_nothing(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.get(_EVENTS)).status_code == 403


async def test_nothing_is_looked_at_once_nobody_follows_any_more(client: httpx.AsyncClient, services: Services) -> None:
    await apply(client, _HELLO)
    await client.post("/api/v1/projects/default/tasks/hello/runs", json={})
    tail = services.activity._tail
    async with client.stream("GET", _EVENTS, headers={"Last-Event-ID": "0"}) as answer:
        await anext(_events(answer))
        assert tail._looking is not None
        looking = tail._looking
    await looking
    assert tail._looking is None
