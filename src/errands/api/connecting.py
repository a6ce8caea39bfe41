"""Signing in at tool servers (OAuth): begun here, and the page to which a browser comes back.

Whoever comes back in a browser where nobody, or somebody else, is signed in is asked first: an address that was sent
to somebody must not connect that person's account without a word.
"""

from html import escape
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse

from errands.api.bodies import Project
from errands.api.callers import Asked, Caller, check_origin, person_signed_in
from errands.api.routes import Routes
from errands.api.tool_servers import Server
from errands.services.errors import Denied, Invalid, ServiceError, Unauthenticated, Unavailable
from errands.services.tool_views import SignInAsked, SignInBegun, ToolServerView

routes = Routes("tools")
pages = Routes("doors", any_query=True)
"""For browsers: not in the document."""
_OWN = "/projects/{project}/tool-servers/{server}/sign-in"
_SHARED = "/tool-servers/{server}/sign-in"
_CALLBACK = "/oauth/callback"
_LARGEST_FORM = 20_000
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{title}</title></head>
<body><main><h1>{title}</h1>{content}</main></body>
</html>
"""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
_FORM = """<p>{who} asked to connect the tool server <strong>{server}</strong>{where}
with your account at <strong>{issuer}</strong>.</p>
<p>From then on its tasks use that account. Agree only if you have begun this yourself.</p>
<form method="post">{fields}<p><button>Connect it</button></p></form>"""
_STATUSES: dict[type[ServiceError], HTTPStatus] = {
    Unauthenticated: HTTPStatus.BAD_REQUEST,
    Denied: HTTPStatus.FORBIDDEN,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
_FIELDS = ("state", "code", "iss", "error")
State = Annotated[str, Query(max_length=200)]
Code = Annotated[str, Query(max_length=4000)]
Issuer = Annotated[str | None, Query(max_length=2000)]


@routes.post(_OWN, gives=SignInBegun)
async def connect_tool_server(caller: Caller, services: Asked, project: Project, server: Server) -> object:
    """Begin to sign in at a tool server: gives the address to open in a browser. It works for ten minutes."""
    return await services.connecting.begin(caller, project, server)


@routes.delete(_OWN, gives=ToolServerView)
async def disconnect_tool_server(caller: Caller, services: Asked, project: Project, server: Server) -> object:
    """Forget the tokens of a sign-in."""
    return await services.connecting.end(caller, project, server)


@routes.post(_SHARED, gives=SignInBegun)
async def connect_shared_tool_server(caller: Caller, services: Asked, server: Server) -> object:
    """Begin to sign in at a shared tool server."""
    return await services.connecting.begin(caller, None, server)


@routes.delete(_SHARED, gives=ToolServerView)
async def disconnect_shared_tool_server(caller: Caller, services: Asked, server: Server) -> object:
    """Forget the tokens of its sign-in."""
    return await services.connecting.end(caller, None, server)


@pages.get(_CALLBACK, gives=Response)
async def come_back_from_sign_in(
    request: Request, services: Asked, state: State = "", code: Code = "", iss: Issuer = None, error: Code = ""
) -> object:
    """Where an authorization server sends the browser back to."""
    try:
        asked = await services.connecting.asked(state, await person_signed_in(request, services))
        if asked.begun_here or error:
            return _done(await services.connecting.finish(state, code, iss, error or None))
    except ServiceError as refusal:
        return _refusal(refusal)
    return _page("Connect a tool server?", _asking(asked, {"state": state, "code": code, "iss": iss or ""}))


@pages.post(_CALLBACK, gives=Response)
async def agree_to_sign_in(request: Request, services: Asked) -> object:
    """What the page's form sends: the person agrees."""
    check_origin(request)
    sent = await _form(request)
    try:
        return _done(await services.connecting.finish(sent["state"], sent["code"], sent["iss"] or None))
    except ServiceError as refusal:
        return _refusal(refusal)


async def _form(request: Request) -> dict[str, str]:
    body = (await request.body())[:_LARGEST_FORM].decode(errors="replace").replace("\0", "")
    try:
        found = parse_qs(body, max_num_fields=10)
    except ValueError:
        found = {}
    return {name: found.get(name, [""])[0] for name in _FIELDS}


def _asking(asked: SignInAsked, sent: dict[str, str]) -> str:
    fields = "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in sent.items())
    where = f" of the project <strong>{escape(asked.project)}</strong>" if asked.project else " of all projects"
    who = escape(asked.begun_by.removeprefix("user:"))
    return _FORM.format(who=who, server=escape(asked.server), where=where, issuer=escape(asked.issuer), fields=fields)


def _done(asked: SignInAsked) -> HTMLResponse:
    where = f" of the project {escape(asked.project)}" if asked.project else ""
    said = f'<p role="status">The tool server <strong>{escape(asked.server)}</strong>{where} is connected.</p>'
    return _page("Connected", f"{said}<p>This window can be closed.</p>")


def _refusal(error: ServiceError) -> HTMLResponse:
    said = f'<p role="alert">{escape(error.message)} {escape(error.hint or "")}</p>'
    return _page("Not connected", said, _STATUSES.get(type(error), HTTPStatus.UNPROCESSABLE_ENTITY))


def _page(title: str, content: str, status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=escape(title), content=content), status, _HEADERS)
