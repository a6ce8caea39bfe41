"""Problem documents, read back into the refusals of services, so that a command need not know where it was refused."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from errands.core.definition.rules import rule_named
from errands.core.params import ArgumentProblem, ArgumentsInvalid
from errands.core.problems import Problem
from errands.services.errors import (
    ChangedMeanwhile,
    Conflict,
    Denied,
    FilesInvalid,
    Invalid,
    NotFound,
    ServiceError,
    Unauthenticated,
    Unavailable,
)

_PREFIX = "urn:errands:problem:"
_PLAIN: Mapping[str, type[ServiceError]] = {
    "conflict": Conflict,
    "gate-closed": Conflict,
    "changed-meanwhile": ChangedMeanwhile,
    "invalid": Invalid,
    "denied": Denied,
    "unavailable": Unavailable,
    "too-many": Unavailable,
    "too-large": Invalid,
}


class Unreachable(Unavailable):
    """No answer came; whether the request did anything is not known, unless the message says so."""


class Missing(NotFound):
    """What the server says is not there."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        ServiceError.__init__(self, message, hint)


def refusal_of(status: int, document: object, *, where: str, sign_in: str) -> Exception:
    """The refusal that an answer with this status and body is.

    `where` names the server and its version, for answers that are none of ours; `sign_in` is the command for a 401.
    """
    if not isinstance(document, Mapping) or not str(document.get("type", "")).startswith(_PREFIX):
        return Unavailable(f"{where} answered {status}, and not as Errands does.", "Is the address right?")
    kind = str(document["type"]).removeprefix(_PREFIX)
    detail, hint, problems = str(document.get("detail", "")), document.get("hint"), document.get("problems", ())
    match kind:
        case "not-found":
            return Missing(detail, hint)
        case "unauthenticated":
            return Unauthenticated(detail, f"Sign in: {sign_in}")
        case "arguments-invalid":
            return ArgumentsInvalid([ArgumentProblem(*_named(one, "path", "message", "hint")) for one in problems])
        case "files-invalid":
            return FilesInvalid(_by_file(problems))
        case "malformed":
            told = "; ".join(f"{one.get('path')}: {one.get('message')}" for one in problems)
            return Invalid(f"The request is refused: {told}" if told else detail)
        case "no-such-route" | "method-not-allowed":
            return Unavailable(f"{where} does not know this request.", "Let both have the same version of Errands.")
        case "internal":
            return Unavailable(detail, f"The server's log names the request {document.get('request_id')}.")
        case _:
            return _PLAIN.get(kind, Invalid)(detail, hint)


def _by_file(problems: Sequence[Mapping[str, Any]]) -> dict[str, list[Problem]]:
    found: dict[str, list[Problem]] = {}
    for one in problems:
        line, column, path, message, hint, code = _named(one, "line", "column", "path", "message", "hint", "code")
        severity: Literal["error", "warning"] = "warning" if one.get("severity") == "warning" else "error"
        problem = Problem(line or 0, column or 0, path, message, hint, rule_named(code or ""), severity)
        found.setdefault(str(one.get("file") or ""), []).append(problem)
    return found


def _named(one: Mapping[str, Any], *names: str) -> list[Any]:
    return [one.get(name) for name in names]
