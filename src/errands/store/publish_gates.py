"""Gates before a publication, as they are kept with projects and tasks."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.values import JsonObject
from errands.store.tables import projects, tasks


@dataclass(frozen=True, slots=True)
class Gates:
    """What is set for a task's project, and for the task itself."""

    project: JsonObject | None
    task: JsonObject | None


async def of_project(connection: AsyncConnection, project_id: UUID) -> JsonObject | None:
    """The project's gate."""
    found: JsonObject | None = await connection.scalar(
        select(projects.c.publish_gate).where(projects.c.id == project_id)
    )
    return found


async def of_task(connection: AsyncConnection, task_id: UUID) -> Gates:
    """Both gates that may count for a task."""
    query = (
        select(projects.c.publish_gate, tasks.c.publish_gate)
        .join_from(tasks, projects, tasks.c.project_id == projects.c.id)
        .where(tasks.c.id == task_id)
    )
    row = (await connection.execute(query)).one()
    return Gates(row[0], row[1])


async def set_of_project(connection: AsyncConnection, project_id: UUID, gate: JsonObject | None) -> None:
    """None takes it away."""
    kept = null() if gate is None else gate
    await connection.execute(update(projects).where(projects.c.id == project_id).values(publish_gate=kept))


async def set_of_task(connection: AsyncConnection, task_id: UUID, gate: JsonObject | None) -> None:
    """None: the project's counts."""
    kept = null() if gate is None else gate
    await connection.execute(update(tasks).where(tasks.c.id == task_id).values(publish_gate=kept))
