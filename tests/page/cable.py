"""A cable between the browser and the server that a test can pull and plug in again."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Cable:
    """Carries bytes to a server on loopback, both ways."""

    def __init__(self, server: str) -> None:
        self._port = urlsplit(server).port
        self._open: set[asyncio.StreamWriter] = set()
        self._pulled = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self.url = ""

    def pull(self) -> None:
        """Cut every connection, and let none come about until `plug`."""
        self._pulled = True
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(10)

    def plug(self) -> None:
        """Let connections come about again."""
        self._pulled = False

    async def serve(self, ready: threading.Event, leave: threading.Event) -> None:
        """Carry until `leave` is set."""
        self._loop = asyncio.get_running_loop()
        async with await asyncio.start_server(self._carry, "127.0.0.1", 0) as server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            ready.set()
            await asyncio.to_thread(leave.wait)
            await self._cut()

    async def _cut(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._pulled:
            writer.transport.abort()
            return
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._port)
        self._open |= {writer, to_server}
        await asyncio.gather(_pour(reader, to_server), _pour(from_server, writer))
        self._open -= {writer, to_server}


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextmanager
def cable(server: str) -> Iterator[Cable]:
    """A cable to this server, in a thread of its own: the browser's event loop runs in that of the tests."""
    ready, leave, made = threading.Event(), threading.Event(), Cable(server)
    thread = threading.Thread(target=asyncio.run, args=(made.serve(ready, leave),), daemon=True)
    thread.start()
    assert ready.wait(10)
    yield made
    leave.set()
    thread.join(10)
