"""The protocol: the SDK's server, whose lists and calls are those of the caller of each request."""

from importlib.metadata import version
from typing import Any

import structlog
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
)
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from errands.api.mcp.calls import call
from errands.api.mcp.offered import all_tools
from errands.api.problems import Translate
from errands.core.access import Principal
from errands.services import Services

log = structlog.get_logger()

_INSTRUCTIONS = """Each task of Errands is a tool: calling it starts a run and waits a while for its end.
A run that takes longer, or asks a person, is told by its status; get_run looks at it again."""
_Context = ServerRequestContext[Any, Request]


class McpServer:
    """One for each application. Requests share nothing: each is a session of its own."""

    def __init__(self, services: Services, translate: Translate) -> None:
        self._services = services
        self._translate = translate
        self._server: Server[Any] = Server(
            "errands",
            version=version("errands"),
            title="Errands",
            instructions=_INSTRUCTIONS,
            on_list_tools=self._list,
            on_call_tool=self._call,
        )

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. `scope["state"]["mcp_caller"]` says who asks."""
        # Rebinding a host name gains nothing here: without the token in its header a request is refused, and no
        # cookie counts. So the SDK's list of allowed hosts, which would refuse every real name, is off.
        security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        manager = StreamableHTTPSessionManager(self._server, stateless=True, security_settings=security)
        async with manager.run():
            await manager.handle_request(scope, receive, send)

    async def _list(self, context: _Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=all_tools(await self._services.offering.tasks(_caller(context))))

    async def _call(self, context: _Context, params: CallToolRequestParams) -> CallToolResult:
        async def progress(done: float, message: str) -> None:
            await context.session.report_progress(done, None, message)

        try:
            return await call(self._services, _caller(context), params.name, params.arguments or {}, progress)
        except Exception as error:
            meant = self._translate(error)
            if meant is None:
                log.exception("mcp.defect", tool=params.name)
            said = str(meant) if meant is not None else "Errands has a defect; its log names it."
            return CallToolResult(content=[TextContent(type="text", text=said)], is_error=True)


def _caller(context: _Context) -> Principal:
    assert context.request is not None
    found: Principal = context.request.scope["state"]["mcp_caller"]
    return found
