"""The agents and models of a project, for agent steps at work. The agents' `Directory`."""

from uuid import UUID

from errands.core.definition.agents import AgentDefinition, ModelDefinition
from errands.store import library
from errands.store.database import Database


class Directory:
    """Finds what was applied last, at the moment it is asked."""

    def __init__(self, database: Database, openai_base_url: str | None = None) -> None:
        self._database = database
        self._openai_base_url = openai_base_url

    async def agent(self, project_id: str, name: str) -> AgentDefinition | None:
        """The agent of that name, or None."""
        async with self._database.engine.connect() as connection:
            found = await library.find(connection, "agent", UUID(project_id), name)
        return None if found is None else AgentDefinition.model_validate(found.definition)

    async def model(self, project_id: str, name: str) -> ModelDefinition | None:
        """The model of that name, or None. One of the provider `openai` without an address gets the server's."""
        async with self._database.engine.connect() as connection:
            found = await library.find(connection, "model", UUID(project_id), name)
        if found is None:
            return None
        model = ModelDefinition.model_validate(found.definition)
        if model.provider == "openai" and model.base_url is None and self._openai_base_url is not None:
            return model.model_copy(update={"base_url": self._openai_base_url})
        return model
