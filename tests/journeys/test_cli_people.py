"""Accounts, roles and tokens, with the real command in both ways."""

import itertools
from collections.abc import Iterator

import pytest

from tests.journeys.errands_command import Errands

_numbers: Iterator[int] = itertools.count(1)


@pytest.fixture
def ana() -> str:
    """A name that nobody has yet, on a server that other tests use as well."""
    return f"ana-{next(_numbers)}"


def test_a_person_is_added_given_a_role_and_let_in_no_more(errands: Errands, ana: str) -> None:
    added = errands("people", "add", ana, "--title", "Ana", "--json")
    assert added.code == 0, added.err
    assert added.document["password_link"]["secret"]
    assert errands("people", "role", ana, "auditor").code == 0
    assert errands("people", "add", ana).code == 2
    people = errands("people", "list", "--json")
    assert people.code == 0, people.err
    listed = {one["name"]: one for one in people.document["items"]}
    assert (listed[ana]["title"], listed[ana]["server_role"]) == ("Ana", "auditor")
    assert errands("members", "set", f"user:{ana}", "viewer").code == 0
    assert {one["reference"]: one["role"] for one in errands("members", "list", "--json").document}[f"user:{ana}"] == (
        "viewer"
    )
    assert errands("members", "remove", f"user:{ana}").code == 0
    assert "let in no more" in errands("people", "disable", ana).out
    assert "is let in" in errands("people", "enable", ana).out


def test_the_operator_makes_a_token_that_is_shown_once_and_revoked(mounted: Errands, ana: str) -> None:
    mounted("people", "add", ana)
    made = mounted("tokens", "make", "ci", "--scope", "read", "--scope", "run", "--expires", "30d", "--person", ana)
    assert made.code == 0, made.err
    text = made.out.strip()
    (token,) = mounted("tokens", "list", "--person", ana, "--json").document
    assert (token["name"], token["scopes"], text not in str(token)) == ("ci", ["read", "run"], True)
    assert mounted("tokens", "revoke", token["id"]).code == 0
    assert mounted("tokens", "list", "--person", ana, "--json").document == []
