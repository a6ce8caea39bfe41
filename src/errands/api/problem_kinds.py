"""Every kind of problem that the API answers with: the last part of a problem document's `type`.

docs/reference/errors.md is made from this table.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Literal, NamedTuple

ProblemKind = Literal[
    "arguments-invalid",
    "changed-meanwhile",
    "client-history",
    "conflict",
    "denied",
    "files-invalid",
    "foreign-origin",
    "forged-part",
    "gate-closed",
    "internal",
    "invalid",
    "malformed",
    "method-not-allowed",
    "no-such-route",
    "not-accepted",
    "not-found",
    "other-task",
    "payload-invalid",
    "refused",
    "too-large",
    "too-many",
    "unauthenticated",
    "unavailable",
    "unreadable",
]


class KindOfProblem(NamedTuple):
    """What a kind says to the caller. Markdown, each a sentence or two."""

    status: HTTPStatus
    means: str
    do: str


PROBLEM_KINDS: Mapping[ProblemKind, KindOfProblem] = MappingProxyType(
    {
        "unreadable": KindOfProblem(HTTPStatus.BAD_REQUEST, "The body cannot be read as JSON.", "Send JSON in UTF-8."),
        "refused": KindOfProblem(
            HTTPStatus.BAD_REQUEST,
            "The request breaks a rule of HTTP itself; the status, which may be another 4xx, says which.",
            "Compare it with the OpenAPI document.",
        ),
        "unauthenticated": KindOfProblem(
            HTTPStatus.UNAUTHORIZED,
            "Nobody is signed in, or the token or session has ended or was revoked.",
            "Sign in, or send a token that is valid.",
        ),
        "not-accepted": KindOfProblem(
            HTTPStatus.UNAUTHORIZED,
            "A webhook's address is not known, or the delivery does not prove who sent it. It does not say which.",
            "Compare address, secret and style; `errands triggers deliveries` tells you what the sender is not told.",
        ),
        "denied": KindOfProblem(
            HTTPStatus.FORBIDDEN,
            "The caller has no right to it.",
            "Ask an owner of the project, or use a token with the scope that is named.",
        ),
        "foreign-origin": KindOfProblem(
            HTTPStatus.FORBIDDEN,
            "A write with a session's cookie came from a page of another site.",
            "Programs use a token; a proxy must pass the headers `Host` and `Origin` as they came.",
        ),
        "not-found": KindOfProblem(
            HTTPStatus.NOT_FOUND,
            "What the request names is not there, or the caller may not know of it.",
            "Take the name that the hint proposes.",
        ),
        "no-such-route": KindOfProblem(
            HTTPStatus.NOT_FOUND, "Nothing answers at this address.", "Look it up in the OpenAPI document."
        ),
        "method-not-allowed": KindOfProblem(
            HTTPStatus.METHOD_NOT_ALLOWED, "The address takes other methods.", "Use one that the header `Allow` lists."
        ),
        "conflict": KindOfProblem(
            HTTPStatus.CONFLICT,
            "What is there does not allow it now: a paused task, an ended run, a name that is taken.",
            "Look at what is there, then decide.",
        ),
        "gate-closed": KindOfProblem(
            HTTPStatus.CONFLICT,
            "A gate holds a version back; `problems` lists the runs that would come out differently, and why.",
            "Look at the backtest; whoever may publish may overrule it with a note.",
        ),
        "changed-meanwhile": KindOfProblem(
            HTTPStatus.PRECONDITION_FAILED,
            "What was edited is not what is there any more: `If-Match` names an older one.",
            "Read it again and make the change there.",
        ),
        "too-large": KindOfProblem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "The request, a file or a delivery is larger than is taken here.",
            "Send less at a time; `ERRANDS_MAX_UPLOAD` and a webhook's `max_body` can be raised.",
        ),
        "arguments-invalid": KindOfProblem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "The arguments do not fit the task's params; `problems` has each with its path. No run was made.",
            "Mend the arguments.",
        ),
        "files-invalid": KindOfProblem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "Files have problems; `problems` has each with file, line, column and the code of its rule. Nothing was "
            "changed.",
            "Mend the files; `errands validate` finds the same without a server.",
        ),
        "payload-invalid": KindOfProblem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "A delivery does not fit the schema of its trigger. Nothing was started.",
            "Mend the sender or the schema.",
        ),
        "invalid": KindOfProblem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "A value is wrong for a reason that the detail tells. Nothing was changed.",
            "Follow the hint.",
        ),
        "malformed": KindOfProblem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "The request has another form than the OpenAPI document describes, or a query parameter that is not in it.",
            "`problems` names each part.",
        ),
        "other-task": KindOfProblem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "A draft was sent for one task and declares another.",
            "Edit the one that the file declares.",
        ),
        "client-history": KindOfProblem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "A chat client sent an answer of its own making: answers come from the server.",
            "Send messages of a person, and clicks on the calls that the server has asked for.",
        ),
        "forged-part": KindOfProblem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "A person's chat message holds a part that only the server makes.",
            "Send text and files.",
        ),
        "too-many": KindOfProblem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "Too many tries or deliveries in this time.",
            "Wait for as long as `Retry-After` says.",
        ),
        "internal": KindOfProblem(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "A defect of Errands. What was asked may or may not have been done.",
            "Give the `request_id` to whoever runs the server: its log tells more.",
        ),
        "unavailable": KindOfProblem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "Errands cannot work now: the database is away, a folder or a key is missing.",
            "Try again after `Retry-After`; `errands doctor` says what is missing.",
        ),
    }
)
