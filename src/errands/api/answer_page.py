"""The page behind a signed link: shows a question, and asks before it acts. A form without any script.

Reading it changes nothing, for mail scanners and previews follow links too; only the form that a person sends answers.
"""

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Path, Request, Response
from fastapi.responses import HTMLResponse

from errands.api.answer_form import fields_html, read_fields
from errands.api.callers import Asked, check_origin, person_signed_in
from errands.api.routes import Routes
from errands.core.access import Principal
from errands.core.values import JsonObject
from errands.services import Services
from errands.services.approval_links import LinkExpired, LinkOpened
from errands.services.errors import Conflict, Denied, NotFound, ServiceError, Unauthenticated
from errands.services.views import ApprovalView

routes = Routes("doors", any_query=True)
_LARGEST_FORM = 128 * 2**10
_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;margin:0;background:Canvas;color:CanvasText}
main{max-width:42rem;margin:0 auto;padding:1.5rem}
h1{font-size:1.25rem;margin:0 0 .25rem}
.about,small{color:GrayText}
.question{white-space:pre-wrap;overflow-wrap:anywhere;border-left:3px solid #4f46e5;padding:.25rem 0 .25rem 1rem}
fieldset{border:1px solid GrayText;border-radius:6px;margin:1rem 0;padding:.5rem 1rem}
input:not([type=checkbox]):not([type=radio]),select,textarea{box-sizing:border-box;width:100%;font:inherit;padding:.4rem}
small{display:block}
button{font:inherit;padding:.5rem 1rem;border-radius:6px;border:1px solid #4f46e5;cursor:pointer}
button.main{background:#4f46e5;color:#fff}
[role=alert]{border:1px solid #dc2626;border-radius:6px;padding:.5rem 1rem}
""".strip()
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{title}</title><style>{style}</style></head>
<body><main><h1>{title}</h1>{content}</main></body>
</html>
"""
_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Robots-Tag": "noindex",
}
LinkToken = Annotated[str, Path(min_length=1, max_length=400)]


@routes.get("/a/{token}", gives=Response)
async def show_question(request: Request, services: Asked, token: LinkToken) -> object:
    """The question behind a link, with the form that answers it. Changes nothing."""
    try:
        opened = await services.links.open(token, await person_signed_in(request, services))
    except ServiceError as error:
        return _refusal(error)
    if opened.approval.status != "open":
        return _page(_title(opened.approval), _about(opened.approval) + _ending(opened.approval))
    draft = opened.draft
    chosen, form, note = (draft.choice, draft.form, draft.note) if draft is not None else (None, {}, None)
    return _asking(opened, chosen, form, note, "")


@routes.post("/a/{token}", gives=Response)
async def answer_question(request: Request, services: Asked, token: LinkToken) -> object:
    """Give the answer that the form holds, or save it for later."""
    signed_in = await person_signed_in(request, services)
    if signed_in is not None:
        check_origin(request)
    try:
        opened = await services.links.open(token, signed_in)
    except ServiceError as error:
        return _refusal(error)
    sent = await _form(request)
    form, note = read_fields(opened.approval.form, sent), sent.get("note", "").strip()[:2000] or None
    try:
        return await _acted(services, token, signed_in, opened, sent, form, note)
    except ServiceError as error:
        said = f'<p role="alert">{escape(error.message)} {escape(error.hint or "")}</p>'
        status = _STATUSES.get(type(error), HTTPStatus.UNPROCESSABLE_ENTITY)
        if isinstance(error, Conflict):
            return _page(_title(opened.approval), _about(opened.approval) + said, status)
        return _asking(opened, sent.get("choice"), form, note, said, status)


_STATUSES: Mapping[type[ServiceError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    LinkExpired: HTTPStatus.GONE,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Denied: HTTPStatus.FORBIDDEN,
    Conflict: HTTPStatus.CONFLICT,
}


async def _acted(
    services: Services,
    token: str,
    signed_in: Principal | None,
    opened: LinkOpened,
    sent: Mapping[str, str],
    form: JsonObject,
    note: str | None,
) -> HTMLResponse:
    choice = sent.get("choice") or None
    if sent.get("act") == "save":
        saved = await services.links.save_draft(token, signed_in, choice=choice, form=form, note=note)
        said = f'<p role="status">Saved at {saved.saved_at:%Y-%m-%d %H:%M} UTC. Nothing is answered yet.</p>'
        return _asking(opened, choice, form, note, said)
    answered = await services.links.answer(token, signed_in, choice=choice or "", form=form, note=note)
    then = "The run goes on." if answered.closed else f"It goes on when {opened.approval.quorum} people agree."
    told = f'<p role="status">Your answer is <strong>{escape(answered.choice)}</strong>. {then}</p>'
    return _page("Answered", _about(opened.approval) + told)


def _asking(
    opened: LinkOpened,
    chosen: str | None,
    form: JsonObject,
    note: str | None,
    said: str,
    status: HTTPStatus = HTTPStatus.OK,
) -> HTMLResponse:
    """The question with its form, filled in as far as it was."""
    view = opened.approval
    asked = f'{_about(view)}<p class="question">{escape(view.question)}</p>'
    if opened.person is None:
        how = f"<p>Sign in to answer, or: <code>errands approve {escape(view.id)}</code></p>"
        return _page(_title(view), asked + said + how, status)
    choices = "".join(_choice(one, checked=one == chosen) for one in view.choices)
    fields = fields_html(view.form, form)
    whose = f'<p class="about">You answer as {escape(opened.person)}. Each person\'s first answer counts.</p>'
    body = (
        f'{asked}{said}<form method="post"><fieldset><legend>Your answer</legend>{choices}</fieldset>'
        f"{f'<fieldset><legend>Form</legend>{fields}</fieldset>' if fields else ''}"
        f'<p><label>Note (kept with the answer)<br><input name="note" maxlength="2000" value="{escape(note or "")}">'
        f'</label></p>{whose}<p><button class="main" name="act" value="answer">Send the answer</button> '
        '<button name="act" value="save" formnovalidate>Save for later</button></p></form>'
    )
    return _page(_title(view), body, status)


def _choice(choice: str, *, checked: bool) -> str:
    mark = " checked" if checked else ""
    shown = escape(choice)
    return f'<p><label><input type="radio" name="choice" value="{shown}" required{mark}> {shown}</label></p>'


def _title(view: ApprovalView) -> str:
    return f"{view.task} asks"


def _about(view: ApprovalView) -> str:
    due = "" if view.due_at is None else f" Answer by {view.due_at:%Y-%m-%d %H:%M} UTC."
    return f'<p class="about">Project {escape(view.project)}, {escape(view.run)}, step {escape(view.path)}.{due}</p>'


def _ending(view: ApprovalView) -> str:
    """How a question was closed: who said what, and when."""
    told = {
        "answered": f"It was answered: <strong>{escape(view.choice or '')}</strong>.",
        "expired": "Its time was over before enough people answered.",
    }.get(view.status, "Its run has ended, and needs no answer any more.")
    rows = "".join(
        f"<li>{escape(one.person)}: {escape(one.choice)}, {one.at:%Y-%m-%d %H:%M} UTC</li>" for one in view.answers
    )
    return f'<p class="question">{escape(view.question)}</p><p role="status">{told}</p><ul>{rows}</ul>'


def _refusal(error: ServiceError) -> HTMLResponse:
    status = _STATUSES.get(type(error), HTTPStatus.UNPROCESSABLE_ENTITY)
    titles = {
        HTTPStatus.NOT_FOUND: "This link leads nowhere",
        HTTPStatus.GONE: "This link has expired",
        HTTPStatus.FORBIDDEN: "This question is not for you",
    }
    said = "It is not complete, or was not made by this server." if status is HTTPStatus.NOT_FOUND else error.message
    told = f'<p role="alert">{escape(said)} {escape(error.hint or "")}</p>'
    return _page(titles.get(status, "This link lets nobody in"), told, status)


async def _form(request: Request) -> dict[str, str]:
    body = (await request.body())[:_LARGEST_FORM].decode(errors="replace").replace("\0", "")
    try:
        found = parse_qs(body, keep_blank_values=True, max_num_fields=300)
    except ValueError:
        return {}
    return {name: values[0] for name, values in found.items()}


def _page(title: str, content: str, status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=escape(title), style=_STYLE, content=content), status, _HEADERS)
