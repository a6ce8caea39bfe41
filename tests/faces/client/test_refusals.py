"""A refusal means the same to a command, whether a service raised it here or a server told it."""

import json
from http import HTTPStatus
from typing import cast

import pytest

from errands.api.problem_kinds import ProblemKind
from errands.api.problems import Refusal, problem_response
from errands.cli.client.refusals import refusal_of
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
    TooMany,
    Unauthenticated,
    Unavailable,
)


def told(error: Exception) -> Exception:
    """The refusal after its way over the API."""
    answer = problem_response(error, "req-1", lambda _: None)
    return refusal_of(
        answer.status_code, json.loads(bytes(answer.body)), where="The server", sign_in="errands login URL"
    )


@pytest.mark.parametrize(
    "error",
    [
        NotFound("task", "reprot", ["report"]),
        Conflict("Nothing is published.", "Publish one."),
        ChangedMeanwhile("It has changed.", "Read it again."),
        Invalid("No."),
        Denied("You may not run.", "Ask an owner of the project default."),
        Unavailable("The database is away.", "Start it."),
    ],
)
def test_what_happened_and_the_next_move_arrive_as_they_were_said(error: ServiceError) -> None:
    again = told(error)
    assert isinstance(again, type(error))
    assert (again.message, again.hint) == (error.message, error.hint)


def test_wrong_arguments_and_files_keep_every_finding() -> None:
    arguments = told(ArgumentsInvalid([ArgumentProblem("limit", "is 0", "Give 1.")]))
    assert isinstance(arguments, ArgumentsInvalid)
    assert arguments.problems == [ArgumentProblem("limit", "is 0", "Give 1.")]
    found = {
        "a.yaml": (Problem(2, 3, "steps[0]", "no", "yes", "unknown-key"), Problem(0, 0, "", "x", severity="warning"))
    }
    files = told(FilesInvalid(found))
    assert isinstance(files, FilesInvalid)
    assert files.problems == found


def test_whoever_is_not_signed_in_is_told_how_to() -> None:
    again = told(Unauthenticated("The token is not known.", "Send `Authorization: Bearer TOKEN`."))
    assert isinstance(again, Unauthenticated)
    assert again.hint == "Sign in: errands login URL"


def test_too_many_and_a_defect_are_the_servers_trouble_and_a_form_is_the_callers() -> None:
    assert isinstance(told(TooMany("Too many tries.", 90)), Unavailable)
    defect = told(KeyError("spam"))
    assert isinstance(defect, Unavailable)
    assert defect.hint is not None
    assert "req-1" in defect.hint
    unknown = told(Refusal(HTTPStatus.NOT_FOUND, "no-such-route", "Nothing answers."))
    assert "same version" in str(getattr(unknown, "hint", ""))
    assert isinstance(told(Refusal(HTTPStatus.CONFLICT, cast(ProblemKind, "something-new"), "No.")), Invalid)


@pytest.mark.parametrize("document", [None, [], {"type": "about:blank"}, "<html>"])
def test_an_answer_that_is_not_ours_is_taken_for_a_wrong_address(document: object) -> None:
    refusal = refusal_of(502, document, where="The server https://x", sign_in="")
    assert str(refusal) == "The server https://x answered 502, and not as Errands does."
