"""How a noun's module declares its endpoints: the method, the path, and the view that is given back."""

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ParamSpec

from fastapi import APIRouter, Response
from starlette.routing import BaseRoute

from errands.api.problems import PROBLEM_RESPONSE
from errands.api.queries import StrictRoute
from errands.api.shapes import json_bytes, schema_of

Given = ParamSpec("Given")
Endpoint = Callable[Given, Awaitable[object]]
_REFUSALS: dict[int | str, dict[str, Any]] = {"4XX": PROBLEM_RESPONSE, "5XX": PROBLEM_RESPONSE}


@dataclass(frozen=True, slots=True)
class _Declared:
    """An endpoint as its module declares it."""

    method: str
    path: str
    endpoint: Callable[..., Awaitable[object]]
    status: HTTPStatus
    gives: Any
    also: Mapping[int | str, Mapping[str, Any]]
    example: object
    takes: Mapping[str, Any] | None
    """Media types of a body that the endpoint reads by itself."""
    any_query: bool
    """Whether others decide what the query holds; else an unknown parameter is refused."""

    def add_to(self, router: APIRouter, *, documented: bool) -> None:
        told = inspect.getdoc(self.endpoint) or ""
        router.add_api_route(
            self.path,
            self.endpoint,
            methods=[self.method],
            status_code=self.status,
            operation_id=_operation_id(self.endpoint.__name__),
            summary=told.partition("\n")[0],
            description=told,
            responses=self._answers() if documented else None,
            openapi_extra=None if self.takes is None else {"requestBody": {"content": dict(self.takes)}},
            response_model=None,
            response_class=Response,
            route_class_override=None if self.any_query else StrictRoute,
        )

    def _answers(self) -> dict[int | str, dict[str, Any]]:
        answers = {status: dict(answer) for status, answer in self.also.items()}
        for answer in answers.values():
            if "model" in answer:
                answer["model"] = schema_of(answer["model"])
        if self.gives is not None and self.gives is not Response:
            answers[self.status] = {"model": schema_of(self.gives), "description": self.status.phrase}
            if self.example is not None:
                answers[self.status]["content"] = {"application/json": {"example": self.example}}
        return answers


class Routes:
    """The endpoints of one noun. `any_query`: those of them that do not say otherwise take any query."""

    def __init__(self, tag: str, *, any_query: bool = False) -> None:
        self._tag = tag
        self._any_query = any_query
        self._declared: list[_Declared] = []
        self._made: dict[tuple[str, bool, bool], Sequence[BaseRoute]] = {}

    def made(self, prefix: str = "", *, documented: bool = True, in_document: bool = True) -> Sequence[BaseRoute]:
        """The endpoints as routes, to be added to an application; made once for all applications of a process.

        Not `documented`: without the shapes of answers, which take longer to draw than everything else and are read
        in the document alone. Not `in_document`: the document leaves them out.
        """
        how = (prefix, documented, in_document)
        if how not in self._made:
            router = APIRouter(
                prefix=prefix,
                tags=[self._tag],
                responses=_REFUSALS if documented else None,
                include_in_schema=in_document,
            )
            for declared in self._declared:
                declared.add_to(router, documented=documented)
            self._made[how] = router.routes
        return self._made[how]

    def add(
        self,
        method: str,
        path: str,
        *,
        gives: Any = None,
        status: HTTPStatus = HTTPStatus.OK,
        also: Mapping[int | str, Mapping[str, Any]] | None = None,
        example: object = None,
        takes: Mapping[str, Any] | None = None,
        any_query: bool | None = None,
    ) -> Callable[[Endpoint[Given]], Endpoint[Given]]:
        """Declare an endpoint. It gives a view (`gives` is its type), a whole Response, or nothing (204).

        `takes`: media types of a body that the endpoint reads by itself. `any_query`: whoever sends somebody here adds
        parameters of their own.
        """
        whatever = self._any_query if any_query is None else any_query
        status = HTTPStatus.NO_CONTENT if gives is None else status

        def declare(endpoint: Endpoint[Given]) -> Endpoint[Given]:
            answering = _answering(endpoint, status)
            self._declared.append(
                _Declared(method, path, answering, status, gives, also or {}, example, takes, whatever)
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
