"""The tasks that a caller may run, over all projects: what MCP clients are offered as tools."""

from collections.abc import Sequence
from dataclasses import dataclass

from errands.core.access import Principal, TaskResource, Verb
from errands.core.definition.task import TaskDefinition
from errands.core.params import arguments_schema
from errands.core.values import JsonObject
from errands.services.authority import Authority
from errands.store import tasks
from errands.store.database import Database
from errands.store.tasks import PublishedBody


@dataclass(frozen=True, slots=True)
class OfferedTask:
    """A task with a published version that the caller may run."""

    project: str
    task: str
    title: str | None
    description: str
    arguments: JsonObject
    """JSON Schema of its arguments."""


class OfferingService:
    """What a caller may start."""

    def __init__(self, database: Database, authority: Authority) -> None:
        self._database = database
        self._authority = authority

    async def tasks(self, caller: Principal) -> Sequence[OfferedTask]:
        """Published tasks that are not paused, by project and name; those that the caller may not run are left out."""
        async with self._database.reader.connect() as connection:
            rows = await tasks.published_bodies(connection)
        return [_offered(row) for row in rows if self._may_run(caller, row)]

    def _may_run(self, caller: Principal, row: PublishedBody) -> bool:
        resource = TaskResource(row.project, row.name, frozenset(row.runners or ()), frozenset(row.answerers or ()))
        return self._authority.decide(caller, Verb.TASK_RUN, resource).allowed


def _offered(row: PublishedBody) -> OfferedTask:
    definition = TaskDefinition.model_validate(row.definition)
    schema = arguments_schema(definition.params)
    return OfferedTask(row.project, row.name, definition.title, definition.description, schema)
