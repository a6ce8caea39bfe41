"""Every tool that a run may call: the built-in ones of the catalog, and those of tool servers by `server/tool`."""

from collections.abc import Mapping, Sequence

from errands.core.catalog import ToolSpec
from errands.core.outcomes import Performed
from errands.core.ports import Effect, StepContext
from errands.core.values import JsonObject
from errands.tools.catalog import Catalog


class Toolbox:
    """The one place where steps and agents call tools. One for each process."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def specs(self, project_id: str, granted: Sequence[str]) -> Mapping[str, ToolSpec]:
        """Tools by name."""
        return self._catalog.specs()

    async def effect(self, name: str, arguments: JsonObject, project_id: str) -> Effect:
        """What this call would do to the outside. Raises StepFailed (not_found) for an unknown tool."""
        return self._catalog.effect(name, arguments)

    async def version(self, name: str, project_id: str) -> str:
        """Changes when the tool's meaning does. Raises StepFailed (not_found)."""
        return self._catalog.version(name)

    async def call(self, name: str, arguments: JsonObject, context: StepContext) -> Performed:
        """Do one call. Raises StepFailed; see `Catalog.call`."""
        return await self._catalog.call(name, arguments, context)

    async def aclose(self) -> None:
        """Close the connections that calls have left open."""
        await self._catalog.aclose()
