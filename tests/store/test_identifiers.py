"""Ids are in the order of creation, also within one millisecond."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from uuid import RFC_4122, UUID

from errands.store.identifiers import created_at, new_id, next_id


def test_ids_of_one_process_are_in_the_order_they_were_made() -> None:
    made = [new_id() for _ in range(20_000)]
    assert all(before < after for before, after in pairwise(made))
    assert {(one.version, one.variant) for one in made} == {(7, RFC_4122)}
    assert abs((created_at(made[-1]) - datetime.now(UTC)).total_seconds()) < 5


def test_threads_never_make_an_id_twice_and_each_sees_its_own_in_order() -> None:
    with ThreadPoolExecutor(4) as threads:
        of_each = list(threads.map(lambda _: [new_id() for _ in range(5_000)], range(4)))
    assert len({one.int >> 64 for made in of_each for one in made}) == 20_000
    assert all(before < after for made in of_each for before, after in pairwise(made))


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
