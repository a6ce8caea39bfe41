"""Publishing a version, or changing a project's defaults, makes what is watched of a task what the rules say."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.definition.alarms import (
    AlarmRules,
    long_factor,
    long_seconds,
    merged,
    read_stored,
    seconds,
    stored,
    watches,
)
from errands.store import watches as rows
from errands.store.watches import Watched


async def sync_alarms(
    connection: AsyncConnection, project_id: UUID, task_id: UUID, own: AlarmRules | None, now: datetime
) -> None:
    """Watch a task as its published version says, over its project's defaults. The caller holds the task's row."""
    default = read_stored(await rows.defaults(connection, project_id))
    await _watch(connection, project_id, task_id, own or AlarmRules(), default, now)


async def sync_project(connection: AsyncConnection, project_id: UUID, default: AlarmRules, now: datetime) -> int:
    """The same for every published task of a project, once its defaults have changed. Gives how many are watched."""
    found = await rows.published(connection, project_id)
    watched = 0
    for task_id, said in found.items():
        own = AlarmRules.model_validate(said) if isinstance(said, Mapping) else AlarmRules()
        watched += await _watch(connection, project_id, task_id, own, default, now)
    return watched


async def _watch(
    connection: AsyncConnection, project_id: UUID, task_id: UUID, own: AlarmRules, default: AlarmRules, now: datetime
) -> bool:
    rules = merged(own, default)
    if not watches(rules):
        await rows.drop(connection, task_id)
        return False
    wanted = Watched(
        task_id,
        stored(own),
        stored(rules),
        seconds(rules.late),
        seconds(rules.silent),
        long_seconds(rules),
        long_factor(rules),
    )
    await rows.put(connection, project_id, wanted, now)
    return True
