"""The doors with a password or a link. Nobody is signed in yet, so nothing is authorised: the secret is the right."""

from datetime import timedelta
from uuid import UUID

from errands.core.access import AccountResource, Verb
from errands.services import passwords
from errands.services.attempts import Attempts, place
from errands.services.authority import Authority, Clock, utc_now
from errands.services.errors import Conflict, Unauthenticated
from errands.services.passwords import Passwords
from errands.services.people_views import LinkMade, SignedIn
from errands.services.principals import check_person_name, hash_of, new_secret
from errands.services.sessions import DOOR, SessionService
from errands.store import callers, people, sessions
from errands.store.callers import PersonRow
from errands.store.database import Database
from errands.store.people import UserRow

_FIRST_LINK_LIVES = timedelta(hours=24)


class SignIn:
    """Lets people in who know a password, or have a link that works once."""

    def __init__(
        self,
        database: Database,
        authority: Authority,
        sessions_: SessionService,
        passwords_: Passwords,
        attempts: Attempts,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._authority = authority
        self._sessions = sessions_
        self._passwords = passwords_
        self._attempts = attempts
        self._clock = clock

    async def with_password(self, name: str, password: str, *, address: str, agent: str | None = None) -> SignedIn:
        """Sign in. Raises Unauthenticated (the same whether the name, the password or the account is to blame),
        TooMany.
        """
        name, address = name.strip().lower()[: passwords.LONGEST], place(address)
        attempt = await self._attempts.begin(name, address)
        async with self._database.reader.connect() as connection:
            user = await people.find(connection, name) if "\0" not in name else None
        verified = await self._passwords.verify(password, None if user is None else user.password)
        if user is None or not verified.fits or user.disabled_at is not None:
            await self._refused(user, address, verified.fits)
            raise Unauthenticated("The name or the password is wrong.", "Try again, or ask for a new password.")
        person = await self._person(user.id)
        async with self._database.engine.begin() as connection:
            await sessions.note_success(connection, attempt)
            if verified.renewed is not None:
                await people.change(connection, user.id, password=verified.renewed)
            return await self._sessions.open(connection, person, address=address, agent=agent, how="password")

    async def first_start_link(self) -> LinkMade | None:
        """A link with which the first administrator is made; None where anybody is there.

        Servers that start together on an empty database have one each. The first that is used ends them all.
        """
        shown, expires_at = new_secret(), self._clock() + _FIRST_LINK_LIVES
        async with self._database.engine.begin() as connection:
            await people.lock_first_start(connection)
            if await people.anybody(connection):
                return None
            await people.make_link(connection, "administrator", None, shown.hash, expires_at)
        return LinkMade(shown.text, expires_at)

    async def first_administrator(
        self, secret: str, name: str, password: str, *, address: str, agent: str | None = None
    ) -> SignedIn:
        """Make the first administrator and sign in. Raises Unauthenticated (the link), Invalid, Conflict."""
        name, now = check_person_name(name), self._clock()
        passwords.check(password, name)
        kept = await self._passwords.hash(password)
        async with self._database.engine.begin() as connection:
            await people.lock_first_start(connection)
            if await people.take_link(connection, "administrator", hash_of(secret), now) is None:
                raise _spent()
            if await people.anybody(connection):
                raise Conflict("There are accounts already.", "Sign in, or ask an administrator.")
            await people.forget_links(connection, "administrator")
            made = await people.make(connection, name, server_role="admin", password=kept, now=now)
            assert made is not None
            account = AccountResource(f"usr_{made.hex}", name)
            detail = {"server_role": "admin", "how": "first start"}
            await self._authority.record(connection, DOOR, Verb.USER_MANAGE, account, detail)
        return await self._let_in(made, address, agent, "first start")

    async def choose_password(self, secret: str, password: str, *, address: str, agent: str | None = None) -> SignedIn:
        """Choose a password with a link of `PeopleService.password_link` and sign in; other sessions end.

        Raises Unauthenticated (the link), Invalid (the password; the link still works).
        """
        passwords.check(password, "")
        kept, now = await self._passwords.hash(password), self._clock()
        async with self._database.engine.begin() as connection:
            link = await people.take_link(connection, "password", hash_of(secret), now)
            user = None if link is None or link.user_id is None else await people.by_id(connection, link.user_id)
            if user is None or user.disabled_at is not None:
                raise _spent()
            await people.change(connection, user.id, password=kept, password_changed_at=now)
            await sessions.remove_all(connection, user.id)
            account = AccountResource(f"usr_{user.id.hex}", user.name)
            await self._authority.record(connection, DOOR, Verb.ACCOUNT_EDIT, account, {"act": "password by link"})
        return await self._let_in(user.id, address, agent, "link")

    async def _refused(self, user: UserRow | None, address: str, fits: bool) -> None:
        """A name that is nobody's is not kept: people type their password there."""
        account = AccountResource("", "(nobody)") if user is None else AccountResource(f"usr_{user.id.hex}", user.name)
        reason = "disabled" if fits else "wrong password" if user is not None else "no such account"
        async with self._database.engine.begin() as connection:
            detail = {"address": address, "reason": reason}
            await self._authority.record(connection, DOOR, Verb.SIGN_IN, account, detail, outcome="denied")

    async def _let_in(self, user_id: UUID, address: str, agent: str | None, how: str) -> SignedIn:
        person = await self._person(user_id)
        async with self._database.engine.begin() as connection:
            return await self._sessions.open(connection, person, address=place(address), agent=agent, how=how)

    async def _person(self, user_id: UUID) -> PersonRow:
        row = await callers.by_id(self._database.pool, user_id)
        assert row is not None
        return row


def _spent() -> Unauthenticated:
    return Unauthenticated("This link does not work, or no longer.", "Ask for a new one.")
