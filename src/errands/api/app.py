"""Puts the whole API together. `bootstrap.make_api` hands it the services of a process."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from errands.api.answer_page import routes as answer_page
from errands.api.connecting import pages as came_back
from errands.api.frame import NOUNS, PREFIX, Parts, add_nouns, make_frame
from errands.api.hooks import routes as hooks
from errands.api.mcp.door import mcp_routes
from errands.api.monitoring import Meters
from errands.api.monitoring import routes as monitoring
from errands.api.page import Page
from errands.api.setup_page import routes as setup_page


def make_app(parts: Parts) -> FastAPI:
    """The application. Its `state` holds `services`, `followers` and `meters`."""
    meters = Meters()
    parts.watch(meters.happened)
    parts.measure(meters.measured)
    app = make_frame(parts, meters.request)
    app.state.meters = meters
    add_nouns(app, NOUNS)
    app.router.routes.extend([*hooks.made(), *monitoring.made()])
    page = Page(parts.page, app.router.not_found)
    if not page.built:
        app.router.routes.extend(setup_page.made(in_document=False))
    app.router.routes.extend(came_back.made(PREFIX, in_document=False))
    app.router.default = page
    app.router.routes.extend([*answer_page.made(in_document=False), *mcp_routes(parts.services, parts.translate)])
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


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
        "getEntrance",
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
