"""Projects."""

import re

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.access import Principal, ProjectResource, ProjectRole, ServerResource, Verb
from errands.services.authority import Authority
from errands.services.errors import Conflict, Invalid
from errands.services.lookup import find_project
from errands.services.principals import behind, id_of
from errands.services.views import ProjectView
from errands.store import members, projects
from errands.store.database import Database
from errands.store.projects import ProjectRow

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


class ProjectService:
    """Makes and lists projects."""

    def __init__(self, database: Database, authority: Authority) -> None:
        self._database = database
        self._authority = authority

    async def create(self, caller: Principal, name: str, title: str | None = None) -> None:
        """A new project, owned by the person who makes it. Raises Denied, Invalid, Conflict (it is there)."""
        if not await self._make(caller, name, title):
            raise Conflict(f"There is a project {name} already.", "Choose another name.")

    async def ensure(self, caller: Principal, name: str, title: str | None = None) -> None:
        """Make the project unless it is there. Raises Denied, Invalid for what is no name."""
        await self._make(caller, name, title)

    async def list(self, caller: Principal) -> list[str]:
        """The names of all projects that the caller may see."""
        async with self._database.reader.connect() as connection:
            names = [project.name for project in await projects.every(connection)]
        seen = (self._authority.decide(caller, Verb.PROJECT_READ, ProjectResource(name)).allowed for name in names)
        return [name for name, allowed in zip(names, seen, strict=True) if allowed]

    async def get(self, caller: Principal, name: str) -> ProjectView:
        """A project, and what the caller may do in it. Raises Denied, NotFound."""
        own = ProjectResource(name)
        await self._authority.authorise(caller, Verb.PROJECT_READ, own)
        async with self._database.reader.connect() as connection:
            found = await find_project(connection, name)
        held = (verb for verb in Verb if self._authority.decide(caller, verb, own).allowed)
        return ProjectView(found.name, found.title, tuple(verb.value for verb in held))

    async def _make(self, caller: Principal, name: str, title: str | None) -> bool:
        await self._authority.authorise(caller, Verb.PROJECT_CREATE, ServerResource("project", name))
        check_name(name)
        async with self._database.engine.begin() as connection:
            there = await projects.find(connection, name) is not None
            if not there:
                await make_sure_of(connection, self._authority, caller, name, title)
            return not there


async def make_sure_of(
    connection: AsyncConnection, authority: Authority, caller: Principal, name: str, title: str | None = None
) -> ProjectRow:
    """The project; made, and owned by the person who calls, if it is not there. Raises Denied, Invalid."""
    found = await projects.find(connection, name)
    if found is not None:
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
