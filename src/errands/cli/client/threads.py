"""Threads of the chat: begun, talked in, and their cards decided."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from pydantic_core import from_json

from errands.cli.client.connection import Connection
from errands.cli.client.following import lines_of
from errands.core.values import Json, JsonObject
from errands.services.chat_views import CardView, ThreadView
from errands.services.views import Page

Chunk = Mapping[str, Json]
"""One chunk of an answer, in the UI message stream protocol; see docs/how-to/chat.md."""


class Threads:
    """The noun `threads`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, project: str, *, title: str | None = None, agent: str | None = None) -> ThreadView:
        """A new thread."""
        body = {"title": title, "agent": agent}
        return await self._connection.post(ThreadView, "projects", project, "threads", body=body)

    async def latest(self, project: str) -> ThreadView | None:
        """The thread that was active last, of those that the caller sees."""
        page = await self._connection.get(Page[ThreadView], "projects", project, "threads", limit=1)
        return page.items[0] if page.items else None

    async def say(self, project: str, thread: str, turn: JsonObject) -> AsyncGenerator[Chunk]:
        """Take a turn; gives the chunks of the answer. Raises as the API refuses."""
        path = ("projects", project, "threads", thread, "messages")
        asking = self._connection.stream(*path, method="POST", body=turn)
        async with asking as answer, aclosing(lines_of(answer)) as lines:
            async for line in lines:
                data = line.removeprefix("data: ")
                if line.startswith("data: ") and data != "[DONE]":
                    chunk: Chunk = from_json(data)
                    yield chunk

    async def confirm(self, card: str, *, digest: str, action: str, values: JsonObject | None = None) -> CardView:
        """Click on a card."""
        body = {"digest": digest, "action": action, "values": values or {}}
        return await self._connection.post(CardView, "cards", card, "confirm", body=body)
