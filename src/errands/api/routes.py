"""How a noun's module declares its endpoints: the method, the path, and the view that is given back."""

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, ParamSpec

from fastapi import APIRouter, Response

from errands.api.problems import PROBLEM_RESPONSE
from errands.api.shapes import json_bytes, schema_of

Given = ParamSpec("Given")
Endpoint = Callable[Given, Awaitable[object]]
_REFUSALS: dict[int | str, dict[str, Any]] = {"4XX": PROBLEM_RESPONSE, "5XX": PROBLEM_RESPONSE}


class Routes:
    """The endpoints of one noun."""

    def __init__(self, tag: str) -> None:
        self.router = APIRouter(tags=[tag], responses=_REFUSALS)

    def add(
        self,
        method: str,
        path: str,
        *,
        gives: Any = None,
        status: HTTPStatus = HTTPStatus.OK,
        also: Mapping[int | str, dict[str, Any]] | None = None,
        example: object = None,
    ) -> Callable[[Endpoint[Given]], Endpoint[Given]]:
        """Declare an endpoint. It gives a view (`gives` is its type), a whole Response, or nothing (204)."""
        status = HTTPStatus.NO_CONTENT if gives is None else status
        answers: dict[int | str, dict[str, Any]] = dict(also or {})
        if gives is not None and gives is not Response:
            answers[status] = {"model": schema_of(gives), "description": status.phrase}
            if example is not None:
                answers[status]["content"] = {"application/json": {"example": example}}

        def declare(endpoint: Endpoint[Given]) -> Endpoint[Given]:
            self.router.add_api_route(
                path,
                _answering(endpoint, status),
                methods=[method],
                status_code=status,
                operation_id=_operation_id(endpoint.__name__),
                summary=(inspect.getdoc(endpoint) or "").partition("\n")[0],
                description=inspect.getdoc(endpoint),
                responses=answers,
                response_model=None,
                response_class=Response,
            )
            return endpoint

        return declare

    def get(self, path: str, **how: Any) -> Callable[[Endpoint[Given]], Endpoint[Given]]:
        return self.add("GET", path, **how)

    def post(self, path: str, **how: Any) -> Callable[[Endpoint[Given]], Endpoint[Given]]:
        return self.add("POST", path, **how)

    def put(self, path: str, **how: Any) -> Callable[[Endpoint[Given]], Endpoint[Given]]:
        return self.add("PUT", path, **how)

    def delete(self, path: str, **how: Any) -> Callable[[Endpoint[Given]], Endpoint[Given]]:
        return self.add("DELETE", path, **how)


def reply(value: object, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Response:
    """A view as an answer with a status and headers of its own."""
    return Response(json_bytes(value), status, headers and dict(headers), "application/json")


def _answering(endpoint: Endpoint[Given], status: HTTPStatus) -> Endpoint[Given]:
    """The endpoint, writing out whatever view it gives."""

    @functools.wraps(endpoint)
    async def answer(*args: Given.args, **named: Given.kwargs) -> Response:
        given = await endpoint(*args, **named)
        if isinstance(given, Response):
            return given
        return Response(status_code=status) if status is HTTPStatus.NO_CONTENT else reply(given, status)

    return answer


def _operation_id(name: str) -> str:
    """`list_runs` becomes `listRuns`."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
