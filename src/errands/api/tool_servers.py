"""Tools and tool servers: what tasks can be granted, and the MCP servers that some of it comes from."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Path
from pydantic import Field

from errands.api.bodies import Body, JsonMap, Project
from errands.api.callers import Asked, Caller
from errands.api.edits import IfMatchOptional, IfNew, edited_or_new, etag
from errands.api.routes import Routes, reply
from errands.core.values import Json
from errands.services.tool_views import EffectName, ToolServerView, ToolView

routes = Routes("tools")
Server = Annotated[str, Path(min_length=1, max_length=63, description="Name of the tool server.", examples=["crm"])]
_OWN = "/projects/{project}/tool-servers"
_SHARED = "/tool-servers"
_EXAMPLE = {"kind": "http", "url": "https://crm.example/mcp", "bearer": "secret:CRM_TOKEN"}


class ServerBody(Body):
    """How a tool server is reached."""

    connection: JsonMap = Field(examples=[_EXAMPLE])
    """`kind: http` with `url`, or `kind: program` with `command`; the docs list the rest."""
    enabled: bool = True
    """Whether its tools can be called."""


class SharedServerBody(ServerBody):
    projects: Annotated[list[str], Field(max_length=1000)] | None = None
    """Names of the projects that may use it. None: all."""


class AcceptBody(Body):
    tools: Annotated[list[str], Field(max_length=1000)] | None = None
    """Names without the server's. None: all that have changed."""


class EffectBody(Body):
    tool: Annotated[str, Field(min_length=1, max_length=200)]
    """Name without the server's."""
    effect: EffectName | None = None
    """None: as the server's hints say."""


@routes.get("/projects/{project}/tools", gives=list[ToolView])
async def list_tools(caller: Caller, services: Asked, project: Project) -> object:
    """Every tool that tasks of the project can be granted."""
    return await services.tool_servers.tools(caller, project)


@routes.get(_OWN, gives=list[ToolServerView])
async def list_tool_servers(caller: Caller, services: Asked, project: Project) -> object:
    """The project's tool servers, and the shared ones that it may use."""
    return await services.tool_servers.list(caller, project)


@routes.get(f"{_OWN}/{{server}}", gives=ToolServerView)
async def get_tool_server(caller: Caller, services: Asked, project: Project, server: Server) -> object:
    """One tool server: how it is, its tools, and what has changed since they were accepted."""
    return await services.tool_servers.get(caller, project, server)


@routes.put(f"{_OWN}/{{server}}", gives=ToolServerView)
async def put_tool_server(
    caller: Caller,
    services: Asked,
    *,
    project: Project,
    server: Server,
    body: ServerBody,
    if_match: IfMatchOptional = None,
    if_none_match: IfNew = None,
) -> object:
    """Add a tool server, or reach it in another way, and look at it. Programs are for administrators to add.

    `digest` of the one that is there, in quotes, is its ETag: give it back as If-Match.
    """
    way, began = dict[str, Json](body.connection), edited_or_new(if_match, if_none_match)
    view = await services.tool_servers.put(caller, project, server, way, enabled=body.enabled, edited=began)
    return reply(view, headers={"ETag": etag(view.digest)})


@routes.post(f"{_OWN}/{{server}}/look", gives=ToolServerView)
async def look_at_tool_server(caller: Caller, services: Asked, project: Project, server: Server) -> object:
    """Ask the server what it has now."""
    return await services.tool_servers.look(caller, project, server)


@routes.post(f"{_OWN}/{{server}}/accept", gives=ToolServerView)
async def accept_tools(caller: Caller, services: Asked, project: Project, server: Server, body: AcceptBody) -> object:
    """Accept changed tools as the server describes them now; until then they cannot be called."""
    return await services.tool_servers.accept(caller, project, server, body.tools)


@routes.post(f"{_OWN}/{{server}}/effects", gives=ToolServerView)
async def set_tool_effect(
    caller: Caller, services: Asked, project: Project, server: Server, body: EffectBody
) -> object:
    """Say what a tool does to the outside, in place of the server's hints."""
    return await services.tool_servers.set_effect(caller, project, server, body.tool, body.effect)


@routes.delete(f"{_OWN}/{{server}}")
async def remove_tool_server(caller: Caller, services: Asked, project: Project, server: Server) -> None:
    """Forget a tool server; what calls its tools fails from now on."""
    await services.tool_servers.remove(caller, project, server)


@routes.get(_SHARED, gives=list[ToolServerView])
async def list_shared_tool_servers(caller: Caller, services: Asked) -> object:
    """The tool servers that administrators have set up for several projects."""
    return await services.tool_servers.list(caller, None)


@routes.get(f"{_SHARED}/{{server}}", gives=ToolServerView)
async def get_shared_tool_server(caller: Caller, services: Asked, server: Server) -> object:
    """One of them."""
    return await services.tool_servers.get(caller, None, server)


@routes.put(f"{_SHARED}/{{server}}", gives=ToolServerView)
async def put_shared_tool_server(
    caller: Caller,
    services: Asked,
    *,
    server: Server,
    body: SharedServerBody,
    if_match: IfMatchOptional = None,
    if_none_match: IfNew = None,
) -> object:
    """Add or change a tool server for several projects. ETag and If-Match as for a project's."""
    way, began = dict[str, Json](body.connection), edited_or_new(if_match, if_none_match)
    view = await services.tool_servers.put(
        caller, None, server, way, projects=body.projects, enabled=body.enabled, edited=began
    )
    return reply(view, headers={"ETag": etag(view.digest)})


@routes.post(f"{_SHARED}/{{server}}/look", gives=ToolServerView)
async def look_at_shared_tool_server(caller: Caller, services: Asked, server: Server) -> object:
    """Ask it what it has now."""
    return await services.tool_servers.look(caller, None, server)


@routes.post(f"{_SHARED}/{{server}}/accept", gives=ToolServerView)
async def accept_shared_tools(caller: Caller, services: Asked, server: Server, body: AcceptBody) -> object:
    """Accept its changed tools as it describes them now."""
    return await services.tool_servers.accept(caller, None, server, body.tools)


@routes.post(f"{_SHARED}/{{server}}/effects", gives=ToolServerView)
async def set_shared_tool_effect(caller: Caller, services: Asked, server: Server, body: EffectBody) -> object:
    """Say what one of its tools does to the outside."""
    return await services.tool_servers.set_effect(caller, None, server, body.tool, body.effect)


@routes.delete(f"{_SHARED}/{{server}}", status=HTTPStatus.NO_CONTENT)
async def remove_shared_tool_server(caller: Caller, services: Asked, server: Server) -> None:
    """Forget it, for all projects."""
    await services.tool_servers.remove(caller, None, server)
