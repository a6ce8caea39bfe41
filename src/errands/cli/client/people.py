"""People: who calls, accounts, what lets them in, what they are in projects."""

from collections.abc import Sequence

from errands.cli.client.connection import Connection
from errands.core.access import ProjectRole, Scope, ServerRole
from errands.services.people_views import GroupView, LinkMade, MemberView, PersonView, TaskAccess, TokenMade, TokenView
from errands.services.views import Page

_DAYS = 90


class People:
    """Accounts, tokens, members of projects."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def me(self) -> PersonView:
        """The caller's own account."""
        return await self._connection.get(PersonView, "me")

    async def list(self, *, cursor: str | None, limit: int) -> Page[PersonView]:
        """Accounts by name."""
        return await self._connection.get(Page[PersonView], "people", cursor=cursor, limit=limit)

    async def create(self, name: str, *, title: str | None, email: str | None, role: ServerRole) -> PersonView:
        """Make an account without a password."""
        body = {"title": title, "email": email, "server_role": role}
        return await self._connection.post(PersonView, "people", name, body=body)

    async def password_link(self, name: str) -> LinkMade:
        """The secret of a link with which the person chooses a password."""
        return await self._connection.post(LinkMade, "people", name, "password-link")

    async def set_role(self, name: str, role: ServerRole) -> PersonView:
        """What a person is on the server."""
        return await self._connection.ask(PersonView, "PUT", "people", name, "role", body={"role": role})

    async def turn(self, name: str, verb: str) -> PersonView:
        """`enable` or `disable` an account."""
        return await self._connection.post(PersonView, "people", name, verb)

    async def members(self, project: str) -> Sequence[MemberView]:
        """Everybody who has a role in the project."""
        return await self._connection.get(list[MemberView], "projects", project, "members")

    async def put_member(self, project: str, member: str, role: ProjectRole) -> None:
        """Give a person or a group a role."""
        await self._connection.value("PUT", "projects", project, "members", member, body={"role": role})

    async def remove_member(self, project: str, member: str) -> None:
        """Take the role away."""
        await self._connection.value("DELETE", "projects", project, "members", member)

    async def task_access(self, project: str, task: str) -> TaskAccess:
        """Who alone may run a task and answer for it."""
        return await self._connection.get(TaskAccess, "projects", project, "tasks", task, "access")

    async def narrow_task(self, project: str, task: str, access: TaskAccess) -> TaskAccess:
        """Let only these run it, and only those answer for it."""
        body = {"runners": list(access.runners), "answerers": list(access.answerers)}
        return await self._connection.ask(TaskAccess, "PUT", "projects", project, "tasks", task, "access", body=body)

    async def groups(self) -> Sequence[GroupView]:
        """All groups with their people."""
        return await self._connection.get(list[GroupView], "groups")

    async def make_group(self, group: str, *, title: str | None) -> None:
        """Make a group without people."""
        await self._connection.value("PUT", "groups", group, body={"title": title})

    async def remove_group(self, group: str) -> None:
        """Remove a group."""
        await self._connection.value("DELETE", "groups", group)

    async def add_to_group(self, group: str, person: str) -> None:
        """Take somebody into a group."""
        await self._connection.value("PUT", "groups", group, "people", person)

    async def take_out_of_group(self, group: str, person: str) -> None:
        """Take somebody out of a group."""
        await self._connection.value("DELETE", "groups", group, "people", person)

    async def tokens(self, person: str | None) -> Sequence[TokenView]:
        """A person's tokens, without their text. None: the caller's."""
        return await self._connection.get(list[TokenView], "tokens", person=person)

    async def make_token(
        self,
        name: str,
        scopes: Sequence[Scope],
        *,
        expires_in: str | None,
        projects: Sequence[str] | None,
        person: str | None,
    ) -> TokenMade:
        """Make a token. Denied to whoever calls with a token."""
        body = {"name": name, "scopes": scopes, "expires_in": expires_in, "projects": projects, "person": person}
        return await self._connection.post(TokenMade, "tokens", body=body)

    async def revoke_token(self, token: str) -> None:
        """Let a token work no more."""
        await self._connection.value("DELETE", "tokens", token)

    async def token_by_password(self, name: str, password: str, *, called: str) -> TokenMade:
        """Sign in, make a token of every scope for this person, and sign out again.

        `called` is the token's name; it lives for 90 days. Raises Unauthenticated, Unavailable.
        """
        await self._connection.ask(PersonView, "POST", "session", body={"name": name, "password": password})
        origin = {"Origin": self._connection.server or ""}
        wanted = {"name": called, "scopes": list(Scope), "expires_in": f"{_DAYS}d"}
        try:
            return await self._connection.ask(TokenMade, "POST", "tokens", body=wanted, headers=origin)
        finally:
            await self._connection.value("DELETE", "session", headers=origin)
