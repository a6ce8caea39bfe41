"""The doors: where somebody comes in or goes out. They take no `Caller`; a secret, a link or a cookie is the right."""

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field, SecretStr

from errands.api.bodies import Body
from errands.api.callers import Asked, address_of, check_origin, send_cookie, session_cookie
from errands.api.routes import Routes, reply
from errands.services import Services
from errands.services.errors import NotFound
from errands.services.people_views import PersonView, SignedIn
from errands.services.sign_on import SignOn

routes = Routes("doors")
_STATE_COOKIE = "errands-sign-on"
_STATE_PATH = "/api/v1/sign-on"
_STATE_SECONDS = 600
Secret = Annotated[SecretStr, Field(min_length=1, max_length=256)]
SignInName = Annotated[str, Field(min_length=1, max_length=256, examples=["ana"])]


class SetupBody(Body):
    """The first administrator."""

    link: Secret
    """The secret of the link that the first start has printed."""
    name: SignInName
    password: Secret


class SignInBody(Body):
    name: SignInName
    password: Secret


class LinkBody(Body):
    """A new password for whoever was sent a link."""

    link: Secret
    password: Secret


@dataclass(frozen=True, slots=True)
class Entrance:
    """How somebody comes in here."""

    sign_on: bool
    """With an identity provider, at `/sign-on`."""


@routes.get("/entrance", gives=Entrance)
async def get_entrance(services: Asked) -> object:
    """How somebody comes in: a password always, an identity provider where one is set up."""
    return Entrance(services.sign_on is not None)


@routes.post("/setup", gives=PersonView, status=HTTPStatus.CREATED)
async def set_up(request: Request, services: Asked, body: SetupBody) -> object:
    """Make the first administrator with the one-time link, and sign in: the answer carries the session's cookie."""
    link, password = body.link.get_secret_value(), body.password.get_secret_value()
    signed_in = await services.sign_in.first_administrator(
        link, body.name, password, address=address_of(request), agent=_agent(request)
    )
    return await _welcome(request, services, signed_in, HTTPStatus.CREATED)


@routes.post("/session", gives=PersonView)
async def sign_in(request: Request, services: Asked, body: SignInBody) -> object:
    """Sign in with a password: the answer carries the session's cookie. Programs use tokens instead."""
    _check_foreign(request)
    signed_in = await services.sign_in.with_password(
        body.name, body.password.get_secret_value(), address=address_of(request), agent=_agent(request)
    )
    return await _welcome(request, services, signed_in)


@routes.delete("/session")
async def sign_out(request: Request, services: Asked) -> None:
    """End the session of the cookie, if there is one."""
    cookie = session_cookie(request)
    if cookie is not None:
        check_origin(request)
        await services.sessions.sign_out(cookie)
        send_cookie(request, None, datetime.now(UTC))


@routes.post("/password", gives=PersonView)
async def choose_password(request: Request, services: Asked, body: LinkBody) -> object:
    """Choose a password with a link that an administrator has made, and sign in."""
    link, password = body.link.get_secret_value(), body.password.get_secret_value()
    signed_in = await services.sign_in.choose_password(
        link, password, address=address_of(request), agent=_agent(request)
    )
    return await _welcome(request, services, signed_in)


@routes.get(
    "/sign-on", gives=Response, status=HTTPStatus.SEE_OTHER, also={303: {"description": "To the identity provider."}}
)
async def begin_sign_on(
    request: Request, services: Asked, return_to: Annotated[str, Query(max_length=2000)] = "/"
) -> object:
    """Send the browser to the identity provider (OpenID Connect)."""
    begun = await _sign_on(services).begin(redirect_uri=_redirect_uri(request), return_to=return_to)
    answer = RedirectResponse(begun.url, HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        _STATE_COOKIE,
        begun.state,
        max_age=_STATE_SECONDS,
        path=_STATE_PATH,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return answer


@routes.get(
    "/sign-on/callback",
    gives=Response,
    status=HTTPStatus.SEE_OTHER,
    also={303: {"description": "Signed in; to where it was begun."}},
    any_query=True,
)
async def finish_sign_on(
    request: Request,
    services: Asked,
    state: Annotated[str, Query(max_length=200)] = "",
    code: Annotated[str, Query(max_length=4000)] = "",
) -> object:
    """Where the identity provider sends the browser back to."""
    signed_on = await _sign_on(services).finish(
        state=state,
        cookie_state=request.cookies.get(_STATE_COOKIE, ""),
        code=code,
        address=address_of(request),
        agent=_agent(request),
    )
    send_cookie(request, signed_on.signed_in.cookie, signed_on.signed_in.expires_at)
    return RedirectResponse(signed_on.return_to, HTTPStatus.SEE_OTHER)


async def _welcome(
    request: Request, services: Services, signed_in: SignedIn, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    """The answer to somebody who has come in."""
    send_cookie(request, signed_in.cookie, signed_in.expires_at)
    return reply(await services.people.get(signed_in.person), status)


def _check_foreign(request: Request) -> None:
    """Another site must not sign its visitors in under a name of its own (login CSRF)."""
    if "origin" in request.headers or "sec-fetch-site" in request.headers:
        check_origin(request)


def _sign_on(services: Services) -> SignOn:
    if services.sign_on is None:
        raise NotFound("identity provider", "", hint="The administrator sets one: ERRANDS_OIDC_ISSUER.")
    return services.sign_on


def _redirect_uri(request: Request) -> str:
    """Our address as the browser sees it. The provider takes only addresses that it knows."""
    return f"{request.url.scheme}://{request.url.netloc}{_STATE_PATH}/callback"


def _agent(request: Request) -> str | None:
    return request.headers.get("user-agent")
