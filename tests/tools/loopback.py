"""A real HTTP server on loopback, small enough to misbehave exactly as a test wants."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Request:
    """What a loopback server was sent."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Handler = Callable[[Request], Awaitable[bytes] | bytes]


@dataclass
class Web:
    """An HTTP server on loopback: paths and the raw answers that they give."""

    port: int
    routes: dict[str, Handler] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/") -> str:
        return f"http://{self.host}{path}"

    def answer(self, path: str, body: bytes | str = b"", status: int = 200, **headers: str) -> None:
        self.routes[path] = lambda _: response(body, status, **headers)


def response(body: bytes | str = b"", status: int = 200, **headers: str) -> bytes:
    """An HTTP answer as bytes; `content_type="..."` becomes a header."""
    content = body if isinstance(body, bytes) else body.encode()
    named = {"content-length": str(len(content))} | {key.replace("_", "-"): value for key, value in headers.items()}
    head = "".join(f"{key}: {value}\r\n" for key, value in named.items())
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + content


@asynccontextmanager
async def serving(host: str = "127.0.0.1") -> AsyncIterator[Web]:
    """A server that reads one request after the other and answers with what its route gives."""
    web = Web(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _request(reader)) is not None:
                web.requests.append(request)
                web.arrived.set()
                handler = web.routes.get(request.target.split("?")[0])
                answer = handler(request) if handler else response("nothing here", 404)
                if not isinstance(answer, bytes):
                    # A handler that waits ends when its client has gone.
                    waiting = asyncio.ensure_future(answer)
                    gone = asyncio.ensure_future(reader.read(1))
                    await asyncio.wait([waiting, gone], return_when=asyncio.FIRST_COMPLETED)
                    if not waiting.done():
                        waiting.cancel()
                        return
                    gone.cancel()
                    answer = waiting.result()
                writer.write(answer)
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            web.left.set()
            writer.close()

    server = await asyncio.start_server(serve, host, 0)
    web.port = server.sockets[0].getsockname()[1]
    try:
        yield web
    finally:
        server.close()


async def _request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body)
