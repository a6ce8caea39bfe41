"""Puts the API together. `bootstrap.make_api` hands it the services of a process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from errands.api.answer_page import routes as answer_page
from errands.api.chatting import ChatHere
from errands.api.edge import Edge
from errands.api.following import Followers
from errands.api.hooks import routes as hooks
from errands.api.monitoring import Meters, Watch
from errands.api.monitoring import routes as monitoring
from errands.api.problems import Translate, fastapi_handler
from errands.api.routes import Routes
from errands.api.setup_page import routes as setup_page
from errands.services import Services

PREFIX = "/api/v1"
NOUNS = (
    *(
        "projects",
        "tasks",
        "exports",
        "runs",
        "artifacts",
        "approvals",
        "channels",
        "triggers",
        "threads",
        "tool_servers",
        "doors",
        "people",
        "access",
        "upkeep",
    ),
)
"""The modules of this room that declare endpoints of the API, in the order in which routes are tried."""
_TAGS = (
    ("projects", "Projects: their files, events and secrets."),
    ("tasks", "Tasks: read, edited, published, compared, paused, archived, deleted, rehearsed."),
    ("runs", "Runs: started, read, followed, cancelled, repeated."),
    ("approvals", "Questions to people that hold runs."),
    ("channels", "Where messages go: questions, reminders, alarms. And how they fare on their way."),
    ("triggers", "What starts runs: schedules, their ledger, previews, backfills, calendars."),
    ("chat", "Threads: said and answered as a stream, with cards that wait for a click."),
    ("tools", "What tasks can be granted, and the tool servers (MCP) that some of it comes from."),
    ("doors", "Where somebody comes in or goes out. These need no token."),
    ("hooks", "Where webhooks are called; a signature or token proves the sender."),
    ("people", "Accounts, sessions, tokens."),
    ("access", "Members, groups, narrowed tasks, the audit log."),
    ("upkeep", "Backups."),
    ("monitoring", "For those who watch the server."),
)
_ABOUT = """Turn work with AI agents into tasks that run unattended, survive crashes and keep a record.

Send `Authorization: Bearer TOKEN`. Every refusal is a problem document (RFC 9457). Lists that grow are read in pages:
give `next_cursor` back as `cursor`. Moments are
ISO 8601 with an offset; durations are written like `90s` or `1h30m`."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the API needs of its process."""

    services: Services
    translate: Translate
    """What a library's exception means; None for a defect."""
    version: str
    """Of Errands, for the document."""
    watch: Watch
    """Has a callback told of every run that this process takes and lets go."""
    chat: ChatHere
    """Writes answers in threads."""
    largest_upload: int = 100 * 2**20
    """Bytes of a request that brings files."""


def make_app(parts: Parts) -> FastAPI:
    """The application. Its `state` holds `services`, `followers` and `meters`."""
    app = make_frame(parts)
    add_nouns(app, NOUNS)
    app.include_router(hooks.router())
    app.include_router(monitoring.router())
    app.include_router(setup_page.router(), include_in_schema=False)
    app.include_router(answer_page.router(), include_in_schema=False)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


def make_frame(parts: Parts) -> FastAPI:
    """The application without a noun."""
    app = FastAPI(
        title="Errands",
        version=parts.version,
        description=_ABOUT,
        openapi_url=f"{PREFIX}/openapi.json",
        openapi_tags=[{"name": name, "description": about} for name, about in _TAGS],
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={RequestValidationError: fastapi_handler, HTTPException: fastapi_handler},
    )
    meters = Meters()
    parts.watch(meters.happened)
    app.state.services, app.state.meters = parts.services, meters
    app.state.followers = Followers(parts.translate, parts.chat)
    app.state.chat = parts.chat
    app.add_middleware(
        Edge,
        translate=parts.translate,
        observe=meters.request,
        version=parts.version,
        largest_upload=parts.largest_upload,
    )
    return app


def add_nouns(app: FastAPI, nouns: Sequence[str], *, documented: bool = True) -> None:
    """Let the application answer at the endpoints of these modules."""
    for noun in nouns:
        routes: Routes = import_module(f"errands.api.{noun}").routes
        app.include_router(routes.router(documented=documented), prefix=PREFIX)


def _document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document: FastAPI's, with how to sign in, and without answers that are never given."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
        )
        schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
        schemes["token"] = {"type": "http", "scheme": "bearer", "description": "A token of `POST /tokens`."}
        schemes["session"] = {"type": "apiKey", "in": "cookie", "name": "errands"}
        for path, methods in document["paths"].items():
            for operation in methods.values():
                _finish(path, operation)
        app.openapi_schema = document
    return app.openapi_schema


OPEN_TO_ALL = frozenset(
    {
        "setUp",
        "signIn",
        "signOut",
        "choosePassword",
        "beginSignOn",
        "finishSignOn",
        "receiveDelivery",
        "getHealth",
        "getReadiness",
    }
)
"""Operations that ask for neither a token nor a session."""


def _finish(path: str, operation: Mapping[str, Any]) -> None:
    answers = operation["responses"]
    answers.pop("422", None)  # Told by 4XX, in the form that is really given.
    for answer in answers.values():
        content = answer.get("content", {})
        problem = content.get("application/problem+json")
        if problem is not None and "application/json" in content:
            problem.update(content.pop("application/json"))
    if operation["operationId"] not in OPEN_TO_ALL:
        operation["security"] = [{"token": []}, {"session": []}]  # type: ignore[index]
