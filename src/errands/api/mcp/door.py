"""`/mcp`: who asks is found by the token, then the protocol takes over. The SDK is loaded by the first request."""

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from errands.api.problems import Refusal, Translate
from errands.core.access import Scope as TokenScope
from errands.services import Services
from errands.services.errors import Unauthenticated

if TYPE_CHECKING:
    from errands.api.mcp.server import McpServer

PATH = "/mcp"
_WELL_KNOWN = "/.well-known/oauth-protected-resource"


class McpDoor:
    """The ASGI application at `/mcp`."""

    def __init__(self, services: Services, translate: Translate) -> None:
        self._services = services
        self._translate = translate
        self._server: McpServer | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if request.method != "POST":
            # Every request stands for itself: there is no stream to listen on, and no session to end.
            hint = "Send messages by POST."
            allowed = {"Allow": "POST"}
            raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", "/mcp takes POST.", hint, (), allowed)
        scope["state"]["mcp_caller"] = await self._caller(request)
        await (await self._ready()).handle(scope, receive, send)

    async def _caller(self, request: Request) -> object:
        """The bearer of the token. A session's cookie is no way in: a page elsewhere could send it."""
        try:
            return await self._services.tokens.find(_token(request))
        except Unauthenticated as refusal:
            metadata = f'Bearer resource_metadata="{_base(request)}{_WELL_KNOWN}{PATH}"'
            headers = {"WWW-Authenticate": metadata}
            raise Refusal(
                HTTPStatus.UNAUTHORIZED, "unauthenticated", refusal.message, refusal.hint, (), headers
            ) from None

    async def _ready(self) -> "McpServer":
        if self._server is None:
            made = await asyncio.to_thread(_load)
            self._server = self._server or made(self._services, self._translate)
        return self._server


def mcp_routes(services: Services, translate: Translate) -> list[Route]:
    """The door itself, and where clients learn what it asks for (RFC 9728)."""
    door = McpDoor(services, translate)
    described = [Route(path, _metadata, methods=["GET"]) for path in (_WELL_KNOWN, f"{_WELL_KNOWN}{PATH}")]
    return [Route(PATH, door, include_in_schema=False), *described]


async def _metadata(request: Request) -> JSONResponse:
    return JSONResponse(
        {
            "resource": f"{_base(request)}{PATH}",
            "resource_name": "Errands",
            "bearer_methods_supported": ["header"],
            "scopes_supported": [scope.value for scope in TokenScope],
        }
    )


def _token(request: Request) -> str:
    """Raises Unauthenticated where there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("MCP takes a token.", "Send `Authorization: Bearer TOKEN`.")
    return token.strip()


def _base(request: Request) -> str:
    """Our address as the client sees it."""
    return f"{request.url.scheme}://{request.url.netloc}"


def _load() -> "type[McpServer]":
    from errands.api.mcp.server import McpServer

    return McpServer
