"""A tool server at which people sign in: the SDK's own authorization server and its bearer check, on loopback.

Codes, tokens, PKCE, registration and the binding to the resource are the SDK's; what is ours is a store in memory, and
knobs that let it end tokens early.
"""

import asyncio
import secrets
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import uvicorn
from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    OAuthAuthorizationServerProvider,
    ProviderTokenVerifier,
    RefreshToken,
    TokenError,
    construct_redirect_uri,
)
from mcp.server.auth.settings import AuthSettings
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

from tests.tools.tool_server import make_server


@dataclass
class People(OAuthAuthorizationServerProvider[AuthorizationCode, RefreshToken, AccessToken]):
    """The store of the authorization server."""

    url: str = ""
    lifetime: int = 3600
    """Seconds that a token is good for."""
    rotates: bool = True
    """A refresh token is good once."""
    refuses: bool = False
    """Nobody agrees to anything."""
    clients: dict[str, OAuthClientInformationFull] = field(default_factory=dict)
    codes: dict[str, AuthorizationCode] = field(default_factory=dict)
    access: dict[str, AccessToken] = field(default_factory=dict)
    refreshes: dict[str, RefreshToken] = field(default_factory=dict)
    renewals: int = 0
    """How often a refresh token was traded."""

    @property
    def mcp(self) -> str:
        return f"{self.url}/mcp"

    def end_tokens(self) -> None:
        """All tokens that are out stop working, before their time."""
        self.access.clear()

    def end_sign_ins(self) -> None:
        """And none of them can be renewed."""
        self.end_tokens()
        self.refreshes.clear()

    async def visit(self, url: str) -> dict[str, str]:
        """What a browser does there: gives what the redirect back holds."""
        async with httpx.AsyncClient() as browser:
            answer = await browser.get(url)
        assert answer.status_code == 302, answer.text
        back = urlsplit(answer.headers["location"])
        return {"to": back.path, **{name: values[0] for name, values in parse_qs(back.query).items()}}

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        return self.clients.get(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        self.clients[client_info.client_id] = client_info

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        if self.refuses:
            return construct_redirect_uri(str(params.redirect_uri), error="access_denied", state=params.state)
        code = AuthorizationCode(
            code=secrets.token_urlsafe(32),
            scopes=params.scopes or [],
            expires_at=time.time() + 60,
            client_id=client.client_id,
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
            resource=params.resource,
        )
        self.codes[code.code] = code
        return construct_redirect_uri(str(params.redirect_uri), code=code.code, state=params.state)

    async def load_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: str
    ) -> AuthorizationCode | None:
        return self.codes.get(authorization_code)

    async def exchange_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: AuthorizationCode
    ) -> OAuthToken:
        del self.codes[authorization_code.code]
        return self._given(client, authorization_code.scopes, authorization_code.resource)

    async def load_refresh_token(self, client: OAuthClientInformationFull, refresh_token: str) -> RefreshToken | None:
        return self.refreshes.get(refresh_token)

    async def exchange_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: RefreshToken, scopes: list[str]
    ) -> OAuthToken:
        if self.rotates and self.refreshes.pop(refresh_token.token, None) is None:
            raise TokenError("invalid_grant")
        self.renewals += 1
        return self._given(client, scopes, refresh_token.resource)

    async def load_access_token(self, token: str) -> AccessToken | None:
        known = self.access.get(token)
        return known if known is not None and (known.expires_at or 0) > time.time() else None

    async def revoke_token(self, token: AccessToken | RefreshToken) -> None:
        self.access.pop(token.token, None)

    def _given(self, client: OAuthClientInformationFull, scopes: list[str], resource: str | None) -> OAuthToken:
        access, refresh = f"at-{secrets.token_urlsafe(24)}", f"rt-{secrets.token_urlsafe(24)}"
        ends = int(time.time()) + self.lifetime
        self.access[access] = AccessToken(
            token=access, client_id=client.client_id, scopes=scopes, expires_at=ends, resource=resource
        )
        self.refreshes[refresh] = RefreshToken(
            token=refresh, client_id=client.client_id, scopes=scopes, resource=resource
        )
        return OAuthToken(access_token=access, expires_in=self.lifetime, refresh_token=refresh)


@asynccontextmanager
async def signing_in(people: People) -> AsyncIterator[People]:
    """Let it listen, with the tools of `tool_server` behind it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        people.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        # Texts, not URLs: those of pydantic end in a slash, and an issuer is compared letter by letter.
        auth = AuthSettings.model_validate(
            {
                "issuer_url": people.url,
                "resource_server_url": people.mcp,
                "validate_token_resource": True,
                "required_scopes": ["tools"],
                "client_registration_options": {
                    "enabled": True,
                    "valid_scopes": ["tools"],
                    "default_scopes": ["tools"],
                },
            }
        )
        app: Any = make_server().streamable_http_app(
            auth=auth, token_verifier=ProviderTokenVerifier(people), auth_server_provider=people
        )
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="on"))
        async with _running(server, listening):
            yield people


@asynccontextmanager
async def _running(server: uvicorn.Server, listening: socket.socket) -> AsyncIterator[None]:
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = server.force_exit = True
        await task
