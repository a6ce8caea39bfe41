"""What each form says, and that other libraries read cron lines and rules the same way."""

from datetime import datetime, timedelta
from itertools import islice

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from errands.core.schedules import between, next_fire, parse_schedule
from errands.core.values import Json
from tests.core.schedules.minute_walker import utc

WEDNESDAY = "2026-04-01 12:00"


def upcoming(raw: dict[str, Json], after: str = WEDNESDAY, count: int = 3) -> list[str]:
    """The next firings as the local clock shows them."""
    start = utc(after)
    found = between(parse_schedule(raw), start, start + timedelta(days=366 * 20))
    return [each.local.strftime("%Y-%m-%d %H:%M") for each in islice(found, count)]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"hourly": {"at": ":15"}}, ["2026-04-01 12:15", "2026-04-01 13:15", "2026-04-01 14:15"]),
        ({"hourly": {"at": [":00", ":40"]}}, ["2026-04-01 12:00", "2026-04-01 12:40", "2026-04-01 13:00"]),
        ({"daily": "09:00"}, ["2026-04-02 09:00", "2026-04-03 09:00", "2026-04-04 09:00"]),
        ({"daily": {"at": ["18:00", "09:00"]}}, ["2026-04-01 18:00", "2026-04-02 09:00", "2026-04-02 18:00"]),
        (
            {"weekly": {"on": ["mon", "thu"], "at": "09:00"}},
            ["2026-04-02 09:00", "2026-04-06 09:00", "2026-04-09 09:00"],
        ),
        ({"weekly": {"on": "fri-mon", "at": "09:00"}}, ["2026-04-03 09:00", "2026-04-04 09:00", "2026-04-05 09:00"]),
        (
            {"monthly": {"on": [1, 15, "last"], "at": "18:00"}},
            ["2026-04-01 18:00", "2026-04-15 18:00", "2026-04-30 18:00"],
        ),
        ({"monthly": {"on": ["2nd tue"], "at": "18:00"}}, ["2026-04-14 18:00", "2026-05-12 18:00", "2026-06-09 18:00"]),
        (
            {"monthly": {"on": "last weekday", "at": "18:00"}},
            ["2026-04-30 18:00", "2026-05-29 18:00", "2026-06-30 18:00"],
        ),
        (
            {"monthly": {"on": "1st weekday", "at": "18:00"}},
            ["2026-04-01 18:00", "2026-05-01 18:00", "2026-06-01 18:00"],
        ),
        ({"monthly": {"on": 31, "at": "00:00"}}, ["2026-05-31 00:00", "2026-07-31 00:00", "2026-08-31 00:00"]),
        ({"every": "15m", "phase": "5m"}, ["2026-04-01 12:05", "2026-04-01 12:20", "2026-04-01 12:35"]),
        ({"every": "2w", "phase": "4d9h"}, ["2026-04-13 09:00", "2026-04-27 09:00", "2026-05-11 09:00"]),
        ({"cron": "*/10 8-18 * * MON-FRI"}, ["2026-04-01 12:00", "2026-04-01 12:10", "2026-04-01 12:20"]),
        ({"cron": "30 0 9 * * *"}, ["2026-04-02 09:00", "2026-04-03 09:00", "2026-04-04 09:00"]),
        ({"cron": "@weekly"}, ["2026-04-05 00:00", "2026-04-12 00:00", "2026-04-19 00:00"]),
        ({"cron": "0 12 L * *"}, ["2026-04-30 12:00", "2026-05-31 12:00", "2026-06-30 12:00"]),
        ({"cron": "0 12 LW * *"}, ["2026-04-30 12:00", "2026-05-29 12:00", "2026-06-30 12:00"]),
        ({"cron": "0 12 * * 2#2"}, ["2026-04-14 12:00", "2026-05-12 12:00", "2026-06-09 12:00"]),
        ({"cron": "0 12 * * fri#1"}, ["2026-04-03 12:00", "2026-05-01 12:00", "2026-06-05 12:00"]),
        ({"cron": "0 12 13 * FRI"}, ["2026-04-03 12:00", "2026-04-10 12:00", "2026-04-13 12:00"]),
        ({"rrule": "FREQ=MONTHLY;BYDAY=-1FR"}, ["2026-04-24 00:00", "2026-05-29 00:00", "2026-06-26 00:00"]),
        (
            {"rrule": "FREQ=WEEKLY;INTERVAL=2", "starting": "2026-03-02T09:00"},
            ["2026-04-13 09:00", "2026-04-27 09:00", "2026-05-11 09:00"],
        ),
        ({"rrule": "FREQ=DAILY;COUNT=2", "starting": "2026-04-01T11:00"}, ["2026-04-02 11:00"]),
        ({"rrule": "FREQ=DAILY;UNTIL=20260402"}, ["2026-04-02 00:00"]),
        (
            {"rrule": "FREQ=DAILY;UNTIL=20260402T230000Z", "timezone": "Europe/Berlin"},
            ["2026-04-02 00:00", "2026-04-03 00:00"],
        ),
        (
            {"rrule": "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=9,17;BYSETPOS=-1"},
            ["2026-04-30 17:00", "2026-05-29 17:00", "2026-06-30 17:00"],
        ),
        ({"at": "2026-12-01T09:00"}, ["2026-12-01 09:00"]),
        ({"at": "2026-12-01T09:00+02:00"}, ["2026-12-01 07:00"]),
        (
            {"any": [{"daily": "09:00"}, {"cron": "0 12 * * THU"}, {"at": "2026-04-02T09:00"}]},
            ["2026-04-02 09:00", "2026-04-02 12:00", "2026-04-03 09:00"],
        ),
    ],
)
def test_a_form_fires_when_it_says(raw: dict[str, Json], expected: list[str]) -> None:
    assert upcoming(raw) == expected


def test_a_leap_day_comes_in_leap_years_only_and_not_in_2100() -> None:
    leap_days = ["2028-02-29 06:00", "2032-02-29 06:00", "2036-02-29 06:00"]
    assert upcoming({"cron": "0 6 29 2 *"}) == leap_days
    assert upcoming({"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=6"}) == leap_days
    assert upcoming({"cron": "0 6 29 2 *"}, after="2096-03-01 00:00", count=1) == ["2104-02-29 06:00"]


def test_nothing_ends_in_2038() -> None:
    last_second = utc("2038-01-19 03:14") + timedelta(seconds=7)
    assert next_fire(parse_schedule({"every": "1s"}), last_second) == last_second + timedelta(seconds=1)
    berlin = parse_schedule({"daily": "09:00", "timezone": "Europe/Berlin"})
    assert next_fire(berlin, utc("2045-07-01 12:00")) == utc("2045-07-02 07:00")
    assert next_fire(berlin, utc("2045-12-01 12:00")) == utc("2045-12-02 08:00")


def test_a_restart_does_not_move_an_interval() -> None:
    schedule = parse_schedule({"every": "7m"})
    assert {next_fire(schedule, utc("2026-04-01 12:00") + timedelta(seconds=n)) for n in range(0, 60, 7)} == {
        next_fire(schedule, utc("2026-04-01 12:00"))
    }


def cron_field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    # From lower to higher only: croniter reads 2-2 as the whole week.
    span = st.integers(low, high - 1).flatmap(
        lambda first: st.integers(first + 1, high).map(lambda last: f"{first}-{last}")
    )
    return st.one_of(
        st.just("*"),
        number.map(str),
        st.lists(st.one_of(number.map(str), span), min_size=1, max_size=3).map(",".join),
        st.tuples(span, st.integers(1, 9)).map(lambda pair: f"{pair[0]}/{pair[1]}"),
    )


cron_lines = st.tuples(
    cron_field(0, 59), cron_field(0, 23), cron_field(1, 28), cron_field(1, 12), cron_field(0, 6)
).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(cron_lines, st.datetimes(datetime(2024, 1, 1), datetime(2040, 1, 1)))
def test_an_independent_library_reads_random_cron_lines_the_same_way_in_utc(line: str, after: datetime) -> None:
    croniter = pytest.importorskip("croniter").croniter
    cursor = after.replace(microsecond=0)
    theirs = croniter(line, cursor)
    schedule = parse_schedule({"cron": line})
    found = between(schedule, utc(cursor.isoformat()) + timedelta(seconds=1), utc("2100-01-01 00:00"))
    for ours in islice(found, 4):
        assert ours.planned.replace(tzinfo=None) == theirs.get_next(datetime)


@st.composite
def recurrence_rules(draw: st.DrawFn) -> str:
    """Rules that do come again: dateutil searches up to the year 9999 for a day that never does."""
    freq = draw(st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY"]))
    day = st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"])
    counted = st.sampled_from(["", "1", "2", "-1", "-2"] if freq in ("YEARLY", "MONTHLY") else [""])
    days = {
        "": st.just(""),
        "BYDAY": listed(st.tuples(counted, day).map("".join)),
        "BYMONTHDAY": listed(st.one_of(st.integers(1, 28), st.integers(-4, -1)).map(str)),
        "BYYEARDAY": listed(st.one_of(st.integers(1, 365), st.integers(-9, -1)).map(str)),
    }
    named = draw(st.sampled_from({"YEARLY": [*days], "WEEKLY": ["", "BYDAY"]}.get(freq, ["", "BYDAY", "BYMONTHDAY"])))
    more = {
        "INTERVAL": st.integers(1, 5).map(str),
        "BYMONTH": listed(st.integers(1, 12).map(str)),
        "COUNT": st.integers(1, 8).map(str),
        "BYHOUR": listed(st.integers(0, 23).map(str)),
        "BYSETPOS": st.sampled_from(["1", "-1", "1,-1"]),
        "WKST": day,
    }
    chosen = draw(st.sets(st.sampled_from(sorted(more)), max_size=4))
    if freq == "MONTHLY" and "INTERVAL" in chosen:
        chosen.discard("BYMONTH")
    if freq == "WEEKLY":  # dateutil counts the first week's positions from its start, we count whole weeks
        chosen.discard("BYSETPOS")
    if named == "BYYEARDAY":
        chosen.discard("BYMONTH")
    parts = [f"FREQ={freq}", *(f"{name}={draw(more[name])}" for name in sorted(chosen))]
    return ";".join([*parts, f"{named}={draw(days[named])}"] if named else parts)


def listed(item: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(item, min_size=1, max_size=3).map(",".join)


@settings(max_examples=100, deadline=None)
@given(recurrence_rules(), st.datetimes(datetime(2020, 1, 1), datetime(2026, 1, 1)), st.integers(0, 900))
def test_a_walk_through_a_rule_by_dateutil_gives_the_same(rule: str, first: datetime, days_later: int) -> None:
    first = first.replace(day=min(first.day, 28), second=0, microsecond=0)
    after, end = first + timedelta(days=days_later), datetime(2029, 1, 1)
    theirs = rrulestr(rule if "COUNT" in rule else f"{rule};UNTIL=20290101T000000", dtstart=first)
    schedule = parse_schedule({"rrule": rule, "starting": first.isoformat()})
    found = [each.planned.replace(tzinfo=None) for each in between(schedule, utc(after.isoformat()), utc("2029-01-01"))]
    assert found == [moment for moment in theirs if after <= moment < end]
