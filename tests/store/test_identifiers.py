"""Ids are in the order of creation, also within one millisecond."""

from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

from errands.store.identifiers import created_at, new_id, next_id


def test_ids_that_follow_one_another_are_in_order_however_quickly_they_are_made() -> None:
    made = [new_id()]
    for _ in range(2000):
        made.append(next_id(made[-1]))
    assert all(before < after for before, after in pairwise(made))
    assert {one.version for one in made} == {7}


def test_an_id_follows_one_that_a_faster_clock_has_made() -> None:
    ahead = UUID(int=new_id().int + (60_000 << 80))
    following = next_id(ahead)
    assert following > ahead
    assert created_at(following) > datetime.now(UTC)
