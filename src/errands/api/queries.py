"""Queries hold what their route declares and nothing else: a misspelled filter must not list everything."""

from collections.abc import Callable, Coroutine, Iterable
from difflib import get_close_matches
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response, params
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute

from errands.api.problems import Finding, Refusal

_LONGEST_NAME = 80
_MOST_NAMED = 20


class StrictRoute(APIRoute):
    """A route that refuses a query parameter that it does not declare, before anything is read or done."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()
        known: set[str] = set()  # Filled by the first request with a query: most commands of a process need none.

        async def checked(request: Request) -> Response:
            if request.scope["query_string"]:
                known.update(() if known else _declared(self.dependant))
                unknown = [name for name in request.query_params if name not in known]
                if unknown:
                    raise _refusal(unknown, known)
            return await answer(request)

        return checked


def _declared(dependant: Dependant) -> Iterable[str]:
    """Names of the query parameters of an endpoint and of what it depends on."""
    return (one.alias for one in get_flat_params(dependant) if isinstance(one.field_info, params.Query))


def _refusal(unknown: list[str], known: set[str]) -> Refusal:
    """Names what is unknown, never its value: it may be a secret."""
    findings = [_finding(name[:_LONGEST_NAME], known) for name in unknown[:_MOST_NAMED]]
    detail = f"{findings[0].message} Nothing was done."
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "malformed", detail, findings[0].hint, findings)


def _finding(name: str, known: set[str]) -> Finding:
    near = get_close_matches(name.lower(), sorted(known), 1)
    taken = f"It takes {', '.join(sorted(known))}." if known else "It takes none."
    hint = f"Did you mean {near[0]}?" if near else taken
    return Finding(path=f"query.{name}", message=f"There is no query parameter {name!r} at this address.", hint=hint)
