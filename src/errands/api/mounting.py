"""The API within the process of one command: no socket, and only the routes that are asked for.

Making all routes takes longer than most commands. So the modules of nouns are loaded one after the other, until one
answers at the address of a request.
"""

from fastapi import FastAPI
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from errands.api.frame import NOUNS, Parts, add_nouns, make_frame

_FIRST = ("runs", "tasks", "projects", "approvals", "triggers")
"""What commands ask for most."""


class Mounted:
    """An ASGI application that answers like the whole API. A request may bring its caller along: see `callers`."""

    def __init__(self, parts: Parts) -> None:
        self._app: FastAPI = make_frame(parts, lambda *_: None)
        self._left = [*_FIRST, *(noun for noun in NOUNS if noun not in _FIRST)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        while self._left and not self._answers(scope):
            add_nouns(self._app, [self._left.pop(0)], documented=False)
        await self._app(scope, receive, send)

    def _answers(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] is Match.FULL for route in self._app.router.routes)
