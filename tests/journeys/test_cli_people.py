"""Accounts, roles and tokens, with the real command in both ways."""

import itertools
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

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
    again = errands("people", "add", ana)
    assert again.code == 2
    told = errands("people", "add", f"{ana}-too").out
    assert "UTC:" in told
    assert "/password?link=" in told
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


def test_a_group_is_made_filled_given_a_task_and_removed(errands: Errands, ana: str) -> None:
    group = f"crew-{ana}"
    errands("people", "add", ana)
    assert errands("groups", "make", group, "--title", "The crew").code == 0
    assert errands("groups", "add", group, "nobody-of-that-name").code == 2
    assert f"{ana} is in {group}" in errands("groups", "add", group, ana).out
    listed = {one["name"]: one for one in errands("groups", "list", "--json").document}
    assert (listed[group]["title"], listed[group]["people"]) == ("The crew", [ana])
    assert errands("groups", "take-out", group, ana).code == 0
    assert {one["name"]: one["people"] for one in errands("groups", "list", "--json").document}[group] == []
    assert errands("groups", "remove", group).code == 0
    assert group not in errands("groups", "list").out


def test_a_task_is_narrowed_to_a_group_and_opened_again(errands: Errands, ana: str, tmp_path: Path) -> None:
    name = f"narrow-{ana}"
    (tmp_path / "task.yaml").write_text(f"task: {name}\ndescription: Waits.\nsteps: [{{wait: 1s}}]\n")
    assert errands("apply", str(tmp_path / "task.yaml")).code == 0
    errands("people", "add", ana)
    narrowed = errands("members", "task", name, "--runner", f"user:{ana}", "--answerer", "role:owner", "--json")
    who = itemgetter("runners", "answerers")
    assert who(narrowed.document) == ([f"user:{ana}"], ["role:owner"])
    assert f"may be run by user:{ana}" in errands("members", "task", name).out
    assert errands("members", "task", name, "--runner", "user:nobody-of-that-name").code == 2
    assert who(errands("members", "task", name, "--everybody", "--json").document) == ([], [])
