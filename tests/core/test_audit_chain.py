"""The chain of the audit log finds every change, removal and insertion."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errands.core.audit_chain import Break, Entry, Head, Link, follow, parse_head, seal

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def entry(seq: int, **changes: object) -> Entry:
    made = Entry(
        seq, NOW + timedelta(seconds=seq), "user:ana", "person", "usr_1", "task.run", "task", "t", "p", "done", "{}"
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def chain(count: int) -> list[Link]:
    links, head = [], Head()
    for seq in range(1, count + 1):
        head = seal(head, entry(seq))
        links.append(Link(head.position, seq, head.hash, entry(seq)))
    return links


def test_an_untouched_chain_holds_and_gives_its_head() -> None:
    links = chain(5)
    assert follow(Head(), links) == Head(5, links[-1].hash)
    assert follow(Head(2, links[1].hash), links[2:]) == Head(5, links[-1].hash)


CHANGES: dict[str, object] = {
    "at": NOW,
    "actor": "user:eve",
    "actor_kind": "token",
    "actor_id": "usr_2",
    "verb": "task.edit",
    "noun": "run",
    "name": "u",
    "project": None,
    "outcome": "denied",
    "detail": "{ }",
}


@pytest.mark.parametrize("field", CHANGES)
def test_any_changed_field_is_found_where_it_is(field: str) -> None:
    links = chain(5)
    links[2] = replace(links[2], entry=entry(3, **{field: CHANGES[field]}))
    found = follow(Head(), links)
    assert isinstance(found, Break)
    assert (found.position, found.seq) == (3, 3)


@given(st.integers(0, 4))
def test_a_place_that_is_missing_is_found(index: int) -> None:
    links = chain(6)
    del links[index]
    found = follow(Head(), links)
    assert isinstance(found, Break)
    assert found.position == index + 1


def test_an_entry_that_is_gone_is_named() -> None:
    links = chain(3)
    links[1] = replace(links[1], entry=None)
    found = follow(Head(), links)
    assert isinstance(found, Break)
    assert (found.seq, found.reason) == (2, "entry 2 was removed")


def test_fields_that_run_into_each_other_do_not_look_alike() -> None:
    assert seal(Head(), entry(1, noun="a", name="bc")) != seal(Head(), entry(1, noun="ab", name="c"))


def test_a_head_is_read_as_it_is_written() -> None:
    head = seal(Head(), entry(1))
    assert parse_head(head.text) == head


@pytest.mark.parametrize("text", ["", "1", "1:zz", "-1:" + "0" * 64, "x:" + "0" * 64, "1:00"])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no head of the audit log"):
        parse_head(text)
