"""Who asks: the bearer of a token, or the person of a session's cookie. Endpoints take `Caller` in their signature."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from errands.api.problems import Refusal
from errands.core.access import Principal
from errands.services import Services
from errands.services.errors import Unauthenticated
from errands.services.sessions import cookie_name, set_cookie

_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
_HINT = "Send `Authorization: Bearer TOKEN`, or sign in."


async def services_of(request: Request) -> Services:
    """The services of this process."""
    found: Services = request.app.state.services
    return found


Asked = Annotated[Services, Depends(services_of)]

_SESSION = "session"
INSIDER = "errands.caller"
"""Where a request from within this process names its caller. Nothing that comes over a socket can: what a server makes
of a request is headers, never a key of the scope."""


async def caller_of(request: Request, services: Asked) -> Principal:
    """Whoever the token or the cookie belongs to, or who calls from within this process.

    Raises Unauthenticated; Refusal for a write from another site.
    """
    inside: Principal | None = request.scope.get(INSIDER)
    if inside is not None:
        return inside
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme:
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated(f"The authorization scheme {scheme[:20]!r} is not known here.", _HINT)
        return await services.tokens.find(token.strip())
    cookie = session_cookie(request)
    if cookie is None:
        raise Unauthenticated("Nobody is signed in.", _HINT)
    check_origin(request)
    found = await services.sessions.find(cookie)
    if found.new_cookie is not None:
        send_cookie(request, found.new_cookie, found.expires_at)
    request.scope["state"][_SESSION] = found.session
    return found.person


Caller = Annotated[Principal, Depends(caller_of)]


def session_of(request: Request) -> str | None:
    """Id of the session with which is asked, once the caller is known; None: it is asked in another way."""
    found: str | None = request.scope["state"].get(_SESSION)
    return found


async def person_signed_in(request: Request, services: Services) -> Principal | None:
    """Who is signed in in this browser; None: nobody. For pages that a link opens, which ask by themselves."""
    cookie = session_cookie(request)
    if cookie is None:
        return None
    try:
        found = await services.sessions.find(cookie)
    except Unauthenticated:
        return None
    if found.new_cookie is not None:
        send_cookie(request, found.new_cookie, found.expires_at)
    return found.person


def check_origin(request: Request) -> None:
    """A cookie comes along whoever sends the request: a write must come from a page of ours. Raises Refusal."""
    if request.method in _SAFE_METHODS:
        return
    origin = request.headers.get("origin")
    own = urlsplit(origin).netloc == request.headers.get("host") if origin else False
    if not own and request.headers.get("sec-fetch-site") != "same-origin":
        shown = f"from {origin[:100]}" if origin else "that does not say where it comes from"
        hint = "Programs use a token; a browser sends Origin by itself."
        raise Refusal(HTTPStatus.FORBIDDEN, "foreign-origin", f"A write {shown} is refused with a session.", hint)


def session_cookie(request: Request) -> str | None:
    """The value of our cookie."""
    return request.cookies.get(cookie_name(secure=_is_secure(request)))


def send_cookie(request: Request, value: str | None, expires_at: datetime) -> None:
    """Let the answer, whatever it will be, carry this cookie; None takes it away."""
    cookie = set_cookie(value, expires_at, datetime.now(UTC), secure=_is_secure(request))
    request.scope["state"].setdefault("cookies", []).append(cookie)


def address_of(request: Request) -> str:
    """Where the request comes from, as the server that listens was told."""
    return request.client.host if request.client is not None else ""


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"
