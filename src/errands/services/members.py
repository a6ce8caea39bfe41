"""Who is what in a project: roles of people and groups, and what tasks narrow."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.access import Principal, ProjectResource, ProjectRole, ServerResource, TaskResource, Verb
from errands.core.values import Json
from errands.services.authority import Authority
from errands.services.edits import check_edited, digest_of_value
from errands.services.errors import Conflict, Invalid, NotFound
from errands.services.lookup import find_project, find_task
from errands.services.people_views import GroupView, MemberView, TaskAccess
from errands.services.principals import check_group_name, find_user
from errands.store import members, projects
from errands.store.database import Database
from errands.store.members import GroupRow

_MOST_REFERENCES = 100


class MemberService:
    """What a caller may ask of members and groups. Members are named `user:ana` or `group:ops`."""

    def __init__(self, database: Database, authority: Authority) -> None:
        self._database = database
        self._authority = authority

    async def list(self, caller: Principal, project: str) -> list[MemberView]:
        """Everybody who has a role in the project, by name; administrators have every role besides."""
        await self._authority.authorise(caller, Verb.MEMBER_READ, ProjectResource(project))
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
            found = await members.of_project(connection, owner.id)
        return [
            MemberView(
                f"user:{row.person}" if row.person is not None else f"group:{row.group}",
                row.title,
                ProjectRole(row.role),
                row.created_at,
                _digest(row.role),
            )
            for row in found
        ]

    async def put(
        self,
        caller: Principal,
        project: str,
        member: str,
        role: ProjectRole,
        *,
        edited: Sequence[str] | None = None,
    ) -> None:
        """Give a role, in place of an earlier one.

        `edited`: digests, one of which the role that is there must have; none: there must be none yet. None: whatever
        is there. Raises NotFound, Denied, Conflict (the last owner), ChangedMeanwhile.
        """
        resource = ProjectResource(project, "member", member)
        await self._authority.authorise(caller, Verb.MEMBER_MANAGE, resource)
        async with self._database.engine.begin() as connection:
            owner = await find_project(connection, project)
            await projects.lock(connection, owner.id)
            before = await members.owners(connection, owner.id)
            person, group = await _who(connection, member)
            now = await members.role_of(connection, owner.id, user_id=person, group_id=group)
            check_edited("role of", member, None if now is None else _digest(now), edited)
            await members.put(connection, owner.id, role, user_id=person, group_id=group)
            await _keep_owner(connection, owner.id, project, before)
            await self._authority.record(connection, caller, Verb.MEMBER_MANAGE, resource, {"act": "put", "role": role})

    async def remove(self, caller: Principal, project: str, member: str) -> None:
        """Take the role away. Raises NotFound, Denied, Conflict (the last owner)."""
        resource = ProjectResource(project, "member", member)
        await self._authority.authorise(caller, Verb.MEMBER_MANAGE, resource)
        async with self._database.engine.begin() as connection:
            owner = await find_project(connection, project)
            await projects.lock(connection, owner.id)
            before = await members.owners(connection, owner.id)
            person, group = await _who(connection, member)
            if not await members.remove(connection, owner.id, user_id=person, group_id=group):
                raise NotFound(f"member of project {project}", member)
            await _keep_owner(connection, owner.id, project, before)
            await self._authority.record(connection, caller, Verb.MEMBER_MANAGE, resource, {"act": "remove"})

    async def task_access(self, caller: Principal, project: str, task: str) -> TaskAccess:
        """Who alone may run a task and answer for it. Raises NotFound, Denied."""
        await self._authority.authorise(caller, Verb.TASK_READ, TaskResource(project, task))
        async with self._database.reader.connect() as connection:
            found = await members.access_of(connection, (await find_task(connection, project, task)).id)
        return _access(found.runners, found.answerers)

    async def narrow_task(
        self,
        caller: Principal,
        project: str,
        task: str,
        *,
        runners: Sequence[str],
        answerers: Sequence[str],
        edited: Sequence[str] | None = None,
    ) -> TaskAccess:
        """Let only these run the task, and only those answer for it; an empty list narrows nothing.

        Binds owners and administrators too, who can widen it again. `edited`: digests, one of which what is there must
        have. Raises NotFound, Denied, Invalid, ChangedMeanwhile.
        """
        resource = TaskResource(project, task)
        await self._authority.authorise(caller, Verb.TASK_ACCESS, resource)
        if max(len(runners), len(answerers)) > _MOST_REFERENCES:
            raise Invalid("Too many are named.", f"Name up to {_MOST_REFERENCES}; groups keep lists short.")
        async with self._database.engine.begin() as connection:
            found = await find_task(connection, project, task, lock=True)
            before = await members.access_of(connection, found.id)
            check_edited("access to task", task, _access(before.runners, before.answerers).digest, edited)
            await _check_references(connection, "runners", runners)
            await _check_references(connection, "answerers", answerers)
            await members.narrow(connection, found.id, runners, answerers)
            detail: dict[str, Json] = {"runners": list(runners), "answerers": list(answerers)}
            await self._authority.record(connection, caller, Verb.TASK_ACCESS, resource, detail)
        return _access(runners, answerers)


def _digest(role: str) -> str:
    return digest_of_value(str(role))


def _access(runners: Sequence[str], answerers: Sequence[str]) -> TaskAccess:
    return TaskAccess(tuple(runners), tuple(answerers), digest_of_value([list(runners), list(answerers)]))


class GroupService:
    """What a caller may ask of groups: they belong to the server, and roles are given to them in projects."""

    def __init__(self, database: Database, authority: Authority) -> None:
        self._database = database
        self._authority = authority

    async def list(self, caller: Principal) -> list[GroupView]:
        """All groups with their people, by name. Raises Denied."""
        await self._authority.authorise(caller, Verb.GROUP_READ, ServerResource("group"))
        async with self._database.reader.connect() as connection:
            found = await members.every_group(connection)
        return [GroupView(group.name, group.title, tuple(people)) for group, people in found]

    async def create(self, caller: Principal, name: str, *, title: str | None = None) -> None:
        """A new group. Raises Denied, Invalid, Conflict."""
        resource = await self._may_manage(caller, name)
        check_group_name(name)
        async with self._database.engine.begin() as connection:
            if not await members.make_group(connection, name, title):
                raise Conflict(f"There is a group {name} already.", "Choose another name.")
            await self._authority.record(connection, caller, Verb.GROUP_MANAGE, resource, {"act": "create"})

    async def remove(self, caller: Principal, name: str) -> None:
        """Remove a group and the roles that it has. Raises NotFound, Denied, Conflict (the last owner of a project)."""
        resource = await self._may_manage(caller, name)
        async with self._database.engine.begin() as connection:
            group = await _group(connection, name)
            before = await _owned(connection, group)
            await members.remove_group(connection, group.id)
            await _keep_owners(connection, before)
            await self._authority.record(connection, caller, Verb.GROUP_MANAGE, resource, {"act": "remove"})

    async def add(self, caller: Principal, name: str, person: str) -> None:
        """Put a person into a group. Raises NotFound, Denied."""
        resource = await self._may_manage(caller, name)
        async with self._database.engine.begin() as connection:
            group, user = await _group(connection, name), await find_user(connection, person)
            if await members.join(connection, group.id, user.id):
                detail = {"act": "add", "person": user.name}
                await self._authority.record(connection, caller, Verb.GROUP_MANAGE, resource, detail)

    async def take_out(self, caller: Principal, name: str, person: str) -> None:
        """Take a person out of a group. Raises NotFound, Denied, Conflict (the last owner of a project)."""
        resource = await self._may_manage(caller, name)
        async with self._database.engine.begin() as connection:
            group, user = await _group(connection, name), await find_user(connection, person)
            before = await _owned(connection, group)
            if await members.leave(connection, group.id, user.id):
                await _keep_owners(connection, before)
                detail = {"act": "take out", "person": user.name}
                await self._authority.record(connection, caller, Verb.GROUP_MANAGE, resource, detail)

    async def _may_manage(self, caller: Principal, name: str) -> ServerResource:
        resource = ServerResource("group", name)
        await self._authority.authorise(caller, Verb.GROUP_MANAGE, resource)
        return resource


async def _who(connection: AsyncConnection, member: str) -> tuple[UUID | None, UUID | None]:
    """Ids of the person, or of the group."""
    if member.startswith("user:"):
        return (await find_user(connection, member)).id, None
    if member.startswith("group:"):
        return None, (await _group(connection, member.removeprefix("group:"))).id
    raise Invalid(f"{member[:80]!r} names nobody.", "Write user:ana or group:ops.", field="member")


async def _check_references(connection: AsyncConnection, field: str, references: Sequence[str]) -> None:
    """Raises Invalid for one that is nobody: a slip would lock everybody out of the task."""
    for reference in references:
        kind, _, name = reference.partition(":")
        if kind == "role":
            if name not in set(ProjectRole):
                raise Invalid(f"{reference[:80]!r} is no role.", f"Roles are {', '.join(ProjectRole)}.", field=field)
            continue
        try:
            await _who(connection, reference)
        except NotFound as nobody:
            raise Invalid(str(nobody), f"Correct {field}, or make the {kind} first.", field=field) from None
        except Invalid as nobody:
            raise Invalid(str(nobody), "Write user:ana, group:ops or role:owner.", field=field) from None


async def _group(connection: AsyncConnection, name: str) -> GroupRow:
    found = None if "\0" in name else await members.find_group(connection, name)
    if found is None:
        raise NotFound("group", name)
    return found


async def _owned(connection: AsyncConnection, group: GroupRow) -> list[tuple[UUID, str, int]]:
    """Projects that the group owns, and how many owners each has; the projects are locked."""
    owned = await members.owned_by_group(connection, group.id)
    return [(project, name, await members.owners(connection, project)) for project, name in owned]


async def _keep_owners(connection: AsyncConnection, before: Sequence[tuple[UUID, str, int]]) -> None:
    for project, name, count in before:
        await _keep_owner(connection, project, name, count)


async def _keep_owner(connection: AsyncConnection, project: UUID, name: str, before: int) -> None:
    """Raises Conflict where a project would lose its last owner; the transaction is then rolled back."""
    if before > 0 and await members.owners(connection, project) == 0:
        raise Conflict(f"Project {name} would be left without an owner.", "Make somebody else an owner first.")
