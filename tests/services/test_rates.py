"""Limits by the minute, which all servers of one database count together."""

from datetime import timedelta

import pytest

from errands.services.rates import Rates
from errands.store import rates
from errands.store.database import Database


class Clock:
    """Seconds, as the test has them."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_two_servers_share_one_limit(database: Database) -> None:
    one, other = Rates(database.pool), Rates(database.pool)
    taken = [await each.take("trigger:a", 4) for each in (one, other, one, other, one, other)]
    assert taken[:4] == [0, 0, 0, 0]
    assert all(0 < seconds <= 15 for seconds in taken[4:])
    assert await one.take("trigger:b", 4) == 0, "each key has a limit of its own"


async def test_a_bucket_fills_steadily_and_holds_one_minutes_worth(database: Database) -> None:
    shared = Rates(database.pool)
    for _ in range(4):
        await shared.take("k", 4)
    await _pass(database, seconds=15)
    assert await shared.take("k", 4) == 0
    assert await shared.take("k", 4) > 0
    await _pass(database, seconds=600)
    assert [await shared.take("k", 4) > 0 for _ in range(5)] == [False] * 4 + [True]


async def test_a_server_that_was_told_to_wait_does_not_ask_again_before(database: Database, clock: Clock) -> None:
    shared = Rates(database.pool, clock)
    await shared.take("k", 1)
    wait = await shared.take("k", 1)
    await database.pool.execute("delete from rates")
    assert shared.closed("k") == await shared.wait("k", 1) == pytest.approx(wait)
    clock.now += wait + 0.001
    assert (shared.closed("k"), await shared.wait("k", 1)) == (0, 0)


async def test_a_server_asks_about_those_that_it_has_counted_within_a_minute(database: Database, clock: Clock) -> None:
    one, other = Rates(database.pool, clock), Rates(database.pool, clock)
    await one.take("forger", 2)
    await other.take("forger", 2)
    assert await one.wait("forger", 2) > 0
    assert await Rates(database.pool, clock).wait("forger", 2) == 0, "this one has not met him yet"
    clock.now += 61
    assert await other.wait("forger", 2) == 0


async def test_full_buckets_are_forgotten(database: Database) -> None:
    await Rates(database.pool).take("old", 1)
    await _pass(database, seconds=7200)
    await Rates(database.pool).take("new", 1)
    await rates.prune(database.pool, timedelta(hours=1))
    assert [row["key"] for row in await database.pool.fetch("select key from rates")] == ["new"]


async def _pass(database: Database, *, seconds: int) -> None:
    """As if so much time had gone by."""
    await database.pool.execute("update rates set at = at - make_interval(secs => $1)", seconds)
