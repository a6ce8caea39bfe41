"""Numbers carry their unit and stay short."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errands.cli.figures import count, duration, moment, money, size, tokens


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0ms"),
        (-3, "0ms"),
        (0.003, "3ms"),
        (0.8, "0.8s"),
        (9.96, "10s"),
        (41, "41s"),
        (59.6, "1m00s"),
        (130, "2m10s"),
        (10_920, "3h02m"),
        (352_800, "4d02h"),
    ],
)
def test_a_duration_has_the_two_units_that_matter(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown
    assert duration(timedelta(seconds=seconds)) == shown


@given(st.floats(0, 1e9))
def test_no_duration_is_longer_than_nine_characters(seconds: float) -> None:
    assert len(duration(seconds)) <= 9


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        ("0", "$0"),
        ("0.00042", "$0.00042"),
        ("0.031", "$0.031"),
        ("0.5", "$0.5"),
        ("1.2", "$1.20"),
        ("1234", "$1,234.00"),
    ],
)
def test_money_keeps_the_digits_that_count(usd: str, shown: str) -> None:
    assert money(Decimal(usd)) == shown


@pytest.mark.parametrize(("number", "shown"), [(0, "0"), (999, "999"), (12_400, "12.4k"), (999_960, "1.0M")])
def test_a_count_is_rounded_to_thousands(number: int, shown: str) -> None:
    assert count(number) == shown


def test_one_token_is_not_plural() -> None:
    assert (tokens(1), tokens(2)) == ("1 token", "2 tokens")


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (4300, "4.2 KiB"), (50 * 2**20, "50 MiB"), (2**60, "1048576 TiB")],
)
def test_a_size_has_a_unit(number: int, shown: str) -> None:
    assert size(number) == shown


def test_a_moment_of_today_is_a_time_in_the_zone_of_the_reader() -> None:
    now = datetime(2026, 11, 23, 9, 0, tzinfo=timezone(timedelta(hours=1)))
    assert moment(datetime(2026, 11, 23, 6, 30, 5, tzinfo=UTC), now) == "07:30:05"
    assert moment(datetime(2026, 11, 22, 6, 30, 5, tzinfo=UTC), now) == "2026-11-22 07:30"
