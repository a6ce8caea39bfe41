"""Projects."""

import re
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.access import Principal, ProjectResource, ProjectRole, ServerResource, Verb
from errands.core.values import JsonObject
from errands.services.authority import Authority, Clock, utc_now
from errands.services.errors import Conflict, Invalid, NotFound
from errands.services.lookup import find_project, refuse_deleted
from errands.services.principals import behind, id_of
from errands.services.views import ProjectView
from errands.store import members, projects, triggers
from errands.store.database import Database
from errands.store.projects import ProjectRow

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


class ProjectService:
    """Makes, lists, deletes projects, and brings them back."""

    def __init__(self, database: Database, authority: Authority, grace: timedelta, clock: Clock = utc_now) -> None:
        """`grace`: how long a deleted project can be brought back."""
        self._database = database
        self._authority = authority
        self._grace = grace
        self._clock = clock

    async def create(self, caller: Principal, name: str, title: str | None = None) -> None:
        """A new project, owned by the person who makes it. Raises Denied, Invalid, Conflict (it is there)."""
        if not await self._make(caller, name, title):
            raise Conflict(f"There is a project {name} already.", "Choose another name.")

    async def ensure(self, caller: Principal, name: str, title: str | None = None) -> None:
        """Make the project unless it is there. Raises Denied, Invalid for what is no name."""
        await self._make(caller, name, title)

    async def list(self, caller: Principal, *, deleted: bool = False) -> list[str]:
        """The names of all projects that the caller may see; `deleted`: of those that are deleted instead."""
        async with self._database.reader.connect() as connection:
            rows = await projects.every(connection)
        names = [row.name for row in rows if (row.remove_at is not None) is deleted]
        seen = (self._authority.decide(caller, Verb.PROJECT_READ, ProjectResource(name)).allowed for name in names)
        return [name for name, allowed in zip(names, seen, strict=True) if allowed]

    async def get(self, caller: Principal, name: str) -> ProjectView:
        """A project, and what the caller may do in it. Raises Denied, NotFound."""
        own = ProjectResource(name)
        await self._authority.authorise(caller, Verb.PROJECT_READ, own)
        async with self._database.reader.connect() as connection:
            found = await find_project(connection, name)
        return self._view(caller, found)

    async def delete(self, caller: Principal, name: str, *, note: str | None = None) -> ProjectView:
        """Start nothing in it any more, and have the keeper remove it with all that is its once the grace has passed.

        Runs under way go on until then, and are cancelled at that moment. Deleted again, it keeps its moment.
        Raises NotFound, Denied.
        """
        own = ProjectResource(name)
        await self._authority.authorise(caller, Verb.PROJECT_DELETE, own)
        async with self._database.engine.begin() as connection:
            found = await self._held(connection, name)
            if found.remove_at is None:
                now = self._clock()
                await projects.delete(connection, found.id, now, now + self._grace)
                await triggers.nudge(connection)
            gone = await find_project(connection, name)
            assert gone.remove_at is not None
            detail: JsonObject = {"act": "delete", "note": note, "remove_at": gone.remove_at.isoformat()}
            await self._authority.record(connection, caller, Verb.PROJECT_DELETE, own, detail)
        return self._view(caller, gone)

    async def restore(self, caller: Principal, name: str) -> ProjectView:
        """Bring back what is deleted and not removed yet, with the tasks that were at work; they plan from now on.

        Raises NotFound, Denied, Conflict where it is not deleted.
        """
        own = ProjectResource(name)
        await self._authority.authorise(caller, Verb.PROJECT_DELETE, own)
        async with self._database.engine.begin() as connection:
            found = await self._held(connection, name)
            if found.remove_at is None:
                raise Conflict(f"Project {name} is not deleted.", "It is at work; there is nothing to bring back.")
            if found.remove_at <= self._clock():
                raise NotFound("project", name, hint="Its grace is over; it is being removed.")
            for task in await projects.restore(connection, found):
                await triggers.wake(connection, task, self._clock())
            await triggers.nudge(connection)
            await self._authority.record(connection, caller, Verb.PROJECT_DELETE, own, {"act": "restore"})
            return self._view(caller, await find_project(connection, name))

    def _view(self, caller: Principal, row: ProjectRow) -> ProjectView:
        held = (verb for verb in Verb if self._authority.decide(caller, verb, ProjectResource(row.name)).allowed)
        return ProjectView(row.name, row.title, tuple(verb.value for verb in held), row.remove_at)

    async def _held(self, connection: AsyncConnection, name: str) -> ProjectRow:
        """The project as it is now, kept from others. Raises NotFound."""
        await projects.lock(connection, (await find_project(connection, name)).id)
        return await find_project(connection, name)

    async def _make(self, caller: Principal, name: str, title: str | None) -> bool:
        await self._authority.authorise(caller, Verb.PROJECT_CREATE, ServerResource("project", name))
        check_name(name)
        async with self._database.engine.begin() as connection:
            there = await projects.find(connection, name)
            if there is None:
                await make_sure_of(connection, self._authority, caller, name, title)
            return there is None


async def make_sure_of(
    connection: AsyncConnection, authority: Authority, caller: Principal, name: str, title: str | None = None
) -> ProjectRow:
    """The project; made, and owned by the person who calls, if it is not there.

    Raises Denied, Invalid, Conflict where it is deleted.
    """
    found = await projects.find(connection, name)
    if found is not None:
        refuse_deleted(found)
        return found
    check_name(name)
    await authority.authorise(caller, Verb.PROJECT_CREATE, ServerResource("project", name))
    made = await projects.ensure(connection, name, title)
    person = behind(caller)
    if person is not None:
        await members.put(connection, made.id, ProjectRole.OWNER, user_id=id_of("person", person.id))
    await authority.record(connection, caller, Verb.PROJECT_CREATE, ProjectResource(name))
    return made


def check_name(name: str) -> None:
    """Raises Invalid for what cannot be a project's name."""
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name!r} cannot be the name of a project.",
            "Use lower-case letters, digits and `-`, a letter first, 63 characters at most.",
        )
