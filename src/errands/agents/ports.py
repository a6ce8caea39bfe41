"""What agents need from the rooms beside them: a project's agents and models, and the tools."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from errands.core.catalog import ToolSpec
from errands.core.definition.agents import AgentDefinition, ModelDefinition
from errands.core.outcomes import Performed
from errands.core.ports import Effect, RunIdentity, StepContext
from errands.core.values import JsonObject


class Directory(Protocol):
    """Finds the agents and models that a project declares."""

    async def agent(self, run: RunIdentity, name: str) -> AgentDefinition | None:
        """The agent of that name as the version of the run keeps it, or `None`."""
        ...

    async def model(self, project_id: str, name: str) -> ModelDefinition | None:
        """The model of that name, or `None`. Built-in models need not be known here."""
        ...


class ToolBox(Protocol):
    """The tools of the server. Checks arguments and grants itself."""

    async def specs(self, project_id: str, granted: Sequence[str]) -> Mapping[str, ToolSpec]:
        """Tools by name: the built-in ones, and of the project's tool servers at least those that fit `granted`."""
        ...

    async def effect(self, name: str, arguments: JsonObject, project_id: str) -> Effect:
        """What this call would do to the outside. Touches nothing."""
        ...

    async def call(self, name: str, arguments: JsonObject, context: StepContext) -> Performed:
        """Do it. Raises StepFailed."""
        ...
