"""Accounts of people: made, shown, changed, closed. An account is never deleted, for records name people by it."""

from datetime import timedelta

from errands.core import ids
from errands.core.access import Person, Principal, ServerResource, ServerRole, Verb
from errands.core.schedules.findings import Findings
from errands.core.schedules.timezones import check_timezone
from errands.core.values import Json
from errands.services import passwords
from errands.services.attempts import Attempts
from errands.services.authority import Authority, Clock, utc_now
from errands.services.errors import Conflict, Denied, Invalid, Unauthenticated
from errands.services.passwords import Passwords
from errands.services.people_views import LinkMade, PersonView
from errands.services.principals import account, behind, check_person_name, find_user, id_of, new_secret, user_of
from errands.services.views import Page
from errands.store import people, sessions, tokens
from errands.store.database import Database
from errands.store.people import UserRow

_LINK_LIVES = timedelta(hours=72)
_LARGEST_PAGE = 500
_LONGEST_TEXT = 200


class PeopleService:
    """What a caller may ask of accounts. People are named by their sign-in name; None stands for the caller."""

    def __init__(
        self,
        database: Database,
        authority: Authority,
        passwords_: Passwords,
        attempts: Attempts,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._authority = authority
        self._passwords = passwords_
        self._attempts = attempts
        self._clock = clock

    async def create(
        self,
        caller: Principal,
        name: str,
        *,
        title: str | None = None,
        email: str | None = None,
        server_role: ServerRole = ServerRole.MEMBER,
        password: str | None = None,
    ) -> PersonView:
        """A new account; without a password it waits for `password_link` or a sign-on.

        Raises Denied, Invalid, Conflict (the name is taken).
        """
        name = check_person_name(name)
        await self._authority.authorise(caller, Verb.USER_MANAGE, ServerResource("person", name))
        _check_text("title", title)
        _check_text("email", email)
        kept = None
        if password is not None:
            passwords.check(password, name)
            kept = await self._passwords.hash(password)
        async with self._database.engine.begin() as connection:
            made = await people.make(
                connection,
                name,
                title=title,
                email=email,
                server_role=server_role,
                password=kept,
                now=self._clock(),
            )
            if made is None:
                raise Conflict(f"There is an account {name} already.", "Choose another name, or enable the account.")
            detail = {"act": "create", "server_role": server_role}
            await self._authority.record(connection, caller, Verb.USER_MANAGE, ServerResource("person", name), detail)
            return _view(await find_user(connection, name))

    async def get(self, caller: Principal, name: str | None = None) -> PersonView:
        """An account. Raises NotFound, Denied, Invalid."""
        person = behind(caller)
        own = name is None or (person is not None and name.removeprefix("user:") == person.name)
        if not own:
            await self._authority.authorise(caller, Verb.USER_READ, ServerResource("person", name or ""))
        async with self._database.reader.connect() as connection:
            user = await user_of(connection, caller, name)
        if own:
            await self._authority.authorise(caller, Verb.ACCOUNT_READ, account(user))
        return _view(user)

    async def list(self, caller: Principal, *, cursor: str | None = None, limit: int = 100) -> Page[PersonView]:
        """Accounts by name. Raises Denied, Invalid."""
        await self._authority.authorise(caller, Verb.USER_READ, ServerResource("person"))
        if not 1 <= limit <= _LARGEST_PAGE:
            raise Invalid(f"{limit} people cannot be on one page.", f"Ask for 1 to {_LARGEST_PAGE}.")
        after = None if cursor is None else check_person_name(cursor)
        async with self._database.reader.connect() as connection:
            found = await people.every(connection, after, limit + 1)
        items = tuple(_view(row) for row in found[:limit])
        return Page(items, items[-1].name if len(found) > limit else None)

    async def edit(
        self, caller: Principal, name: str | None, *, title: str | None, email: str | None, timezone: str | None
    ) -> PersonView:
        """Say how the person is called and reached, and which zone is home. Raises NotFound, Denied, Invalid."""
        async with self._database.reader.connect() as connection:
            user = await user_of(connection, caller, name)
        await self._authority.authorise(caller, Verb.ACCOUNT_EDIT, account(user))
        _check_text("title", title)
        _check_text("email", email)
        if timezone is not None and check_timezone(timezone, "", Findings()) is None:
            raise Invalid(f"{timezone[:80]!r} is no time zone.", "Give one such as Europe/Berlin.")
        async with self._database.engine.begin() as connection:
            await people.change(connection, user.id, title=title, email=email, timezone=timezone)
            await self._authority.record(connection, caller, Verb.ACCOUNT_EDIT, account(user), {"act": "edit"})
            return _view(await find_user(connection, user.name))

    async def set_role(self, caller: Principal, name: str, role: ServerRole) -> PersonView:
        """Make the person an administrator, an auditor or a member. Raises NotFound, Denied, Conflict."""
        return await self._change(caller, name, "role", role=role)

    async def disable(self, caller: Principal, name: str) -> PersonView:
        """Let the person in no more: sessions end and tokens stop. Raises NotFound, Denied, Conflict."""
        return await self._change(caller, name, "disable")

    async def enable(self, caller: Principal, name: str) -> PersonView:
        """Let the person in again. Raises NotFound, Denied."""
        return await self._change(caller, name, "enable")

    async def password_link(self, caller: Principal, name: str) -> LinkMade:
        """A link with which the person chooses a new password, in place of earlier ones. Raises NotFound, Denied."""
        await self._authority.authorise(caller, Verb.USER_MANAGE, ServerResource("person", name))
        shown, expires_at = new_secret(), self._clock() + _LINK_LIVES
        async with self._database.engine.begin() as connection:
            user = await find_user(connection, name)
            await people.make_link(connection, "password", user.id, shown.hash, expires_at)
            detail = {"act": "password link"}
            await self._authority.record(
                connection, caller, Verb.USER_MANAGE, ServerResource("person", user.name), detail
            )
        return LinkMade(shown.text, expires_at)

    async def change_password(
        self, caller: Principal, old: str, new: str, *, session: str | None = None, address: str = ""
    ) -> None:
        """Choose another password; every other session than `session` ends.

        Raises Denied (only people signed in have a password), Unauthenticated (the old one), Invalid, TooMany.
        """
        if not isinstance(caller, Person):
            raise Denied("Only a person who is signed in changes a password.", "Sign in in the page.")
        async with self._database.reader.connect() as connection:
            user = await find_user(connection, caller.name)
        await self._authority.authorise(caller, Verb.ACCOUNT_EDIT, account(user))
        passwords.check(new, user.name)
        attempt = await self._attempts.begin(user.name, f"change {address}")
        if not (await self._passwords.verify(old, user.password)).fits:
            raise Unauthenticated("The old password is wrong.", "Try again, or ask an administrator for a link.")
        kept = await self._passwords.hash(new)
        async with self._database.engine.begin() as connection:
            await sessions.note_success(connection, attempt)
            await people.change(connection, user.id, password=kept, password_changed_at=self._clock())
            await sessions.remove_all(connection, user.id, but=None if session is None else id_of("session", session))
            await self._authority.record(connection, caller, Verb.ACCOUNT_EDIT, account(user), {"act": "password"})

    async def _change(self, caller: Principal, name: str, act: str, *, role: ServerRole | None = None) -> PersonView:
        """Change who may come in, or what for; an administrator who can sign in must remain."""
        await self._authority.authorise(caller, Verb.USER_MANAGE, ServerResource("person", name))
        now = self._clock()
        async with self._database.engine.begin() as connection:
            admins = await people.enabled_admins(connection)
            user = await find_user(connection, name)
            admin = user.server_role == ServerRole.ADMIN and user.disabled_at is None
            if admins == 1 and admin and (act == "disable" or (role is not None and role is not ServerRole.ADMIN)):
                hint = "Make somebody else an administrator first."
                raise Conflict(f"{user.name} is the only administrator who can sign in.", hint)
            if role is not None:
                await people.change(connection, user.id, server_role=role)
            else:
                await people.change(connection, user.id, disabled_at=now if act == "disable" else None)
            if act == "disable":
                await sessions.remove_all(connection, user.id)
                await tokens.revoke_all(connection, user.id, now)
            detail: dict[str, Json] = {"act": act} if role is None else {"act": act, "server_role": role}
            resource = ServerResource("person", user.name)
            await self._authority.record(connection, caller, Verb.USER_MANAGE, resource, detail)
            return _view(await find_user(connection, user.name))


def _check_text(what: str, text: str | None) -> None:
    if text is not None and (len(text) > _LONGEST_TEXT or not text.isprintable()):
        raise Invalid(
            f"The {what} is too long or holds what cannot be shown.", f"Use up to {_LONGEST_TEXT} characters."
        )


def _view(row: UserRow) -> PersonView:
    return PersonView(
        ids.encode("person", row.id),
        row.name,
        row.title,
        row.email,
        row.timezone,
        ServerRole(row.server_role),
        row.password is not None,
        row.disabled_at,
        row.last_seen_at,
        row.created_at,
    )
