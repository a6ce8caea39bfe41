"""What agents and steps reach: tools, tool servers, models, agents."""

from collections.abc import Sequence

from errands.cli.client.connection import Connection
from errands.core.values import JsonObject
from errands.services.tool_views import AgentView, ModelTried, ModelView, SignInBegun, ToolServerView, ToolView


class ToolServers:
    """Tool servers of a project, or of the installation where `project` is None."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def tools(self, project: str) -> Sequence[ToolView]:
        """Every tool that tasks of the project can be granted."""
        return await self._connection.get(list[ToolView], "projects", project, "tools")

    async def list(self, project: str | None) -> Sequence[ToolServerView]:
        return await self._connection.get(list[ToolServerView], *_at(project, "tool-servers"))

    async def get(self, project: str | None, name: str) -> ToolServerView:
        return await self._connection.get(ToolServerView, *_at(project, "tool-servers"), name)

    async def put(
        self, project: str | None, name: str, connection: JsonObject, projects: Sequence[str] | None
    ) -> ToolServerView:
        """Add a server, or reach it in another way."""
        body: dict[str, object] = {"connection": connection}
        if project is None:
            body["projects"] = projects
        return await self._connection.ask(ToolServerView, "PUT", *_at(project, "tool-servers"), name, body=body)

    async def look(self, project: str | None, name: str) -> ToolServerView:
        return await self._connection.post(ToolServerView, *_at(project, "tool-servers"), name, "look")

    async def accept(self, project: str | None, name: str, tools: Sequence[str] | None) -> ToolServerView:
        body = {"tools": tools}
        return await self._connection.post(ToolServerView, *_at(project, "tool-servers"), name, "accept", body=body)

    async def set_effect(self, project: str | None, name: str, tool: str, effect: str | None) -> ToolServerView:
        body = {"tool": tool, "effect": effect}
        return await self._connection.post(ToolServerView, *_at(project, "tool-servers"), name, "effects", body=body)

    async def remove(self, project: str | None, name: str) -> None:
        await self._connection.value("DELETE", *_at(project, "tool-servers"), name)

    async def connect(self, project: str | None, name: str) -> SignInBegun:
        """Begin to sign in at a server."""
        return await self._connection.post(SignInBegun, *_at(project, "tool-servers"), name, "sign-in")

    async def disconnect(self, project: str | None, name: str) -> ToolServerView:
        """Forget the tokens of a sign-in."""
        return await self._connection.ask(ToolServerView, "DELETE", *_at(project, "tool-servers"), name, "sign-in")


class Models:
    """Models that a project may use, or those of the installation where `project` is None."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(self, project: str | None) -> Sequence[ModelView]:
        return await self._connection.get(list[ModelView], *_at(project, "models"))

    async def get(self, project: str | None, name: str) -> ModelView:
        return await self._connection.get(ModelView, *_at(project, "models"), name)

    async def put_shared(self, source: str, projects: Sequence[str] | None, least_role: str | None) -> ModelView:
        body = {"source": source, "projects": projects, "least_role": least_role}
        return await self._connection.post(ModelView, "models", body=body)

    async def try_out(self, project: str | None, name: str) -> ModelTried:
        return await self._connection.post(ModelTried, *_at(project, "models"), name, "try")

    async def remove(self, project: str | None, name: str) -> None:
        await self._connection.value("DELETE", *_at(project, "models"), name)


class Agents:
    """Agents of a project."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(self, project: str) -> Sequence[AgentView]:
        return await self._connection.get(list[AgentView], "projects", project, "agents")

    async def get(self, project: str, name: str) -> AgentView:
        return await self._connection.get(AgentView, "projects", project, "agents", name)

    async def remove(self, project: str, name: str) -> None:
        await self._connection.value("DELETE", "projects", project, "agents", name)


def _at(project: str | None, noun: str) -> tuple[str, ...]:
    return (noun,) if project is None else ("projects", project, noun)
