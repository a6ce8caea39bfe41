"""The agents and models of a project, for agent steps at work. The agents' `Directory`."""

from uuid import UUID

from errands.core.definition.agents import AgentDefinition, KnownModel
from errands.core.ports import RunIdentity
from errands.store import library, tasks
from errands.store.database import Database


class Directory:
    """Finds agents as the run's version keeps them, and models as they are at the moment."""

    def __init__(self, database: Database, openai_base_url: str | None = None) -> None:
        self._database = database
        self._openai_base_url = openai_base_url

    async def agent(self, run: RunIdentity, name: str) -> AgentDefinition | None:
        """The agent of that name as the run's version keeps it, else as the project declares it now, or None."""
        project = UUID(run.project_id)
        async with self._database.reader.connect() as connection:
            kept = await tasks.frozen_agent(connection, (project, run.task, run.version), name)
            if kept is not None:
                return AgentDefinition.model_validate(kept)
            found = await library.find(connection, "agent", project, name)
        return None if found is None else AgentDefinition.model_validate(found.definition)

    async def model(self, project_id: str, name: str) -> KnownModel | None:
        """The model of that name, or None. One of the provider `openai` without an address gets the server's."""
        async with self._database.reader.connect() as connection:
            found = await library.usable_models(connection, UUID(project_id), name)
        if not found:
            return None
        (row,) = found
        model = KnownModel.model_validate(
            {**row.definition, "model_id": str(row.id), "of_server": row.project_id is None}
        )
        if model.provider == "openai" and model.base_url is None and self._openai_base_url is not None:
            return model.model_copy(update={"base_url": self._openai_base_url})
        return model
