"""Agents of a project: listed with the versions that keep them, set field by field, removed. Files set them too."""

from collections.abc import Mapping, Sequence

from errands.core.access import Principal, ProjectResource, Verb
from errands.core.catalog import ToolSpec
from errands.core.definition.agents import AgentDefinition
from errands.core.values import JsonObject, from_text
from errands.services.applying import Wish, apply_files, digest_of
from errands.services.authority import Authority
from errands.services.declaring import declare
from errands.services.edits import check_edited
from errands.services.errors import NotFound
from errands.services.lookup import find_project
from errands.services.model_roles import check_model_roles
from errands.services.tool_views import AgentUse, AgentView
from errands.services.views import SourceFile
from errands.store import library, projects, tasks
from errands.store.database import Database
from errands.store.library import Declared
from errands.store.tasks import KeptAgents


class AgentService:
    """What a caller may ask of agents."""

    def __init__(self, database: Database, authority: Authority, tools: Mapping[str, ToolSpec]) -> None:
        """`tools`: those that are built in."""
        self._database = database
        self._authority = authority
        self._tools = tools

    async def list(self, caller: Principal, project: str) -> Sequence[AgentView]:
        """All by name. Raises NotFound, Denied."""
        await self._authority.authorise(caller, Verb.AGENT_READ, ProjectResource(project, "agent"))
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
            rows = await library.every(connection, "agent", owner.id)
            kept = await tasks.kept_agents(connection, owner.id)
        return [_view(row, kept) for row in rows]

    async def get(self, caller: Principal, project: str, name: str) -> AgentView:
        """One of them. Raises NotFound, Denied."""
        for view in await self.list(caller, project):
            if view.name == name:
                return view
        raise NotFound("agent", name, hint=f"`errands agents list` shows those of project {project}.")

    async def put(
        self, caller: Principal, project: str, name: str, given: JsonObject, *, edited: Sequence[str] | None = None
    ) -> AgentView:
        """Make or change an agent. Versions that keep it go on with the earlier one.

        `given`: the fields of its file but its name. `edited`: digests, one of which what is there must have; none: it
        must not be there yet. Raises NotFound, Denied, ChangedMeanwhile, FilesInvalid with the path of each problem.
        """
        resource = ProjectResource(project, "agent", name)
        await self._authority.authorise(caller, Verb.AGENT_EDIT, resource)
        async with self._database.engine.begin() as connection:
            owner = await find_project(connection, project)
            await projects.lock(connection, owner.id)
            row = None if "\0" in name else await library.find(connection, "agent", owner.id, name)
            before = None if row is None else row.source
            check_edited("agent", name, None if before is None else digest_of(before), edited)
            file = SourceFile(f"agents/{name}.yaml", declare("agent", name, given, before))
            await check_model_roles(connection, self._authority, caller, owner, [file])
            wish = Wish([file], caller.reference, None, publish=False)
            (applied,) = await apply_files(connection, project, wish, self._tools, None)
            if applied.change != "unchanged":
                await self._authority.record(connection, caller, Verb.AGENT_EDIT, resource, {"change": applied.change})
        return await self.get(caller, project, name)

    async def remove(self, caller: Principal, project: str, name: str) -> None:
        """Forget an agent. Versions that keep it go on with it. Raises NotFound, Denied."""
        resource = ProjectResource(project, "agent", name)
        await self._authority.authorise(caller, Verb.AGENT_EDIT, resource)
        async with self._database.engine.begin() as connection:
            owner = await find_project(connection, project)
            if "\0" in name or not await library.remove(connection, "agent", owner.id, name):
                raise NotFound("agent", name, hint=f"`errands agents list` shows those of project {project}.")
            await self._authority.record(connection, caller, Verb.AGENT_EDIT, resource, {"change": "removed"})


def _view(row: Declared, kept: Sequence[KeptAgents]) -> AgentView:
    agent = AgentDefinition.model_validate(row.definition)
    budget = None if agent.budget is None else from_text(agent.budget.model_dump_json(exclude_none=True))
    return AgentView(
        name=row.name,
        description=agent.description,
        model=agent.model,
        instructions=agent.instructions,
        tools=agent.tools,
        approve_tools=agent.approve_tools,
        max_turns=agent.max_turns,
        budget=budget if isinstance(budget, Mapping) else None,
        examples=[_example(one.prompt, one.answer) for one in agent.examples],
        source=row.source,
        digest=digest_of(row.source),
        updated_at=row.updated_at,
        used_by=[
            AgentUse(one.task, one.version, one.agents[row.name] == row.definition)
            for one in kept
            if row.name in one.agents
        ],
    )


def _example(prompt: str, answer: str) -> JsonObject:
    return {"prompt": prompt, "answer": answer}
