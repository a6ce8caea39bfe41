"""Tokens for programs: shown once, kept as a hash, cut by scopes, projects and time."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core import ids
from errands.core.access import Principal, Scope, Token, Verb
from errands.core.values import Json
from errands.services.authority import Authority, Clock, utc_now
from errands.services.errors import Conflict, Invalid, NotFound, Unauthenticated
from errands.services.lookup import find_project
from errands.services.people_views import TokenMade, TokenView
from errands.services.principals import account, hash_of, id_of, new_secret, person_of, user_of
from errands.store import callers, people, tokens
from errands.store.database import Database
from errands.store.tokens import TokenRow

PREFIX = "errands_"
"""So that scanners of leaked secrets, and people, know one when they see it."""

_SHOWN = len(PREFIX) + 6
_LONGEST_LIFE = timedelta(days=3660)
_MOST = 200
_NOTE_USE_EVERY = timedelta(minutes=1)
_LONGEST_NAME = 100


class TokenService:
    """Makes, lists and revokes tokens. `find` is a door: the token itself is the right."""

    def __init__(self, database: Database, authority: Authority, clock: Clock = utc_now) -> None:
        self._database = database
        self._authority = authority
        self._clock = clock

    async def find(self, text: str) -> Token:
        """Whose token it is, with the rights of this moment. Raises Unauthenticated."""
        found = await callers.by_token(self._database.pool, hash_of(text)) if text.startswith(PREFIX) else None
        if found is None:
            raise Unauthenticated("This is no token of this server.", "Make one: errands tokens make, or in the page.")
        now, name = self._clock(), found.name
        if found.revoked_at is not None:
            raise Unauthenticated(f"The token {name} was revoked.", "Make another.")
        if found.expires_at is not None and found.expires_at <= now:
            raise Unauthenticated(f"The token {name} expired on {found.expires_at:%Y-%m-%d}.", "Make another.")
        if found.person.disabled_at is not None:
            raise Unauthenticated(f"The account {found.person.name} is disabled.", "Ask an administrator.")
        if found.used_at is None or now - found.used_at >= _NOTE_USE_EVERY:
            async with self._database.engine.begin() as connection:
                await tokens.touch(connection, found.id, now, _NOTE_USE_EVERY)
        return Token(
            ids.encode("token", found.id),
            name,
            person_of(found.person),
            frozenset(Scope(scope) for scope in found.scopes),
            None if found.projects is None else frozenset(found.projects),
            found.expires_at,
        )

    async def make(
        self,
        caller: Principal,
        name: str,
        scopes: Sequence[Scope],
        *,
        expires_in: timedelta | None,
        projects: Sequence[str] | None = None,
        person: str | None = None,
    ) -> TokenMade:
        """A token for the caller; an administrator also makes them for others, such as accounts of programs.

        `expires_in` None: never. `projects` None: all of the person's. Raises NotFound, Denied, Invalid, Conflict.
        """
        async with self._database.reader.connect() as connection:
            user = await user_of(connection, caller, person)
        await self._authority.authorise(caller, Verb.TOKEN_MANAGE, account(user))
        _check(name, scopes, expires_in)
        now, shown = self._clock(), new_secret(PREFIX)
        async with self._database.engine.begin() as connection:
            if len(await tokens.of_person(connection, user.id)) >= _MOST:
                raise Conflict(f"{user.name} has {_MOST} tokens.", "Revoke some that are not used.")
            reached = None if projects is None else [(await find_project(connection, one)).id for one in projects]
            row = await tokens.make(
                connection,
                user.id,
                name,
                shown.hash,
                shown.text[:_SHOWN],
                sorted(set(scopes)),
                reached,
                None if expires_in is None else now + expires_in,
            )
            detail: dict[str, Json] = {
                "act": "make",
                "token": ids.encode("token", row.id),
                "scopes": list(row.scopes),
                "projects": None if projects is None else list(projects),
            }
            await self._authority.record(connection, caller, Verb.TOKEN_MANAGE, account(user), detail)
            return TokenMade(shown.text, await _view(connection, row))

    async def list(self, caller: Principal, *, person: str | None = None) -> list[TokenView]:
        """The caller's tokens, or the person's, newest first; revoked ones are left out. Raises NotFound, Denied."""
        async with self._database.reader.connect() as connection:
            user = await user_of(connection, caller, person)
        await self._authority.authorise(caller, Verb.TOKEN_READ, account(user))
        async with self._database.reader.connect() as connection:
            return [await _view(connection, row) for row in await tokens.of_person(connection, user.id)]

    async def revoke(self, caller: Principal, token: str) -> None:
        """Let a token work no more, from the next request on. Raises NotFound, Denied."""
        token_id = id_of("token", token)
        async with self._database.reader.connect() as connection:
            row = await tokens.by_id(connection, token_id)
            user = None if row is None else await people.by_id(connection, row.user_id)
        if user is None:
            raise NotFound("token", token)
        await self._authority.authorise(caller, Verb.TOKEN_MANAGE, account(user))
        async with self._database.engine.begin() as connection:
            if await tokens.revoke(connection, token_id, self._clock()):
                detail = {"act": "revoke", "token": token}
                await self._authority.record(connection, caller, Verb.TOKEN_MANAGE, account(user), detail)


def _check(name: str, scopes: Sequence[Scope], expires_in: timedelta | None) -> None:
    if not 1 <= len(name.strip()) <= _LONGEST_NAME or not name.isprintable():
        raise Invalid(f"{name[:80]!r} cannot be the name of a token.", f"Use 1 to {_LONGEST_NAME} characters.")
    if not scopes:
        raise Invalid("A token without a scope may nothing.", f"Give some of: {', '.join(Scope)}.")
    if expires_in is not None and not timedelta(0) < expires_in <= _LONGEST_LIFE:
        raise Invalid(f"A token cannot expire in {expires_in}.", f"Choose up to {_LONGEST_LIFE.days} days.")


async def _view(connection: AsyncConnection, row: TokenRow) -> TokenView:
    reached = None if row.project_ids is None else tuple(await tokens.project_names(connection, row.project_ids))
    return TokenView(
        ids.encode("token", row.id),
        row.name,
        row.prefix,
        tuple(Scope(scope) for scope in row.scopes),
        reached,
        row.expires_at,
        row.used_at,
        row.created_at,
    )
