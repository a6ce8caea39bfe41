"""The tool servers that a project may use, for calls at work. The toolbox's `ServerDirectory`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.catalog import ToolSpec
from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.ports import Effect
from errands.core.tool_servers import Connection, HttpConnection, ProgramConnection, RemoteTool, ToolServer
from errands.core.values import JsonObject
from errands.services.server_sign_ins import SignIns
from errands.store import tool_servers
from errands.store.database import Database
from errands.store.tool_servers import Tools, ToolServerRow

_CONNECTION: TypeAdapter[ProgramConnection | HttpConnection] = TypeAdapter(Connection)


class ServerDirectory:
    """Asks the database each time whether something has changed, and reads it only then."""

    def __init__(self, database: Database, sign_ins: SignIns | None = None) -> None:
        """Without `sign_ins` servers that want one cannot be called."""
        self._database = database
        self._sign_ins = sign_ins
        self._known: dict[str, tuple[str, dict[str, ToolServer]]] = {}
        self._noted: dict[str, tuple[object, str | None]] = {}

    async def server(self, project_id: str, name: str) -> ToolServer | None:
        """The one of this name: the project's own, or the installation's where the project may use it."""
        return (await self._current(project_id)).get(name)

    async def servers(self, project_id: str) -> list[ToolServer]:
        """All that the project may use."""
        return list((await self._current(project_id)).values())

    async def seen(self, server: ToolServer, found: Mapping[str, RemoteTool] | None, problem: str | None) -> None:
        """Note how it is, unless that is what was noted last. `found` is what it has, where that was looked at."""
        noted = (found, problem)
        if self._noted.get(server.id) == noted:
            return
        async with self._database.engine.begin() as connection:
            now = datetime.now(UTC)
            if found is None:
                await tool_servers.note_problem(connection, UUID(server.id), problem or "", now)
            else:
                kept = None if found == server.tools else stored(found)
                await tool_servers.note(connection, UUID(server.id), found=kept, problem=problem, at=now)
        self._noted[server.id] = noted

    async def token(self, server: ToolServer, project_id: str, refused: str | None = None) -> str:
        """A token of the server's sign-in that is good for a call. `refused`: one that it has just refused.

        Raises StepFailed: denied where nobody is signed in.
        """
        if self._sign_ins is None:
            raise StepFailed(ErrorKind.INTERNAL, "no sign-ins are kept here")
        return await self._sign_ins.token(server, project_id, refused)

    async def _current(self, project_id: str) -> dict[str, ToolServer]:
        project = UUID(project_id)
        known = self._known.get(project_id)
        async with self._database.reader.connect() as connection:
            now = await tool_servers.revisions(connection, project)
            if known is None or known[0] != now:
                rows = await tool_servers.usable(connection, project)
                known = self._known[project_id] = (now, {row.name: served(row) for row in rows})
        return known[1]


async def remote_specs(connection: AsyncConnection, project_id: UUID) -> dict[str, ToolSpec]:
    """The accepted tools of all servers that a project may use, by `server/tool`."""
    rows = await tool_servers.usable(connection, project_id)
    return {name: spec for row in rows for name, spec in served(row).specs().items()}


def served(row: ToolServerRow) -> ToolServer:
    """A server as calls need it."""
    return ToolServer(
        id=str(row.id),
        name=row.name,
        revision=row.revision,
        connection=read_connection(row.connection),
        of_server=row.project_id is None,
        tools=read_tools(row.tools),
        effects={tool: Effect(effect) for tool, effect in row.effects.items()},
    )


def read_connection(way: JsonObject) -> ProgramConnection | HttpConnection:
    """How a server is reached, from its stored form. Raises pydantic's ValidationError."""
    return _CONNECTION.validate_python(way)


def read_tools(kept: Tools | None) -> dict[str, RemoteTool]:
    """Tools from their stored form."""
    return {name: RemoteTool.model_validate(tool) for name, tool in (kept or {}).items()}


def stored(tools: Mapping[str, RemoteTool]) -> dict[str, JsonObject]:
    """Tools in the form in which they are kept."""
    return {name: tool.model_dump(mode="json") for name, tool in tools.items()}
