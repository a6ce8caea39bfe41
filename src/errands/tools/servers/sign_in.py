"""Signing in at tool servers: finds who gives tokens, registers us, asks, trades and renews, all over the guarded road.

What stands in the documents of a tool server and of its authorization server is checked as the specification asks:
the resource must be the server that is called, the issuer the one that was named, and a code is traded with PKCE.
"""

import base64
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from pydantic import BaseModel, ValidationError

from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.sign_ins import Client, Grant, Pending
from errands.core.tool_servers import HttpConnection
from errands.tools.hosts import shown_url
from errands.tools.outbound import Answer, Outbound, Outgoing
from errands.tools.servers.faults import shortened

if TYPE_CHECKING:
    from mcp.shared.auth import OAuthMetadata, OAuthToken, ProtectedResourceMetadata

Document = TypeVar("Document", bound=BaseModel)
_SECONDS = 15.0
_LARGEST = 256 * 1024
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_FORM = "application/x-www-form-urlencoded"
_METHODS = ("none", "client_secret_post", "client_secret_basic")


class SignInRoad:
    """The `SignInWay` over an `Outbound`: the hosts policy holds for authorization servers too."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    async def begin(
        self,
        connection: HttpConnection,
        client_secret: str | None,
        redirect_uri: str,
        state: str,
        *,
        known: Client | None = None,
    ) -> tuple[str, Pending]:
        """The address at which a person agrees, and what to remember meanwhile. Raises StepFailed."""
        from mcp.client.auth.oauth2 import PKCEParameters
        from mcp.client.auth.utils import get_client_metadata_scopes

        assert connection.oauth is not None
        challenge = await self._challenge(connection.url)
        resource = await self._resource(connection.url, challenge)
        issuer = None if resource is None else str(resource.authorization_servers[0])
        server = await self._authorization_server(connection.url, issuer)
        scope = connection.oauth.scope or get_client_metadata_scopes(
            _field(challenge, "scope"), resource, server, ["refresh_token"]
        )
        client = await self._client(connection, client_secret, redirect_uri, server, scope, known)
        pkce = PKCEParameters.generate()
        pending = Pending(
            client=client,
            token_url=_safe(str(server.token_endpoint)),
            resource=_resource_of(connection.url, resource),
            scope=scope,
            verifier=pkce.code_verifier,
            tells_issuer=bool(server.authorization_response_iss_parameter_supported),
        )
        asked = {
            "response_type": "code",
            "client_id": client.id,
            "redirect_uri": redirect_uri,
            "state": state,
            "code_challenge": pkce.code_challenge,
            "code_challenge_method": "S256",
            "resource": pending.resource,
        }
        if scope:
            asked |= {"scope": scope} | ({"prompt": "consent"} if "offline_access" in scope.split() else {})
        address = _safe(str(server.authorization_endpoint))
        return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}", pending

    async def finish(self, pending: Pending, code: str, issuer: str | None) -> Grant:
        """Trade the code that came back. Raises StepFailed."""
        expected = pending.client.issuer
        if (issuer is None and pending.tells_issuer) or (issuer is not None and issuer != expected):
            said = "does not say who it is from" if issuer is None else f"is from {issuer[:200]!r}"
            raise StepFailed(ErrorKind.DENIED, f"the answer {said}, not from {expected}", hint="begin again")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": pending.client.redirect_uri,
            "code_verifier": pending.verifier,
            "resource": pending.resource,
        }
        token = await self._token(pending.token_url, pending.client, form)
        return Grant(
            client=pending.client,
            token_url=pending.token_url,
            resource=pending.resource,
            scope=token.scope or pending.scope,
            access=token.access_token,
            refresh=token.refresh_token,
            expires_at=_expiry(token),
        )

    async def renew(self, grant: Grant) -> Grant:
        """The next token. Raises StepFailed."""
        if grant.refresh is None:
            raise StepFailed(ErrorKind.DENIED, "the token has expired, and there is none to renew it with")
        form = {"grant_type": "refresh_token", "refresh_token": grant.refresh, "resource": grant.resource}
        token = await self._token(grant.token_url, grant.client, form)
        return grant.model_copy(
            update={
                "access": token.access_token,
                # A server that does not rotate it sends none (RFC 6749, 6).
                "refresh": token.refresh_token or grant.refresh,
                "scope": token.scope or grant.scope,
                "expires_at": _expiry(token),
            }
        )

    async def _challenge(self, url: str) -> str:
        """What the tool server answers to somebody without a token: its `WWW-Authenticate`."""
        answer = await self._asked(Outgoing("POST", url, {"content-type": "application/json"}, b"{}"))
        return answer.headers.get("www-authenticate", "") if answer.status in (401, 403) else ""

    async def _resource(self, url: str, challenge: str) -> "ProtectedResourceMetadata | None":
        """What the tool server says of itself (RFC 9728); None for one of before there was such a document."""
        from mcp.client.auth.utils import build_protected_resource_metadata_discovery_urls
        from mcp.shared.auth import ProtectedResourceMetadata
        from mcp.shared.auth_utils import check_resource_allowed, resource_url_from_server_url

        named = _field(challenge, "resource_metadata")
        for address in build_protected_resource_metadata_discovery_urls(named, url):
            found = await self._document(address, ProtectedResourceMetadata)
            if found is None:
                continue
            own = resource_url_from_server_url(url)
            if not check_resource_allowed(requested_resource=own, configured_resource=str(found.resource)):
                raise StepFailed(
                    ErrorKind.DENIED,
                    f"{shown_url(address)} describes {shown_url(str(found.resource))}, not the tool server at {own}",
                    hint="check the address of the tool server",
                )
            return found
        return None

    async def _authorization_server(self, url: str, issuer: str | None) -> "OAuthMetadata":
        """Where tokens are given (RFC 8414). Raises StepFailed."""
        from mcp.client.auth.utils import build_oauth_authorization_server_metadata_discovery_urls, issuers_match
        from mcp.shared.auth import OAuthMetadata

        parts = urlsplit(url)
        expected = issuer or f"{parts.scheme}://{parts.netloc}"
        for address in build_oauth_authorization_server_metadata_discovery_urls(issuer, url):
            found = await self._document(_safe(address), OAuthMetadata)
            if found is None:
                continue
            if not issuers_match(str(found.issuer), expected):
                raise StepFailed(
                    ErrorKind.DENIED,
                    f"the authorization server of {shown_url(url)} says that it is {shown_url(str(found.issuer))}, "
                    f"not {shown_url(expected)}",
                    hint="tell whoever runs the tool server",
                )
            return found
        raise StepFailed(
            ErrorKind.NOT_FOUND,
            f"{shown_url(url)} does not say where one signs in",
            hint="it may take a token instead: errands servers add NAME --url URL --bearer SECRET",
        )

    async def _client(
        self,
        connection: HttpConnection,
        client_secret: str | None,
        redirect_uri: str,
        server: "OAuthMetadata",
        scope: str | None,
        known: Client | None,
    ) -> Client:
        """What we are known by: as set, as registered before, or registered now. Raises StepFailed."""
        assert connection.oauth is not None
        issuer, own = str(server.issuer), connection.oauth.client_id
        if own is not None:
            method = _method(server, has_secret=client_secret is not None)
            return Client.model_validate(
                {"id": own, "secret": client_secret, "method": method, "issuer": issuer, "redirect_uri": redirect_uri}
            )
        if known is not None and (known.issuer, known.redirect_uri) == (issuer, redirect_uri):
            return known
        if server.registration_endpoint is None:
            raise StepFailed(
                ErrorKind.INPUT,
                f"{shown_url(issuer)} registers nobody by itself",
                hint=f"register there with the redirect address {redirect_uri}, and set oauth.client_id",
            )
        return await self._registered(_safe(str(server.registration_endpoint)), issuer, redirect_uri, scope)

    async def _registered(self, address: str, issuer: str, redirect_uri: str, scope: str | None) -> Client:
        from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata

        here = urlsplit(redirect_uri).hostname in _LOOPBACK
        wanted = OAuthClientMetadata.model_validate(
            {
                "redirect_uris": [redirect_uri],
                "client_name": "Errands",
                "scope": scope,
                "application_type": "native" if here else "web",
            }
        )
        body = wanted.model_dump_json(exclude_none=True).encode()
        answer = await self._asked(Outgoing("POST", address, {"content-type": "application/json"}, body))
        if answer.status not in (200, 201):
            raise _refused(f"{shown_url(address)} did not register us", answer)
        told = _read(answer, OAuthClientInformationFull)
        method = told.token_endpoint_auth_method or ("client_secret_basic" if told.client_secret else "none")
        if method not in _METHODS or (method != "none" and told.client_secret is None):
            raise StepFailed(ErrorKind.TOOL, f"{shown_url(address)} registered us for {method!r}, which we cannot use")
        return Client.model_validate(
            {
                "id": told.client_id,
                "secret": told.client_secret,
                "method": method,
                "issuer": issuer,
                "redirect_uri": redirect_uri,
            }
        )

    async def _token(self, address: str, client: Client, form: Mapping[str, str]) -> "OAuthToken":
        """Ask for a token as the client. Raises StepFailed."""
        from mcp.shared.auth import OAuthToken

        headers = {"content-type": _FORM, "accept": "application/json"}
        shown = {"client_id": client.id}
        if client.method == "client_secret_post" and client.secret is not None:
            shown["client_secret"] = client.secret
        if client.method == "client_secret_basic" and client.secret is not None:
            pair = f"{quote(client.id, safe='')}:{quote(client.secret, safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        answer = await self._asked(Outgoing("POST", address, headers, urlencode({**form, **shown}).encode()))
        if answer.status not in (200, 201):
            raise _refused(f"{shown_url(address)} gave no token", answer)
        return _read(answer, OAuthToken)

    async def _document(self, address: str, kind: type[Document]) -> Document | None:
        """A JSON document of this kind; None where there is none. Raises StepFailed where nobody can say."""
        answer = await self._asked(Outgoing("GET", address, {"accept": "application/json"}))
        if answer.status >= 500 or answer.status == 429:
            raise _refused(f"{shown_url(address)} does not answer as it should", answer)
        if answer.status != 200:
            return None
        try:
            return kind.model_validate_json(answer.body)
        except ValidationError:
            return None

    async def _asked(self, outgoing: Outgoing) -> Answer:
        """Send; a redirect is an answer, for what we send is meant for one server alone."""
        bounded = Outgoing(
            outgoing.method, outgoing.url, outgoing.headers, outgoing.body, _SECONDS, _LARGEST, redirects=False
        )
        return await self._outbound.send(bounded, ["*"])


def _safe(address: str) -> str:
    """Raises StepFailed for an address over which a code or a token could be read on its way."""
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise StepFailed(
            ErrorKind.DENIED,
            f"{shown_url(address)} is not reached by TLS, so nobody signs in there",
            hint="tell whoever runs the tool server",
        )
    return address


def _field(challenge: str, name: str) -> str | None:
    """A field of a `WWW-Authenticate` header."""
    import httpx2
    from mcp.client.auth.utils import extract_field_from_www_auth

    return extract_field_from_www_auth(httpx2.Response(401, headers={"www-authenticate": challenge}), name)


def _resource_of(url: str, resource: "ProtectedResourceMetadata | None") -> str:
    from mcp.shared.auth_utils import resource_url_from_server_url

    return resource_url_from_server_url(url) if resource is None else str(resource.resource)


def _method(server: "OAuthMetadata", *, has_secret: bool) -> str:
    """How a client that was set by hand shows its secret: the first way of the server's that we know."""
    if not has_secret:
        return "none"
    # RFC 8414, 2: who names no way takes client_secret_basic.
    taken = server.token_endpoint_auth_methods_supported or ["client_secret_basic"]
    return next((one for one in taken if one in ("client_secret_basic", "client_secret_post")), "client_secret_basic")


def _expiry(token: "OAuthToken") -> float | None:
    return None if token.expires_in is None else time.time() + token.expires_in


def _read(answer: Answer, kind: type[Document]) -> Document:
    try:
        return kind.model_validate_json(answer.body)
    except ValidationError:
        # Not what pydantic says: it quotes what came, which may be a token.
        message = f"the answer of {shown_url(answer.url)} is not what the protocol asks for"
        raise StepFailed(ErrorKind.TOOL, message) from None


def _refused(what: str, answer: Answer) -> StepFailed:
    """Told by the standard fields of an error (RFC 6749, 5.2), which hold no credential."""
    kind = ErrorKind.DENIED
    if answer.status == 429:
        kind = ErrorKind.RATE_LIMITED
    elif answer.status >= 500:
        kind = ErrorKind.UNAVAILABLE
    return StepFailed(kind, f"{what} (HTTP {answer.status}{_said(answer.body)})", hint=None)


def _said(body: bytes) -> str:
    from pydantic_core import from_json

    try:
        told = from_json(body)
    except ValueError:
        return ""
    if not isinstance(told, dict):
        return ""
    parts = [str(told[name]) for name in ("error", "error_description") if isinstance(told.get(name), str)]
    return f", {shortened(': '.join(parts))}" if parts else ""
