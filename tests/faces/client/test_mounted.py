"""Requests to an application in this process: parts come at once, and whoever leaves ends the work."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import httpx
import pytest

from errands.cli.client.mounted import CALLER, DEFECTS, MountedTransport
from errands.core.access import SystemPrincipal

ANA = SystemPrincipal("operator", "operator", acts_as="user:ana")
BOB = SystemPrincipal("operator", "operator", acts_as="user:bob")
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class App:
    """Answers in two parts, the second when it is told to; echoes what it was asked."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.gone = asyncio.Event()
        self.scope: MutableMapping[str, Any] = {}
        self.body = b""

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        self.scope, self.body = scope, (await receive())["body"]
        if scope["path"] == "/defect":
            scope[DEFECTS].append(KeyError("spam"))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"1")]})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.gone.set()
            raise
        await send({"type": "http.response.body", "body": b"two"})


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
async def client(app: App) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=MountedTransport(app, ANA), base_url="http://x") as client:
        yield client


async def test_a_part_is_read_while_the_application_still_works_on_the_next(
    app: App, client: httpx.AsyncClient
) -> None:
    async with client.stream("GET", "/a%2Fb?q=%C3%BC") as answer:
        parts = answer.aiter_bytes()
        assert await anext(parts) == b"one"
        assert not app.go_on.is_set()
        app.go_on.set()
        assert await anext(parts) == b"two"
    assert (answer.status_code, answer.headers["x-a"]) == (200, "1")
    assert (app.scope["path"], app.scope["raw_path"], app.scope["query_string"]) == ("/a/b", b"/a%2Fb", b"q=%C3%BC")


async def test_whoever_leaves_ends_the_work(app: App, client: httpx.AsyncClient) -> None:
    async with client.stream("POST", "/", content=b"body") as answer:
        assert await anext(answer.aiter_bytes()) == b"one"
    assert app.gone.is_set()
    assert app.body == b"body"


async def test_the_caller_goes_along_and_can_be_another_for_one_request(app: App, client: httpx.AsyncClient) -> None:
    app.go_on.set()
    await client.get("/")
    assert app.scope[CALLER] is ANA
    await client.get("/", extensions={CALLER: BOB})
    assert app.scope[CALLER] is BOB


async def test_what_nobody_has_foreseen_is_raised_as_it_is(client: httpx.AsyncClient) -> None:
    with pytest.raises(KeyError, match="spam"):
        await client.get("/defect")
