"""The end of a task: archived and brought back, deleted and, while there is time, brought back."""

from datetime import datetime, timedelta

from errands.core.access import Principal, TaskResource, Verb
from errands.core.values import JsonObject
from errands.services.authority import Authority, Clock, utc_now
from errands.services.errors import Conflict
from errands.services.lookup import find_project, find_task, refuse_deleted
from errands.services.tasks import view_of
from errands.services.views import TaskView
from errands.store import tasks, triggers
from errands.store.database import Database


class RetirementService:
    """What a caller may ask of tasks that are to work no more."""

    def __init__(self, database: Database, authority: Authority, grace: timedelta, clock: Clock = utc_now) -> None:
        """`grace`: how long a deleted task can be brought back."""
        self._database = database
        self._authority = authority
        self._grace = grace
        self._clock = clock

    async def archive(self, caller: Principal, project: str, name: str, *, note: str | None = None) -> TaskView:
        """Start nothing of it any more, and leave it out of lists. Its runs stay; those under way go on.

        Raises NotFound, Denied, Conflict where it is archived already.
        """
        resource = TaskResource(project, name)
        await self._authority.authorise(caller, Verb.TASK_ARCHIVE, resource)
        async with self._database.engine.begin() as connection:
            task = await find_task(connection, project, name, lock=True)
            if task.archived_at is not None:
                raise Conflict(f"Task {name} is archived already.", f"To bring it back: errands unarchive {name}")
            await tasks.archive(connection, task.id, self._clock(), remove_at=None)
            await triggers.rest(connection, task.id)
            detail: JsonObject = {"act": "archive", "note": note}
            await self._authority.record(connection, caller, Verb.TASK_ARCHIVE, resource, detail)
            return view_of(await find_task(connection, project, name))

    async def restore(self, caller: Principal, project: str, name: str) -> TaskView:
        """Bring back what was archived, or deleted and is not removed yet; its schedules plan from now on.

        What was deleted takes the right to delete. Raises NotFound, Denied, Conflict where it is neither.
        """
        resource = TaskResource(project, name)
        await self._authority.authorise(caller, Verb.TASK_ARCHIVE, resource)
        async with self._database.engine.begin() as connection:
            task = await find_task(connection, project, name, lock=True)
            refuse_deleted(await find_project(connection, project))
            if task.archived_at is None:
                raise Conflict(f"Task {name} is not archived.", "It is at work; there is nothing to bring back.")
            verb = Verb.TASK_ARCHIVE if task.remove_at is None else Verb.TASK_DELETE
            await self._authority.authorise(caller, verb, resource)
            await tasks.restore(connection, task.id)
            await triggers.wake(connection, task.id, self._clock())
            await triggers.nudge(connection)
            await self._authority.record(connection, caller, verb, resource, {"act": "restore"})
            return view_of(await find_task(connection, project, name))

    async def delete(self, caller: Principal, project: str, name: str, *, note: str | None = None) -> TaskView:
        """Archive it, and have the keeper remove it with its versions, runs and files once the grace has passed.

        Runs under way go on until then, and are cancelled at that moment. Deleted again, it keeps its moment.
        Raises NotFound, Denied.
        """
        resource = TaskResource(project, name)
        await self._authority.authorise(caller, Verb.TASK_DELETE, resource)
        async with self._database.engine.begin() as connection:
            task = await find_task(connection, project, name, lock=True)
            now = self._clock()
            remove_at: datetime = task.remove_at or now + self._grace
            await tasks.archive(connection, task.id, now, remove_at=remove_at)
            await triggers.rest(connection, task.id)
            detail: JsonObject = {"act": "delete", "note": note, "remove_at": remove_at.isoformat()}
            await self._authority.record(connection, caller, Verb.TASK_DELETE, resource, detail)
            return view_of(await find_task(connection, project, name))
