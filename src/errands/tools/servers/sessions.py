"""Sessions that calls share: one for each tool server, project and set of secrets, ended when nobody needs it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from errands.core.tool_servers import HttpConnection, ProgramConnection, RemoteTool, ToolServer
from errands.core.values import digest
from errands.tools.outbound import Outbound

if TYPE_CHECKING:
    from errands.tools.servers.session import Session

_Key = tuple[str, int, str, str]


class Sessions:
    """Opens sessions on first use. A server that was changed, or whose secret was, gets a new one."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self._open: dict[_Key, Session] = {}
        self._opening: dict[_Key, asyncio.Lock] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def use(self, server: ToolServer, project_id: str, secrets: Mapping[str, str]) -> "AsyncIterator[Session]":
        """A session for one call. Projects never share one. Raises StepFailed where none can be opened."""
        key = (server.id, server.revision, project_id, digest(dict(secrets)))
        session = await self._get(key, server, secrets)
        session.users += 1
        try:
            yield session
        finally:
            session.users -= 1
            self._release(key, session, server)

    async def look(
        self, name: str, connection: ProgramConnection | HttpConnection, secrets: Mapping[str, str]
    ) -> Mapping[str, RemoteTool]:
        """What a server says that it has, over a session of its own. Raises StepFailed."""
        session = await self._made(name, connection, secrets)
        await session.open()
        await session.close()
        return session.tools

    async def aclose(self) -> None:
        """End all sessions."""
        for session in self._open.values():
            self._end(session)
        self._open.clear()
        await asyncio.gather(*self._closing)

    async def _get(self, key: _Key, server: ToolServer, secrets: Mapping[str, str]) -> "Session":
        async with self._opening.setdefault(key, asyncio.Lock()):
            known = self._open.get(key)
            if known is not None and known.usable:
                return known
            session = await self._made(server.name, server.connection, secrets)
            await session.open()
            self._retire(key)
            self._open[key] = session
            return session

    async def _made(
        self, name: str, connection: ProgramConnection | HttpConnection, secrets: Mapping[str, str]
    ) -> "Session":
        made = await asyncio.to_thread(_load)
        return made(name, connection, secrets, self._outbound)

    def _retire(self, key: _Key) -> None:
        """Sessions of this server that nobody will ask for again: of an earlier revision, or over already."""
        for other in [one for one in self._open if one[0] == key[0] and one[2] == key[2]]:
            session = self._open[other]
            if session.users == 0 and (other != key or not session.usable):
                self._end(self._open.pop(other))

    def _release(self, key: _Key, session: "Session", server: ToolServer) -> None:
        if session.users:
            return
        if not session.usable:
            if self._open.get(key) is session:
                del self._open[key]
            self._end(session)
        else:
            loop = asyncio.get_running_loop()
            session.used_at = loop.time()
            loop.call_later(server.connection.idle.total_seconds(), self._end_if_idle, key, session, session.used_at)

    def _end_if_idle(self, key: _Key, session: "Session", since: float) -> None:
        if session.users == 0 and session.used_at == since and self._open.get(key) is session:
            self._end(self._open.pop(key))

    def _end(self, session: "Session") -> None:
        closing = asyncio.ensure_future(session.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


def _load() -> "type[Session]":
    from errands.tools.servers.session import Session

    return Session
