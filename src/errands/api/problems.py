"""Refusals as problem documents (RFC 9457): the one place where an error becomes a status code."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from errands.api.problem_kinds import ProblemKind
from errands.api.shapes import json_bytes
from errands.core.params import ArgumentProblem, ArgumentsInvalid
from errands.services.errors import (
    ChangedMeanwhile,
    Conflict,
    Denied,
    FilesInvalid,
    GateClosed,
    Invalid,
    NotAccepted,
    NotFound,
    PayloadInvalid,
    ServiceError,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5
"""When a caller may try again while the database is away."""
_MOST_PROBLEMS = 200

Translate = Callable[[Exception], ServiceError | None]
"""What a library's exception means in the words of services; None for a defect."""


class Finding(BaseModel):
    """One thing wrong with what was sent."""

    path: str
    """Where: `limit`, `steps[2].with.sql`, or a part of the request such as `query.limit`."""
    message: str
    hint: str | None = None
    file: str | None = None
    """Name of the file that it stands in."""
    line: int | None = None
    column: int | None = None
    code: str | None = None
    severity: str | None = None

    model_config = ConfigDict(use_attribute_docstrings=True)


class ProblemDocument(BaseModel):
    """Why a request was refused. Nothing was changed, unless `detail` says so."""

    type: str
    """Stable name of the kind of problem, such as `urn:errands:problem:not-found`."""
    title: str
    status: int
    detail: str
    """What happened, with the offending value."""
    hint: str | None = None
    """What to do next."""
    request_id: str
    """Names this request in the server's log."""
    problems: list[Finding] = Field(default_factory=list)
    """Everything wrong with arguments or files."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:errands:problem:not-found",
                    "title": "Not found",
                    "status": 404,
                    "detail": "There is no task 'reprot'.",
                    "hint": "Did you mean report?",
                    "request_id": "5f0c1b9e4f6c4f6f",
                    "problems": [],
                }
            ]
        },
    )


@dataclass(slots=True, eq=False)
class Refusal(Exception):
    """A request is refused by the face itself: its form, its size, its origin, its precondition.

    Not frozen: whatever raises an exception anew, as context managers do, writes to it.
    """

    status: HTTPStatus
    kind: ProblemKind
    """Last part of the problem's `type`."""
    detail: str
    hint: str | None = None
    problems: Sequence[Finding] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def problem_response(error: Exception, request_id: str, translate: Translate) -> Response:
    """The answer to a request that raised. For a defect it says no more than where the log tells of it."""
    found = _refusal(error) or _refusal(translate(error)) or _defect()
    problem = ProblemDocument(
        type=f"urn:errands:problem:{found.kind}",
        title=found.kind.replace("-", " ").capitalize(),
        status=found.status,
        detail=found.detail,
        hint=found.hint,
        request_id=request_id,
        problems=list(found.problems)[:_MOST_PROBLEMS],
    )
    return Response(json_bytes(problem), found.status, dict(found.headers), MEDIA_TYPE)


def is_defect(error: Exception, translate: Translate) -> bool:
    """Whether nobody but us can mend it."""
    return _refusal(error) is None and translate(error) is None


def _refusal(error: Exception | None) -> Refusal | None:
    match error:
        case Refusal():
            return error
        case ArgumentsInvalid():
            findings = [_argument(problem) for problem in error.problems]
            detail = "No run was made; its arguments are wrong."
            return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "arguments-invalid", detail, None, findings)
        case FilesInvalid():
            return _of_service(error, HTTPStatus.UNPROCESSABLE_ENTITY, "files-invalid", problems=_in_files(error))
        case PayloadInvalid():
            findings = [Finding(path=path, message=said, hint=hint) for path, said, hint in error.problems]
            return _of_service(error, HTTPStatus.UNPROCESSABLE_ENTITY, "payload-invalid", problems=findings)
        case GateClosed():
            findings = [Finding(path=run, message=why) for run, why in error.runs]
            return _of_service(error, HTTPStatus.CONFLICT, "gate-closed", problems=findings)
        case ServiceError():
            return _service(error)
        case RequestValidationError():
            return _malformed(error)
        case HTTPException():
            return _plain(error)
        case _:
            return None


def _service(error: ServiceError) -> Refusal | None:
    match error:
        case NotFound():
            return _of_service(error, HTTPStatus.NOT_FOUND, "not-found")
        case ChangedMeanwhile():
            return _of_service(error, HTTPStatus.PRECONDITION_FAILED, "changed-meanwhile")
        case Conflict():
            return _of_service(error, HTTPStatus.CONFLICT, "conflict")
        case Invalid():
            found = [Finding(path=error.field, message=error.message, hint=error.hint)] if error.field else []
            return _of_service(error, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", problems=found)
        case Denied():
            return _of_service(error, HTTPStatus.FORBIDDEN, "denied")
        case Unauthenticated():
            return _of_service(error, HTTPStatus.UNAUTHORIZED, "unauthenticated", {"WWW-Authenticate": "Bearer"})
        case NotAccepted():
            return _of_service(error, HTTPStatus.UNAUTHORIZED, "not-accepted", {"WWW-Authenticate": "Bearer"})
        case TooLarge():
            return _of_service(error, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", {"Connection": "close"})
        case TooMany():
            after = {"Retry-After": str(error.retry_after_seconds)}
            return _of_service(error, HTTPStatus.TOO_MANY_REQUESTS, "too-many", after)
        case Unavailable():
            after = {"Retry-After": str(RETRY_AFTER_SECONDS)}
            return _of_service(error, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", after)
        case _:
            return None


def _of_service(
    error: ServiceError,
    status: HTTPStatus,
    kind: ProblemKind,
    headers: Mapping[str, str] | None = None,
    problems: Sequence[Finding] = (),
) -> Refusal:
    return Refusal(status, kind, error.message, error.hint, problems, headers or {})


def _argument(problem: ArgumentProblem) -> Finding:
    return Finding(path=problem.path, message=problem.message, hint=problem.hint)


def _in_files(error: FilesInvalid) -> list[Finding]:
    return [
        Finding(
            path=found.path,
            message=found.message,
            hint=found.hint,
            file=name,
            line=found.line,
            column=found.column,
            code=found.code,
            severity=found.severity,
        )
        for name, problems in error.problems.items()
        for found in problems
    ]


def _malformed(error: RequestValidationError) -> Refusal:
    """The request does not have the form that the document describes. Values are not repeated: one may be a secret."""
    findings = [
        Finding(path=_place(one["loc"]), message=f"{one['msg'].removeprefix('Value error, ')}.".replace("..", "."))
        for one in error.errors()
    ]
    detail = f"The request is not as described: {findings[0].path}: {findings[0].message}" if findings else "Malformed."
    hint = "GET /api/v1/openapi.json describes every request."
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "malformed", detail, hint, findings)


def _place(location: Sequence[int | str]) -> str:
    """`body.files[0].name` for `("body", "files", 0, "name")`."""
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return shown.removeprefix(".")


def _plain(error: HTTPException) -> Refusal:
    status, hint = HTTPStatus(error.status_code), "GET /api/v1/openapi.json lists what there is."
    headers = dict(error.headers or {})
    match status:
        case HTTPStatus.NOT_FOUND:
            return Refusal(status, "no-such-route", "Nothing answers at this address.", hint, (), headers)
        case HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = headers.get("Allow", "other methods")
            return Refusal(status, "method-not-allowed", f"This address takes {allowed}.", hint, (), headers)
        case HTTPStatus.BAD_REQUEST:
            detail = "The body cannot be read as JSON."
            return Refusal(status, "unreadable", detail, "Send JSON in UTF-8.", (), headers)
        case _:
            return Refusal(status, "refused", f"{status.phrase}.", None, (), headers)


def _defect() -> Refusal:
    return Refusal(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal",
        "Errands has a defect; what you asked may or may not have been done.",
        "Tell your administrator the request_id: the server's log names it.",
    )


async def fastapi_handler(request: Request, error: Exception) -> Response:
    """For what FastAPI would answer by itself: the same documents as for everything else."""
    raise error


PROBLEM_RESPONSE = {
    "description": "Refused; the document says why.",
    "content": {MEDIA_TYPE: {}},
    "model": ProblemDocument,
}
