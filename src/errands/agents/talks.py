"""Models and agents for talk outside any run: found by name, and opened with a key that is resolved in the call."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from errands.agents.models import Models, Secret
from errands.agents.ports import Directory
from errands.core.definition.agents import AgentDefinition, ModelDefinition
from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.ports import RunIdentity

if TYPE_CHECKING:
    from pydantic_ai.models import Model


@dataclass(frozen=True, slots=True)
class Talks:
    """Who can talk in a project."""

    directory: Directory
    models: Models
    default_model: str

    async def agent(self, project: str, project_id: str, name: str) -> AgentDefinition:
        """The project's agent of that name, as it is now. Raises StepFailed (not_found)."""
        # No version of a task keeps an agent for it: there is no run.
        nobody = RunIdentity("", "", project, project_id, 0, datetime.min.replace(tzinfo=UTC))
        found = await self.directory.agent(nobody, name)
        if found is None:
            raise StepFailed(ErrorKind.NOT_FOUND, f"the project has no agent {name!r}", hint="choose another one")
        return found

    async def chain(self, project_id: str, name: str | None) -> list[ModelDefinition]:
        """The model (None: the server's default) and its fallbacks. Raises StepFailed (not_found)."""
        first = await self._model(project_id, name or self.default_model)
        others = [other for other in dict.fromkeys(first.fallback) if other != first.model]
        return [first, *[await self._model(project_id, other) for other in others]]

    async def open(self, definition: ModelDefinition, secret: Secret) -> "Model":
        """A model ready for one request. Raises StepFailed."""
        return await self.models.open(definition, secret)

    async def _model(self, project_id: str, name: str) -> ModelDefinition:
        found = await self.directory.model(project_id, name) or self.models.builtin(name)
        if found is None:
            hint = "declare it in a file with `model: NAME` and apply it; `embedded` is built in"
            raise StepFailed(ErrorKind.NOT_FOUND, f"the project has no model {name!r}", hint=hint)
        return found
