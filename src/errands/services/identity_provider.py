"""An OpenID Connect provider: found by its issuer's address, asked for tokens, its answer checked claim by claim."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from errands.core.values import Json
from errands.services.errors import Unauthenticated, Unavailable

if TYPE_CHECKING:
    import httpx
    from joserfc.jwk import KeySet
    from joserfc.jwt import Claims as TokenClaims

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Asymmetric ones only: with `none` or HS256 a stranger could sign."""

_TIMEOUT_SECONDS = 10.0
_KEYS_LIVE_SECONDS = 3600.0
_KEYS_AGAIN_SECONDS = 30.0
_LEEWAY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Registration:
    """What the provider knows us by."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False, default=None)
    scopes: tuple[str, ...] = ("openid", "profile", "email")


@dataclass(frozen=True, slots=True)
class Claims:
    """What the provider vouches for."""

    issuer: str
    subject: str
    username: str | None
    title: str | None
    email: str | None
    email_verified: bool


@dataclass(frozen=True, slots=True)
class _Addresses:
    authorization: str
    token: str
    keys: str


class IdentityProvider:
    """One provider. What it says of itself is fetched on first use; its keys are kept for an hour."""

    def __init__(self, registration: Registration, transport: "httpx.AsyncBaseTransport | None" = None) -> None:
        self._registration = registration
        self._transport = transport
        self._addresses: _Addresses | None = None
        self._keys: KeySet | None = None
        self._keys_at = 0.0
        self._lock = asyncio.Lock()

    async def authorization_url(self, redirect_uri: str, *, state: str, nonce: str, verifier: str) -> str:
        """Where a browser begins. Raises Unavailable."""
        from authlib.integrations.httpx_client import AsyncOAuth2Client

        addresses = await self._discover()
        known = self._registration
        client = AsyncOAuth2Client(
            known.client_id,
            scope=" ".join(known.scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )
        url, _ = client.create_authorization_url(
            addresses.authorization, state=state, nonce=nonce, code_verifier=verifier
        )
        return str(url)

    async def claims(self, code: str, redirect_uri: str, *, nonce: str, verifier: str) -> Claims:
        """Trade a code for the claims of an ID token that fits. Raises Unauthenticated, Unavailable."""
        token = await self._trade(code, redirect_uri, verifier)
        return self._checked(await self._decoded(token), nonce)

    async def _trade(self, code: str, redirect_uri: str, verifier: str) -> str:
        from authlib.integrations.base_client import OAuthError
        from authlib.integrations.httpx_client import AsyncOAuth2Client
        from httpx import HTTPError

        addresses, known = await self._discover(), self._registration
        client = AsyncOAuth2Client(
            known.client_id,
            known.client_secret,
            token_endpoint_auth_method="client_secret_basic" if known.client_secret else "none",
            redirect_uri=redirect_uri,
            timeout=_TIMEOUT_SECONDS,
            transport=self._transport,
        )
        try:
            async with client:
                answer = await client.fetch_token(addresses.token, code=code, code_verifier=verifier)
        except OAuthError as error:
            raise _refused(f"the provider takes the code for {error.error}") from None
        except (HTTPError, ValueError) as error:
            raise self._away(error) from None
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise _refused("the provider has sent no ID token")
        return token

    async def _decoded(self, token: str) -> "TokenClaims":
        """The claims, if a key of the provider has signed them. A key that is not known yet is fetched once."""
        from joserfc import jwt
        from joserfc.errors import JoseError

        for again in (False, True):
            keys = await self._key_set(again=again)
            try:
                return jwt.decode(token, keys, algorithms=ALGORITHMS).claims
            except (JoseError, ValueError):
                continue
        raise _refused("no key of the provider has signed it")

    def _checked(self, claims: "TokenClaims", nonce: str) -> Claims:
        """OpenID Connect Core 1.0, 3.1.3.7."""
        from joserfc.errors import JoseError
        from joserfc.jwt import JWTClaimsRegistry

        known = self._registration
        registry = JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": known.issuer},
            aud={"essential": True, "value": known.client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            registry.validate(claims)
        except JoseError as error:
            raise _refused(f"its ID token is refused: {error.error}: {error.description}") from None
        audience, party = claims.get("aud"), claims.get("azp")
        if (party is not None or (isinstance(audience, list) and len(audience) > 1)) and party != known.client_id:
            raise _refused("its ID token was made for another program")
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise _refused("its ID token names nobody")
        verified = claims.get("email_verified") is True
        return Claims(
            known.issuer,
            subject,
            _text(claims, "preferred_username"),
            _text(claims, "name"),
            _text(claims, "email"),
            verified,
        )

    async def _discover(self) -> _Addresses:
        """What the provider says of itself (OpenID Connect Discovery 1.0)."""
        if self._addresses is None:
            issuer = self._registration.issuer
            said = await self._fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if said.get("issuer") != issuer:
                raise Unavailable(
                    f"The identity provider at {issuer} says that it is {str(said.get('issuer'))[:200]!r}.",
                    "Set ERRANDS_OIDC_ISSUER to exactly what it says.",
                )
            names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            authorization, token, keys = (said.get(name) for name in names)
            if not (isinstance(authorization, str) and isinstance(token, str) and isinstance(keys, str)):
                raise Unavailable(f"The identity provider at {issuer} does not say where its endpoints are.")
            for address in (authorization, token, keys):
                check_address(address)
            self._addresses = _Addresses(authorization, token, keys)
        return self._addresses

    async def _key_set(self, *, again: bool) -> "KeySet":
        """The provider's keys. `again`: fetched anew, unless that was done a moment ago."""
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        addresses = await self._discover()
        async with self._lock:
            age = time.monotonic() - self._keys_at
            if self._keys is None or age > (_KEYS_AGAIN_SECONDS if again else _KEYS_LIVE_SECONDS):
                said = await self._fetch(addresses.keys)
                listed = said.get("keys")
                try:
                    self._keys = KeySet.import_key_set({"keys": listed if isinstance(listed, list) else []})
                except (JoseError, ValueError, KeyError) as error:
                    raise self._away(error) from None
                self._keys_at = time.monotonic()
            return self._keys

    async def _fetch(self, address: str) -> Mapping[str, Json]:
        import httpx

        check_address(address)
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, transport=self._transport) as client:
                answer = await client.get(address)
                answer.raise_for_status()
                said = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise self._away(error) from None
        if not isinstance(said, dict):
            raise self._away(ValueError("no JSON object"))
        return said

    def _away(self, error: Exception) -> Unavailable:
        said = str(error)[:200] or type(error).__name__
        return Unavailable(
            f"The identity provider {self._registration.issuer} does not answer as it should: {said}.",
            "Try again; local accounts still sign in with their password.",
        )


def check_address(address: str) -> None:
    """Raises Unavailable for a provider that is not reached by TLS, unless it is on this machine."""
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")):
        raise Unavailable(
            f"The identity provider's address {address[:200]} is not safe.", "It must begin with https://"
        )


def _text(claims: "TokenClaims", name: str) -> str | None:
    value = claims.get(name)
    return value[:200] if isinstance(value, str) and value and value.isprintable() else None


def _refused(reason: str) -> Unauthenticated:
    return Unauthenticated(f"The sign-on failed: {reason}.", "Begin again; if it stays so, tell an administrator.")
