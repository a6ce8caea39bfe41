"""What exists around a definition: tools, and the agents, models, secrets and tasks of its project."""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.catalog import Surroundings, TaskSummary, ToolSpec
from errands.core.definition.agents import AgentDefinition, ModelDefinition
from errands.core.definition.checks import Definition
from errands.core.definition.steps import SubtaskStep
from errands.core.definition.task import TaskDefinition
from errands.core.definition.texts import every_step
from errands.core.params import arguments_schema
from errands.services.tool_server_directory import remote_specs
from errands.store import channels, library, projects, secrets, tasks


async def of_project(connection: AsyncConnection, project: str, tools: Mapping[str, ToolSpec]) -> Surroundings:
    """What a project holds now; nothing where it is not made yet."""
    owner = await projects.find(connection, project)
    if owner is None:
        return Surroundings(tools, {}, frozenset(), frozenset(), frozenset(), {})
    agents = [
        AgentDefinition.model_validate(row.definition) for row in await library.every(connection, "agent", owner.id)
    ]
    definitions = [
        TaskDefinition.model_validate(row.definition) for row in await tasks.current_bodies(connection, owner.id)
    ]
    return Surroundings(
        tools={**tools, **await remote_specs(connection, owner.id)},
        agents={agent.agent: agent for agent in agents},
        models=frozenset(row.name for row in await library.usable_models(connection, owner.id)),
        secrets=frozenset(row.name for row in await secrets.listed(connection, owner.id)),
        channels=frozenset(row.name for row in await channels.of_project(connection, owner.id)),
        tasks={definition.task: summary(definition) for definition in definitions},
    )


def with_definition(around: Surroundings, definition: Definition) -> Surroundings:
    """The same surroundings once the definition is applied. What is not known stays unknown."""
    match definition:
        case TaskDefinition() if around.tasks is not None:
            return replace(around, tasks={**around.tasks, definition.task: summary(definition)})
        case AgentDefinition() if around.agents is not None:
            return replace(around, agents={**around.agents, definition.agent: definition})
        case ModelDefinition() if around.models is not None:
            return replace(around, models=around.models | {definition.model})
        case _:
            return around


def summary(definition: TaskDefinition) -> TaskSummary:
    """What a sub-task step needs to know of a task."""
    calls = frozenset(step.task for step, _ in every_step(definition) if isinstance(step, SubtaskStep))
    return TaskSummary(params_schema=arguments_schema(definition.params), calls=calls)
