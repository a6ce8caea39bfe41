"""The API on a socket: uvicorn, in the event loop of the process, until it is told to stop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import uvicorn
from fastapi import FastAPI

from errands.services.errors import Unavailable
from errands.services.people_views import LinkMade


class Listening:
    """A server that listens."""

    def __init__(
        self, url: str, first_link: LinkMade | None, parts: "Sequence[asyncio.Task[None]]", mail: str | None = None
    ) -> None:
        self.url = url
        """Where it is reached from this machine, such as `http://127.0.0.1:8420`."""
        self.first_link = first_link
        """The secret that makes the first administrator; None where there is somebody already."""
        self.mail = mail
        """Where mail is taken, such as `127.0.0.1:2525`; None: nowhere."""
        self._parts = parts

    async def ended(self) -> None:
        """Returns when a part of it has ended by itself, which none should; raises what ended it."""
        done, _ = await asyncio.wait(self._parts, return_when=asyncio.FIRST_COMPLETED)
        for part in done:
            part.result()


def take_address(host: str, port: int) -> socket.socket:
    """Take the address before anything is started on it. `port` 0: any that is free.

    Raises Unavailable where it cannot be taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        taken = socket.socket(family, kind, protocol)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(address)
        except OSError:
            taken.close()
            raise
    except OSError as error:
        hint = "Choose another: --port, or the setting ERRANDS_PORT."
        raise Unavailable(f"{host}:{port} cannot be listened on: {error.strerror or error}.", hint) from None
    taken.setblocking(False)
    return taken


@asynccontextmanager
async def listening(
    app: FastAPI,
    taken: socket.socket,
    grace: timedelta,
    *,
    first_link: LinkMade | None = None,
    ended: "asyncio.Task[None] | None" = None,
    mail: str | None = None,
    proxies: Sequence[str] = ("127.0.0.1", "::1"),
) -> AsyncIterator[Listening]:
    """Serve the app while this is entered. At the end streams are ended, and requests have `grace` to finish.

    `taken`: its address, closed at the end. `ended`: work of the same process that should not end. `proxies`: addresses
    and networks that are believed when they say for whom they ask.
    """
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            forwarded_allow_ips=list(proxies),
            timeout_graceful_shutdown=max(int(grace.total_seconds()), 1),
            timeout_keep_alive=30,
            h11_max_incomplete_event_size=64 * 2**10,
        )
    )
    serving = asyncio.create_task(server.serve([taken]), name="api")
    try:
        await server.listens(serving)
        yield Listening(_url(taken), first_link, [serving] if ended is None else [serving, ended], mail)
    finally:
        app.state.followers.close()
        server.should_exit = True
        await serving
        taken.close()


class _Server(uvicorn.Server):
    """Leaves signals to the command, and tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._listens = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listens.set()

    async def listens(self, serving: "asyncio.Task[None]") -> None:
        """Returns once it listens; raises what kept it from that."""
        waiting = asyncio.create_task(self._listens.wait())
        await asyncio.wait({waiting, serving}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            waiting.cancel()
            serving.result()


def _url(taken: socket.socket) -> str:
    host, port = taken.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"
