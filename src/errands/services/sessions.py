"""Sessions: a random cookie, of which only the hash is kept. It changes every few minutes and ends when unused."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core import ids
from errands.core.access import AccountResource, Principal, SystemPrincipal, Verb
from errands.services.authority import Authority, Clock, utc_now
from errands.services.errors import NotFound, Unauthenticated
from errands.services.people_views import SessionFound, SessionView, SignedIn
from errands.services.principals import account, hash_of, id_of, new_secret, person_of, user_of
from errands.store import callers, people, sessions
from errands.store.callers import PersonRow, SessionCaller
from errands.store.database import Database
from errands.store.sessions import SessionRow

_GRACE = timedelta(seconds=60)
"""How long the cookie before the last change still works, for requests that were under way."""
_NOTE_USE_EVERY = timedelta(minutes=1)
_LONGEST_AGENT = 300
_SIGN_IN = "Sign in again."
DOOR = SystemPrincipal("door", "sign-in")
"""Who acts while nobody is signed in."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long sessions live."""

    idle: timedelta = timedelta(days=7)
    """Without use."""
    absolute: timedelta = timedelta(days=30)
    """From the sign-in, used or not."""
    rotation: timedelta = timedelta(minutes=15)
    """Age at which a cookie is replaced."""


class SessionService:
    """Who is signed in where. `find` and `sign_out` are doors: the cookie itself is the right."""

    def __init__(
        self, database: Database, authority: Authority, lifetimes: Lifetimes | None = None, clock: Clock = utc_now
    ) -> None:
        self._database = database
        self._authority = authority
        self._lifetimes = lifetimes or Lifetimes()
        self._clock = clock

    async def find(self, cookie: str) -> SessionFound:
        """Whose cookie it is; perhaps with a new one to send. Raises Unauthenticated."""
        now = self._clock()
        found = await callers.by_session(self._database.pool, hash_of(cookie), now - _GRACE)
        if found is None or not self._alive(found, now):
            raise Unauthenticated("Nobody is signed in with this cookie, or no longer.", _SIGN_IN)
        if found.person.disabled_at is not None:
            raise Unauthenticated(f"The account {found.person.name} is disabled.", "Ask an administrator.")
        return SessionFound(
            person_of(found.person),
            ids.encode("session", found.id),
            await self._keep_up(found, cookie, now),
            found.expires_at,
        )

    async def open(
        self, connection: AsyncConnection, person: PersonRow, *, address: str, agent: str | None, how: str
    ) -> SignedIn:
        """A new session, in the connection's transaction; for the doors, which have seen who it is."""
        now, shown = self._clock(), new_secret()
        expires_at = now + self._lifetimes.absolute
        session = await sessions.make(
            connection, person.id, shown.hash, address=address, agent=_storable(agent), now=now, expires_at=expires_at
        )
        await people.change(connection, person.id, last_seen_at=now)
        caller = person_of(person)
        own = AccountResource(caller.id, caller.name)
        await self._authority.record(connection, caller, Verb.SIGN_IN, own, {"address": address, "how": how})
        return SignedIn(caller, ids.encode("session", session), shown.text, expires_at)

    async def sign_out(self, cookie: str) -> None:
        """End the session of this cookie, if there is one."""
        found = await callers.by_session(self._database.pool, hash_of(cookie), self._clock() - _GRACE)
        if found is None:
            return
        caller = person_of(found.person)
        async with self._database.engine.begin() as connection:
            await sessions.remove(connection, found.id)
            own = AccountResource(caller.id, caller.name)
            await self._authority.record(connection, caller, Verb.SESSION_MANAGE, own, {"act": "sign out"})

    async def list(
        self, caller: Principal, *, person: str | None = None, current: str | None = None
    ) -> list[SessionView]:
        """Where the caller, or the person, is signed in; newest first. `current`: the session that asks, if one does.

        Raises NotFound, Denied, Invalid.
        """
        async with self._database.reader.connect() as connection:
            user = await user_of(connection, caller, person)
        await self._authority.authorise(caller, Verb.SESSION_MANAGE, account(user))
        async with self._database.reader.connect() as connection:
            found = await sessions.of_person(connection, user.id, self._clock())
        return [_view(row, current) for row in found]

    async def revoke(self, caller: Principal, session: str) -> None:
        """End a session. Raises NotFound, Denied."""
        session_id = id_of("session", session)
        async with self._database.reader.connect() as connection:
            row = await sessions.by_id(connection, session_id)
            user = None if row is None else await people.by_id(connection, row.user_id)
        if user is None:
            raise NotFound("session", session)
        await self._authority.authorise(caller, Verb.SESSION_MANAGE, account(user))
        async with self._database.engine.begin() as connection:
            await sessions.remove(connection, session_id)
            detail = {"act": "revoke", "session": session}
            await self._authority.record(connection, caller, Verb.SESSION_MANAGE, account(user), detail)

    def _alive(self, found: SessionCaller, now: datetime) -> bool:
        return found.expires_at > now and found.used_at + self._lifetimes.idle > now

    async def _keep_up(self, found: SessionCaller, cookie: str, now: datetime) -> str | None:
        """Replace a cookie that has got old, and note the use now and then."""
        current = found.hash == hash_of(cookie)
        if current and now - found.rotated_at >= self._lifetimes.rotation:
            shown = new_secret()
            async with self._database.engine.begin() as connection:
                await sessions.touch(connection, found.id, now)
                if await sessions.rotate(connection, found.id, found.hash, shown.hash, now):
                    return shown.text
        elif now - found.used_at >= _NOTE_USE_EVERY:
            async with self._database.engine.begin() as connection:
                await sessions.touch(connection, found.id, now)
        return None


def _view(row: SessionRow, current: str | None) -> SessionView:
    session = ids.encode("session", row.id)
    return SessionView(session, session == current, row.address, row.agent, row.used_at, row.created_at, row.expires_at)


def _storable(agent: str | None) -> str | None:
    return None if agent is None else agent[:_LONGEST_AGENT].encode(errors="replace").decode().replace("\0", "")


def cookie_name(*, secure: bool) -> str:
    """With TLS a name that browsers take from this very host alone (RFC 6265bis, 4.1.3.2)."""
    return "__Host-errands" if secure else "errands"


def set_cookie(value: str | None, expires_at: datetime, now: datetime, *, secure: bool) -> str:
    """The `Set-Cookie` header of a session; None as value takes the cookie away. `secure`: the page comes by TLS."""
    seconds = 0 if value is None else max(int((expires_at - now).total_seconds()), 0)
    parts = [f"{cookie_name(secure=secure)}={value or ''}", "Path=/", "HttpOnly", "SameSite=Lax", f"Max-Age={seconds}"]
    return "; ".join([*parts, "Secure"] if secure else parts)
