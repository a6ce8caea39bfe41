"""Sign-ins of people at tool servers (OAuth): begun here, agreed to in a browser, finished when it comes back.

Whoever comes back has a state that nobody can guess. It says which sign-in was begun, not whose browser this is: that
is for the face to look at, and to ask where it is not the browser of the person who began.
"""

import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core import ids
from errands.core.access import Principal
from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.sign_ins import Client, Grant, Pending, SignInWay
from errands.core.tool_servers import SECRET_REFERENCE, HttpConnection, ProgramConnection, sign_in_secret
from errands.core.values import JsonObject
from errands.services.authority import Authority, Clock, utc_now
from errands.services.errors import Denied, Invalid, ServiceError, Unauthenticated, Unavailable
from errands.services.principals import behind, hash_of, operator, person_of
from errands.services.server_sign_ins import SignIns, redacted
from errands.services.tool_server_directory import read_connection
from errands.services.tool_servers import ToolServerService, editing, find_server
from errands.services.tool_views import SignInAsked, SignInBegun, ToolServerView
from errands.services.vault import Vault
from errands.store import callers, projects, tool_servers
from errands.store.database import Database
from errands.store.tool_servers import ToolServerRow

CALLBACK = "/api/v1/oauth/callback"
"""Where authorization servers send browsers back to."""
_LIVES = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class ConnectingParts:
    """What the service is made of."""

    database: Database
    authority: Authority
    vault: Vault
    sign_ins: SignIns
    way: SignInWay
    servers: ToolServerService
    base_url: str
    """How browsers reach this server."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """A sign-in that waits for its answer."""

    row: ToolServerRow
    project: str | None
    person: UUID | None
    """None: whoever sits at the machine."""
    reference: str
    until: datetime
    pending: Pending


class ConnectingService:
    """What a caller may ask of sign-ins at tool servers. Without a project the server is the installation's."""

    def __init__(self, parts: ConnectingParts, *, clock: Clock = utc_now) -> None:
        self._database = parts.database
        self._authority = parts.authority
        self._vault = parts.vault
        self._sign_ins = parts.sign_ins
        self._way = parts.way
        self._servers = parts.servers
        self._redirect_uri = parts.base_url + CALLBACK
        self._clock = clock

    async def begin(self, caller: Principal, project: str | None, name: str) -> SignInBegun:
        """Where a person agrees that we use the tool server; the answer is taken for ten minutes.

        Raises NotFound, Denied, Invalid (a server without sign-in), Unavailable (whoever signs people in there).
        """
        verb, resource = editing(project, name)
        await self._authority.authorise(caller, verb, resource)
        async with self._database.engine.begin() as connection:
            row = await find_server(connection, project, name)
            way = _with_sign_in(row)
            grant = await self._sign_ins.grant(connection, row.project_id, str(row.id))
        known = None if grant is None else grant.client
        state = f"{row.id.hex}.{secrets.token_urlsafe(32)}"
        url, pending = await self._asked(row, way, state, known)
        until = self._clock() + _LIVES
        person = behind(caller)
        begun = {
            "state": hash_of(state).hex(),
            "person": None if person is None else person.id,
            "reference": caller.reference,
            "until": until.isoformat(),
            "pending": pending.model_dump(mode="json"),
        }
        async with self._database.engine.begin() as connection:
            await self._vault.put(connection, row.project_id, sign_in_secret(str(row.id), "pending"), json.dumps(begun))
            told: JsonObject = {"act": "sign-in begun", "issuer": pending.client.issuer}
            await self._authority.record(connection, caller, verb, resource, told)
        return SignInBegun(url, until, self._redirect_uri)

    async def asked(self, state: str, signed_in: Principal | None) -> SignInAsked:
        """What was begun under a state, for whoever comes back with it. A door: the state is the right.

        Raises Unauthenticated where nothing was, or too long ago.
        """
        begun = await self._begun(state)
        person = None if signed_in is None else behind(signed_in)
        same = person is not None and begun.person is not None and person.id == ids.encode("person", begun.person)
        issuer = begun.pending.client.issuer
        return SignInAsked(begun.project, begun.row.name, issuer, begun.reference, begun_here=same)

    async def finish(self, state: str, code: str, issuer: str | None = None, refusal: str | None = None) -> SignInAsked:
        """Take the answer of the authorization server, and look at the tool server. A door: the state is the right.

        Each sign-in ends with its first answer. `refusal`: the error that came in place of a code. Raises
        Unauthenticated (nothing was begun, or the answer does not fit), Denied (the person lost the right meanwhile),
        Unavailable.
        """
        begun = await self._begun(state)
        row = begun.row
        caller = await self._caller(begun)
        verb, resource = editing(begun.project, row.name)
        async with self._database.engine.begin() as connection:
            await self._vault.forget(connection, row.project_id, [sign_in_secret(str(row.id), "pending")])
        if refusal is not None or not code:
            raise Unauthenticated(f"The sign-in at {row.name} was refused there: {(refusal or 'no code came')[:200]}.")
        await self._authority.authorise(caller, verb, resource)
        grant = await self._traded(begun, code, issuer)
        told: JsonObject = {
            "by": begun.reference,
            "at": self._clock().isoformat(),
            "issuer": grant.client.issuer,
            "scope": grant.scope,
        }
        async with self._database.engine.begin() as connection:
            await self._sign_ins.keep(connection, row.project_id, str(row.id), grant)
            await tool_servers.change(connection, row.id, {"sign_in": told})
            noted: JsonObject = {"act": "signed in", "issuer": grant.client.issuer, "scope": grant.scope}
            await self._authority.record(connection, caller, verb, resource, noted)
        await self._servers.look(caller, begun.project, row.name)
        return SignInAsked(begun.project, row.name, grant.client.issuer, begun.reference, begun_here=True)

    async def end(self, caller: Principal, project: str | None, name: str) -> ToolServerView:
        """Forget the tokens of a sign-in; calls are refused from now on. Raises NotFound, Denied."""
        verb, resource = editing(project, name)
        await self._authority.authorise(caller, verb, resource)
        async with self._database.engine.begin() as connection:
            row = await find_server(connection, project, name, lock=True)
            await self._sign_ins.forget(connection, row.project_id, str(row.id))
            await self._authority.record(connection, caller, verb, resource, {"act": "signed out"})
        return await self._servers.look(caller, project, name)

    async def _asked(
        self, row: ToolServerRow, way: HttpConnection, state: str, known: Client | None
    ) -> tuple[str, Pending]:
        assert way.oauth is not None
        secret = None
        if way.oauth.client_secret is not None:
            reference = SECRET_REFERENCE.fullmatch(way.oauth.client_secret)
            assert reference is not None
            owner = None if row.project_id is None else str(row.project_id)
            secret = (await self._vault.reveal(owner, [reference[1]])).get(reference[1])
            if secret is None:
                where = " --server" if row.project_id is None else ""
                hint = f"Set it: errands secrets set {reference[1]}{where}"
                raise Invalid(f"There is no secret {reference[1]}.", hint)
        try:
            return await self._way.begin(way, secret, self._redirect_uri, state, known=known)
        except StepFailed as failure:
            raise _refused(row.name, redacted(failure, secret)) from None

    async def _traded(self, begun: _Begun, code: str, issuer: str | None) -> Grant:
        pending = begun.pending
        try:
            return await self._way.finish(pending, code, issuer)
        except StepFailed as failure:
            raise _refused(begun.row.name, redacted(failure, code, pending.verifier, pending.client.secret)) from None

    async def _begun(self, state: str) -> _Begun:
        """Raises Unauthenticated, which never says what was wrong: it is told to anybody."""
        refusal = Unauthenticated(
            "This sign-in was not begun here, is over, or was begun too long ago.",
            "Begin again, in the page or with `errands servers connect NAME`.",
        )
        try:
            server_id = UUID(state.partition(".")[0])
        except ValueError:
            raise refusal from None
        async with self._database.engine.begin() as connection:
            row = await tool_servers.by_id(connection, server_id)
            if row is None:
                raise refusal
            name = sign_in_secret(str(row.id), "pending")
            kept = (await self._vault.read(connection, row.project_id, [name])).get(name)
            project = await _project_of(connection, row)
        if kept is None:
            raise refusal
        told = json.loads(kept)
        until = datetime.fromisoformat(told["until"])
        if not hmac.compare_digest(told["state"], hash_of(state).hex()) or until <= self._clock():
            raise refusal
        person = None if told["person"] is None else ids.decode("person", told["person"])
        pending = Pending.model_validate(told["pending"])
        return _Begun(row, project, person, told["reference"], until, pending)

    async def _caller(self, begun: _Begun) -> Principal:
        """The person who began, with today's rights. Raises Denied."""
        if begun.person is None:
            return operator(begun.reference.removeprefix("user:"))
        row = await callers.by_id(self._database.pool, begun.person)
        if row is None or row.disabled_at is not None:
            raise Denied(f"The account of {begun.reference} is not there any more, or disabled.")
        return person_of(row)


async def _project_of(connection: AsyncConnection, row: ToolServerRow) -> str | None:
    if row.project_id is None:
        return None
    found = await projects.by_id(connection, row.project_id)
    assert found is not None
    return found.name


def _with_sign_in(row: ToolServerRow) -> HttpConnection:
    way = read_connection(row.connection)
    if isinstance(way, ProgramConnection) or way.oauth is None:
        hint = f"Reach it so: errands servers add {row.name} --url URL --oauth"
        raise Invalid(f"Nobody signs in at the tool server {row.name}: it is not reached with OAuth.", hint)
    return way


def _refused(name: str, failure: StepFailed) -> ServiceError:
    error = failure.error
    message = f"The sign-in at {name} failed: {error.message}."
    if error.kind in (ErrorKind.NETWORK, ErrorKind.TIMEOUT, ErrorKind.UNAVAILABLE, ErrorKind.RATE_LIMITED):
        return Unavailable(message, error.hint)
    if error.kind is ErrorKind.INPUT:
        return Invalid(message, error.hint)
    return Unauthenticated(message, error.hint)
