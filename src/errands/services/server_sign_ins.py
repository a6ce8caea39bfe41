"""The tokens of sign-ins at tool servers: kept in the vault, renewed in time by one process at a time, forgotten."""

import asyncio
import hashlib
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.redaction import Redactor
from errands.core.sign_ins import Grant, SignInWay
from errands.core.tool_servers import ToolServer, sign_in_secret
from errands.services.authority import Clock, utc_now
from errands.services.vault import Vault
from errands.store import tool_servers
from errands.store.database import Database

_RENEWED_BEFORE_SECONDS = 60.0
"""A token that lives no longer than this is renewed before a call, so that it lasts for the call."""


class SignIns:
    """What the vault holds of sign-ins."""

    def __init__(self, database: Database, vault: Vault, way: SignInWay, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._vault = vault
        self._way = way
        self._clock = clock
        self._renewing: dict[str, asyncio.Lock] = {}

    async def token(self, server: ToolServer, project_id: str, refused: str | None = None) -> str:
        """A token that is good for a call. `refused`: one that the server has just refused.

        Raises StepFailed: denied where nobody is signed in any more, and what the way to the other side does.
        """
        owner = None if server.of_server else UUID(project_id)
        async with self._database.engine.begin() as connection:
            grant = await self.grant(connection, owner, server.id)
        if grant is not None and self._good(grant, refused):
            return grant.access
        async with self._renewing.setdefault(server.id, asyncio.Lock()):
            return await self._renewed(server, owner, refused)

    async def keep(self, connection: AsyncConnection, owner: UUID | None, server_id: str, grant: Grant) -> None:
        """Store a grant, in place of an earlier one, in the caller's transaction."""
        await self._vault.put(connection, owner, sign_in_secret(server_id, "grant"), grant.model_dump_json())
        await self._vault.put(connection, owner, sign_in_secret(server_id, "access"), grant.access)

    async def grant(self, connection: AsyncConnection, owner: UUID | None, server_id: str) -> Grant | None:
        """What is kept of a server; None where nobody is signed in. Raises StepFailed (secret)."""
        name = sign_in_secret(server_id, "grant")
        kept = (await self._vault.read(connection, owner, [name])).get(name)
        try:
            return None if kept is None else Grant.model_validate_json(kept)
        except ValidationError:
            return None

    async def forget(self, connection: AsyncConnection, owner: UUID | None, server_id: str) -> None:
        """Nobody is signed in any more."""
        names = [sign_in_secret(server_id, part) for part in ("access", "grant", "pending")]
        await self._vault.forget(connection, owner, names)
        await tool_servers.change(connection, UUID(server_id), {"sign_in": None})

    def _good(self, grant: Grant, refused: str | None) -> bool:
        lasts = grant.expires_at is None or grant.expires_at > self._clock().timestamp() + _RENEWED_BEFORE_SECONDS
        return lasts and grant.access != refused

    async def _renewed(self, server: ToolServer, owner: UUID | None, refused: str | None) -> str:
        """The next token. Of all processes one asks for it: a second asker could end the sign-in for both."""
        async with self._database.engine.begin() as connection:
            await connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _lock_of(server.id)})
            grant = await self.grant(connection, owner, server.id)
            if grant is None:
                raise _nobody(server)
            if self._good(grant, refused):
                return grant.access
            try:
                renewed = await self._way.renew(grant)
            except StepFailed as failure:
                if failure.error.kind is not ErrorKind.DENIED:
                    raise _told(server, failure, grant) from None
                await self.forget(connection, owner, server.id)
                ended = _told(server, failure, grant)
            else:
                await self.keep(connection, owner, server.id, renewed)
                return renewed.access
        raise ended


def redacted(failure: StepFailed, *secrets: str | None) -> StepFailed:
    """The same without what the other side may have said back to us."""
    redactor = Redactor()
    for secret in secrets:
        if secret:
            redactor.add("sign-in", secret)
    error = failure.error
    return StepFailed(error.kind, redactor.text(error.message), hint=error.hint, retry_after=error.retry_after)


def _told(server: ToolServer, failure: StepFailed, grant: Grant) -> StepFailed:
    error = redacted(failure, grant.access, grant.refresh, grant.client.secret).error
    over = error.kind is ErrorKind.DENIED
    said = f"tool server {server.name}: the sign-in {'is over' if over else 'could not be renewed'}: {error.message}"
    hint = f"sign in again: errands servers connect {server.name}" if over else error.hint
    return StepFailed(error.kind, said, hint=hint, retry_after=error.retry_after)


def _nobody(server: ToolServer) -> StepFailed:
    hint = f"an editor connects it: errands servers connect {server.name}"
    return StepFailed(ErrorKind.DENIED, f"tool server {server.name}: nobody has signed in at it", hint=hint)


def _lock_of(server_id: str) -> int:
    digest = hashlib.blake2b(f"sign-in:{server_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
