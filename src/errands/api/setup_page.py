"""Where the first start's link leads while the page is not built: a form that the server draws, without any script."""

from html import escape
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse

from errands.api.callers import Asked, address_of, check_origin, send_cookie
from errands.api.routes import Routes
from errands.services.errors import Conflict, Invalid, Unauthenticated

routes = Routes("doors", any_query=True)
_LARGEST_FORM = 10_000
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Errands: set up</title></head>
<body><main><h1>{title}</h1>{content}</main></body>
</html>
"""
_FORM = """{said}<p>Make the first administrator. The link works once.</p>
<form method="post" action="/setup">
<input type="hidden" name="link" value="{link}">
<p><label>Name<br><input name="name" value="{name}" required autocomplete="username" maxlength="63"></label></p>
<p><label>Password, 12 characters or more<br>
<input name="password" type="password" required minlength="12" maxlength="256" autocomplete="new-password"></label></p>
<p><button>Make the administrator</button></p>
</form>"""
_HEADERS = {"Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'"}
Link = Annotated[str, Query(max_length=200)]


@routes.get("/setup", gives=Response)
async def show_setup(link: Link = "") -> object:
    """The form behind the link that the first start prints."""
    return _page("Set up Errands", _FORM.format(said="", link=escape(link), name=""))


@routes.post("/setup", gives=Response)
async def submit_setup(request: Request, services: Asked) -> object:
    """Make the first administrator with what the form holds."""
    check_origin(request)
    given = await _form(request)
    link, name, password = (given.get(field, "") for field in ("link", "name", "password"))
    try:
        signed_in = await services.sign_in.first_administrator(link, name, password, address=address_of(request))
    except (Conflict, Invalid, Unauthenticated) as error:
        said = f'<p role="alert">{escape(error.message)} {escape(error.hint or "")}</p>'
        form = _FORM.format(said=said, link=escape(link), name=escape(name))
        return _page("Set up Errands", form, HTTPStatus.UNPROCESSABLE_ENTITY)
    send_cookie(request, signed_in.cookie, signed_in.expires_at)
    told = "<p>You are signed in in this browser. Programs need a token: see docs/reference/api.md.</p>"
    return _page(f"Welcome, {signed_in.person.name}", told)


async def _form(request: Request) -> dict[str, str]:
    body = (await request.body())[:_LARGEST_FORM].decode(errors="replace").replace("\0", "")
    return {name: values[0] for name, values in parse_qs(body, max_num_fields=10).items()}


def _page(title: str, content: str, status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=escape(title), content=content), status, _HEADERS)
