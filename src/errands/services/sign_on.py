"""Sign-on by OpenID Connect: authorization code with PKCE (RFC 7636); the answer must fit what was begun here."""

import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.access import AccountResource, Verb
from errands.services.authority import Authority, Clock, utc_now
from errands.services.errors import Conflict, Denied, Unauthenticated
from errands.services.identity_provider import Claims, IdentityProvider
from errands.services.people_views import SignedIn
from errands.services.principals import check_person_name, hash_of
from errands.services.sessions import DOOR, SessionService
from errands.store import callers, people, sessions
from errands.store.database import Database
from errands.store.people import UserRow
from errands.store.sessions import SignOnRow

_LIVES = timedelta(minutes=10)
_LONGEST_RETURN = 2_000
_BAD_LETTERS = re.compile(r"[^a-z0-9._@+-]+")


@dataclass(frozen=True, slots=True)
class SignOnBegun:
    """Send the browser to `url`, and keep `state` in a cookie (HttpOnly, SameSite=Lax) until it comes back."""

    url: str
    state: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedOn:
    """Somebody came back and is in."""

    signed_in: SignedIn
    return_to: str


class SignOn:
    """Lets in whom the identity provider vouches for. Doors all: nobody is signed in yet."""

    def __init__(
        self,
        database: Database,
        authority: Authority,
        sessions_: SessionService,
        provider: IdentityProvider,
        *,
        create_accounts: bool,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._authority = authority
        self._sessions = sessions_
        self._provider = provider
        self._create_accounts = create_accounts
        self._clock = clock

    async def begin(self, *, redirect_uri: str, return_to: str = "/") -> SignOnBegun:
        """Where to send the browser. `return_to` is a path of ours. Raises Unavailable (the provider)."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        url = await self._provider.authorization_url(redirect_uri, state=state, nonce=nonce, verifier=verifier)
        row = SignOnRow(hash_of(state), nonce, verifier, redirect_uri, own_path(return_to), self._clock() + _LIVES)
        async with self._database.engine.begin() as connection:
            await sessions.begin_sign_on(connection, row)
        return SignOnBegun(url, state)

    async def finish(
        self, *, state: str, cookie_state: str, code: str, address: str, agent: str | None = None
    ) -> SignedOn:
        """Let in whoever comes back with a code, in the browser in which it was begun.

        Raises Unauthenticated (anything about the answer that does not fit), Unavailable (the provider), Denied (no
        account, and none is made), Conflict (the name is somebody else's).
        """
        now = self._clock()
        async with self._database.engine.begin() as connection:
            begun = await sessions.take_sign_on(connection, hash_of(state), now)
        if begun is None or not hmac.compare_digest(hash_of(state), hash_of(cookie_state)):
            raise Unauthenticated("This sign-on was not begun in this browser, or too long ago.", "Begin again.")
        claims = await self._provider.claims(code, begun.redirect_uri, nonce=begun.nonce, verifier=begun.verifier)
        async with self._database.engine.begin() as connection:
            user = await self._account(connection, claims, now)
            await people.link_identity(connection, user.id, claims.issuer, claims.subject, claims.email, now)
        if user.disabled_at is not None:
            raise Denied(f"The account {user.name} is disabled.", "Ask an administrator.")
        person = await callers.by_id(self._database.pool, user.id)
        assert person is not None
        async with self._database.engine.begin() as connection:
            signed_in = await self._sessions.open(
                connection, person, address=address, agent=agent, how=f"sign-on at {claims.issuer}"
            )
        return SignedOn(signed_in, begun.return_to or "/")

    async def _account(self, connection: AsyncConnection, claims: Claims, now: datetime) -> UserRow:
        """The account of these claims: known, prepared by an administrator, or new."""
        known = await people.by_identity(connection, claims.issuer, claims.subject)
        if known is not None:
            return known
        if claims.email is not None and claims.email_verified:
            prepared = await people.prepared_for(connection, claims.email)
            if prepared is not None:
                return prepared
        if not self._create_accounts:
            raise Denied(
                f"There is no account for {claims.email or claims.subject}.",
                "Ask an administrator to make one with this e-mail address and without a password.",
            )
        name = _name_of(claims)
        made = await people.make(connection, name, title=claims.title, email=claims.email, now=now)
        if made is None:
            hint = "Ask an administrator: an account is never given to somebody else because of its name."
            raise Conflict(f"The account {name} is somebody else's.", hint)
        detail = {"act": "create", "how": f"sign-on at {claims.issuer}"}
        await self._authority.record(
            connection, DOOR, Verb.USER_MANAGE, AccountResource(f"usr_{made.hex}", name), detail
        )
        user = await people.by_id(connection, made)
        assert user is not None
        return user


def own_path(text: str) -> str:
    """The text, if it is a path on this very server; else `/`. A sign-on must not lead to another site."""
    own = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and "\\" not in text
    return text if own and len(text) <= _LONGEST_RETURN else "/"


def _name_of(claims: Claims) -> str:
    wanted = claims.username or (claims.email or "").partition("@")[0] or claims.subject
    return check_person_name(_BAD_LETTERS.sub("-", wanted.lower()).strip("._@+-")[:63] or "person")
