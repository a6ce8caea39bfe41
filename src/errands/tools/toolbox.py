"""Every tool that a run may call: the built-in ones of the catalog, and those of tool servers by `server/tool`."""

from collections.abc import Mapping, Sequence

from errands.core.catalog import ToolPackage, ToolSpec
from errands.core.outcomes import Performed
from errands.core.ports import Effect, StepContext
from errands.core.tool_servers import HttpConnection, ProgramConnection, RemoteTool, may_mean_servers
from errands.core.values import JsonObject
from errands.tools.catalog import Catalog
from errands.tools.servers.remote import RemoteTools, ServerDirectory
from errands.tools.servers.sessions import Sessions


class Toolbox:
    """The one place where steps and agents call tools. One for each process."""

    def __init__(self, catalog: Catalog, directory: ServerDirectory | None = None) -> None:
        """Without a directory there are no tool servers."""
        self._catalog = catalog
        self._sessions = Sessions(catalog.outbound)
        self._remote = None if directory is None else RemoteTools(directory, self._sessions)

    def builtin(self) -> Mapping[str, ToolSpec]:
        """The tools that every project has, by name."""
        return self._catalog.specs()

    @property
    def packages(self) -> Sequence[ToolPackage]:
        """The installed packages that were to bring tools of their own."""
        return self._catalog.packages

    async def specs(self, project_id: str, granted: Sequence[str]) -> Mapping[str, ToolSpec]:
        """Tools by name; those of tool servers only where `granted` can mean one."""
        if self._remote is None or not may_mean_servers(granted):
            return self._catalog.specs()
        return {**self._catalog.specs(), **await self._remote.specs(project_id)}

    async def effect(self, name: str, arguments: JsonObject, project_id: str) -> Effect:
        """What this call would do to the outside. Raises StepFailed (not_found) for an unknown tool."""
        if self._remote is not None and "/" in name:
            return await self._remote.effect(name, project_id)
        return self._catalog.effect(name, arguments)

    async def version(self, name: str, project_id: str) -> str:
        """Changes when the tool's meaning does. Raises StepFailed (not_found)."""
        if self._remote is not None and "/" in name:
            return await self._remote.version(name, project_id)
        return self._catalog.version(name)

    async def call(self, name: str, arguments: JsonObject, context: StepContext) -> Performed:
        """Do one call. Raises StepFailed; see `Catalog.call`."""
        if self._remote is not None and "/" in name:
            return await self._remote.call(name, arguments, context)
        return await self._catalog.call(name, arguments, context)

    async def look(
        self, name: str, connection: ProgramConnection | HttpConnection, secrets: Mapping[str, str]
    ) -> Mapping[str, RemoteTool]:
        """What a tool server says that it has, asked over a session of its own. Raises StepFailed."""
        return await self._sessions.look(name, connection, secrets)

    async def aclose(self) -> None:
        """End the sessions and close the connections that calls have left open."""
        await self._sessions.aclose()
        await self._catalog.aclose()
