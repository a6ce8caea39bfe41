"""Sign-ins at tool servers (OAuth 2.1 with PKCE): what is remembered while a person is asked, and what comes of it.

All of it is credential: it is kept encrypted, and shown nowhere.
"""

from typing import Annotated, Literal, Protocol

from pydantic import Field

from errands.core.definition.policies import Frozen
from errands.core.tool_servers import HttpConnection

Hidden = Field(repr=False)


class Client(Frozen):
    """What an authorization server knows us by."""

    id: str
    secret: Annotated[str | None, Hidden] = None
    method: Literal["none", "client_secret_basic", "client_secret_post"] = "none"
    """How it wants to see the secret."""
    issuer: str
    redirect_uri: str


class Pending(Frozen):
    """A sign-in that was begun: what the authorization server's answer must fit."""

    client: Client
    token_url: str
    resource: str
    """The tool server that the token is for (RFC 8707)."""
    scope: str | None
    verifier: Annotated[str, Hidden]
    """Of PKCE (RFC 7636)."""
    tells_issuer: bool
    """The answer must name the issuer (RFC 9207)."""


class Grant(Frozen):
    """A token, and how to get the next one."""

    client: Client
    token_url: str
    resource: str
    scope: str | None
    access: Annotated[str, Hidden]
    refresh: Annotated[str | None, Hidden]
    expires_at: float | None
    """Seconds since 1970. None: the server did not say."""


class SignInWay(Protocol):
    """Talks to authorization servers. Made by `bootstrap` over the guarded connections."""

    async def begin(
        self,
        connection: HttpConnection,
        client_secret: str | None,
        redirect_uri: str,
        state: str,
        *,
        known: Client | None = None,
    ) -> tuple[str, Pending]:
        """The address at which a person agrees, and what to remember meanwhile.

        `known`: the client of an earlier sign-in, taken again where it still fits. Raises StepFailed.
        """
        ...

    async def finish(self, pending: Pending, code: str, issuer: str | None) -> Grant:
        """Trade the code that came back. Raises StepFailed: denied where the answer does not fit or is refused."""
        ...

    async def renew(self, grant: Grant) -> Grant:
        """The next token. Raises StepFailed: denied where the sign-in is over; network and others."""
        ...
