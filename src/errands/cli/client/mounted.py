"""Requests to an API in this process. httpx has a transport of the kind, but that one gives an answer only when it is
complete; ours gives each part of it at once, so that a run can be followed.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from errands.cli.client.http import httpx
from errands.core.access import Principal

Message = MutableMapping[str, Any]
Application = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]
"""An ASGI application."""
CALLER = "errands.caller"
"""Key of the request's extensions and of the application's scope: who calls."""
DEFECTS = "errands.defects"
"""Key of the scope for a list, where the application puts an error that nobody has foreseen, for us to raise it."""
_PARTS_AHEAD = 64


class MountedTransport(httpx.AsyncBaseTransport):
    """Calls an ASGI application for each request, as the caller that the request names, or else as `caller`."""

    def __init__(self, app: Application, caller: Principal) -> None:
        self._app = app
        self._caller = caller

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Give the answer as soon as it begins."""
        body = await request.aread()
        exchange = _Exchange(_scope(request, request.extensions.get(CALLER, self._caller)), body)
        exchange.begin(self._app)
        start = await exchange.part()
        if exchange.defects:
            await exchange.aclose()
            raise exchange.defects[0]
        assert start is not None, "the application ended without an answer"
        return httpx.Response(start["status"], headers=start["headers"], stream=exchange)


class _Exchange(httpx.AsyncByteStream):
    """One request and its answer, which is read as the application gives it."""

    def __init__(self, scope: MutableMapping[str, Any], body: bytes) -> None:
        self.defects: list[Exception] = scope[DEFECTS]
        self._scope = scope
        self._body: bytes | None = body
        self._parts: asyncio.Queue[Message | None] = asyncio.Queue(_PARTS_AHEAD)
        self._gone = asyncio.Event()
        self._answering: asyncio.Task[None] | None = None

    def begin(self, app: Application) -> None:
        """Let the application answer."""
        self._answering = asyncio.create_task(self._answer(app))

    async def part(self) -> Message | None:
        """The next part of the answer; None at its end. Raises what the application raised."""
        message = await self._parts.get()
        if message is None and self._answering is not None:
            await self._answering
        return message

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (message := await self.part()) is not None:
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body"):
                return

    async def aclose(self) -> None:
        """Tell the application that nobody listens any more, and end it."""
        self._gone.set()
        if self._answering is not None:
            self._answering.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._answering

    async def _answer(self, app: Application) -> None:
        try:
            await app(self._scope, self._receive, self._parts.put)
        finally:
            if not self._gone.is_set():
                await self._parts.put(None)

    async def _receive(self) -> Message:
        if self._body is None:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


def _scope(request: httpx.Request, caller: Principal) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.partition(b"?")[0],
        "query_string": request.url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 0),
        "state": {},
        CALLER: caller,
        DEFECTS: [],
    }
