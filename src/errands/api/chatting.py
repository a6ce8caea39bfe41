"""The chat of the process, as far as the API needs it."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from errands.core.access import Principal
from errands.services.chat_views import CommandView
from errands.services.turns import Turn


class Chatting(Protocol):
    """Writes answers in threads."""

    async def say(self, caller: Principal, thread: str, turn: Turn) -> AsyncIterator[bytes]:
        """The answer's server-sent events."""
        ...

    async def listen(self, caller: Principal, thread: str) -> AsyncIterator[bytes] | None:
        """The answer that is being written, here or by another server, from its beginning."""
        ...

    def commands(self) -> Sequence[CommandView]:
        """The slash commands, in the order in which `/help` lists them."""
        ...

    async def cancel(self, caller: Principal, thread: str) -> bool:
        """End the answer that is being written."""
        ...


class ChatHere(Protocol):
    """Makes the chat when somebody first talks: a command that only reads pays nothing for it."""

    def __call__(self) -> Chatting: ...

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        ...
