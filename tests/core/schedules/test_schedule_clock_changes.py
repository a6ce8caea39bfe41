"""What happens to a time of day where the clock changes."""

from datetime import timedelta
from itertools import pairwise

import pytest

from errands.core.schedules import Skipped, SkipReason, between, next_fire, parse_schedule
from errands.core.values import Json
from tests.core.schedules.minute_walker import utc

# zone, a moment before, the time that is asked for daily, policy, and what the local clock shows at the next firings
TABLE = [
    ("Europe/Berlin", "2026-03-28 12:00", "02:30", {}, ["2026-03-29 03:00+02:00", "2026-03-30 02:30+02:00"]),
    ("Europe/Berlin", "2026-03-28 12:00", "02:30", {"gap": "skip"}, ["2026-03-30 02:30+02:00"]),
    ("Europe/Berlin", "2026-03-28 12:00", "03:00", {}, ["2026-03-29 03:00+02:00"]),
    ("Europe/Berlin", "2026-10-24 12:00", "02:30", {}, ["2026-10-25 02:30+02:00", "2026-10-26 02:30+01:00"]),
    ("Europe/Berlin", "2026-10-24 12:00", "02:30", {"fold": "second"}, ["2026-10-25 02:30+01:00"]),
    (
        "Europe/Berlin",
        "2026-10-24 12:00",
        "02:30",
        {"fold": "both"},
        ["2026-10-25 02:30+02:00", "2026-10-25 02:30+01:00", "2026-10-26 02:30+01:00"],
    ),
    ("America/New_York", "2026-03-07 12:00", "02:15", {}, ["2026-03-08 03:00-04:00", "2026-03-09 02:15-04:00"]),
    ("America/New_York", "2026-10-31 12:00", "01:15", {}, ["2026-11-01 01:15-04:00", "2026-11-02 01:15-05:00"]),
    ("America/New_York", "2026-10-31 12:00", "01:15", {"fold": "second"}, ["2026-11-01 01:15-05:00"]),
    ("Australia/Lord_Howe", "2026-10-03 06:00", "02:15", {}, ["2026-10-04 02:30+11:00", "2026-10-05 02:15+11:00"]),
    ("Australia/Lord_Howe", "2026-04-04 06:00", "01:45", {}, ["2026-04-05 01:45+11:00", "2026-04-06 01:45+10:30"]),
    ("Australia/Lord_Howe", "2026-04-04 06:00", "01:45", {"fold": "second"}, ["2026-04-05 01:45+10:30"]),
    ("America/Santiago", "2026-09-05 12:00", "00:00", {}, ["2026-09-06 01:00-03:00", "2026-09-07 00:00-03:00"]),
    ("America/Santiago", "2026-09-05 12:00", "00:30", {"gap": "skip"}, ["2026-09-07 00:30-03:00"]),
    ("America/Santiago", "2026-04-04 12:00", "23:30", {}, ["2026-04-04 23:30-03:00", "2026-04-05 23:30-04:00"]),
    ("America/Santiago", "2026-04-04 12:00", "23:30", {"fold": "second"}, ["2026-04-04 23:30-04:00"]),
    ("Asia/Kolkata", "2026-03-28 12:00", "02:30", {}, ["2026-03-29 02:30+05:30", "2026-03-30 02:30+05:30"]),
    ("Pacific/Apia", "2011-12-29 12:00", "09:00", {}, ["2011-12-29 09:00-10:00", "2011-12-31 00:00+14:00"]),
    (
        "Pacific/Apia",
        "2011-12-29 12:00",
        "09:00",
        {"gap": "skip"},
        ["2011-12-29 09:00-10:00", "2011-12-31 09:00+14:00"],
    ),
]


@pytest.mark.parametrize(("zone", "after", "at", "policy", "expected"), TABLE)
def test_a_daily_time_that_is_lost_or_doubled_fires_as_the_policy_says(
    zone: str, after: str, at: str, policy: dict[str, Json], expected: list[str]
) -> None:
    schedule = parse_schedule({"daily": at, "timezone": zone, "dst": policy})
    start = utc(after)
    found = [each for each in between(schedule, start, start + timedelta(days=4)) if each.starts_at]
    shown = [each.local.isoformat(" ", "minutes") for each in found]
    assert shown[: len(expected)] == expected
    assert next_fire(schedule, start) == found[0].planned


def test_a_lost_time_is_reported_as_skipped_with_the_reading_that_never_was() -> None:
    schedule = parse_schedule({"daily": "02:30", "timezone": "Europe/Berlin", "dst": {"gap": "skip"}})
    (lost,) = between(schedule, utc("2026-03-29 00:00"), utc("2026-03-29 22:00"))
    assert isinstance(lost.verdict, Skipped)
    assert lost.verdict.reason is SkipReason.CLOCK_CHANGE
    assert "29 March 2026 at 02:30 does not exist in Europe/Berlin" in lost.verdict.text
    assert lost.starts_at is None


def test_several_times_in_one_gap_fire_once_after_it() -> None:
    schedule = parse_schedule({"cron": "*/10 2 * * *", "timezone": "Europe/Berlin"})
    found = between(schedule, utc("2026-03-29 00:00"), utc("2026-03-29 12:00"))
    assert [each.planned for each in found] == [utc("2026-03-29 01:00")]


def test_a_lost_time_gives_way_to_a_real_one_at_the_same_moment() -> None:
    schedule = parse_schedule({"daily": ["02:30", "03:00"], "timezone": "Europe/Berlin", "dst": {"gap": "skip"}})
    (only,) = between(schedule, utc("2026-03-29 00:00"), utc("2026-03-29 12:00"))
    assert only.starts_at == utc("2026-03-29 01:00")


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"cron": "0 * * * *"}, ["00:00+01:00", "01:00+01:00", "03:00+02:00", "04:00+02:00"]),
        ({"hourly": {"at": ":30"}}, ["00:30+01:00", "01:30+01:00", "03:30+02:00", "04:30+02:00"]),
        ({"every": "2h"}, ["01:00+01:00", "04:00+02:00"]),
    ],
)
def test_what_is_finer_than_a_day_follows_elapsed_time_over_a_gap(form: dict[str, Json], expected: list[str]) -> None:
    schedule = parse_schedule({**form, "timezone": "Europe/Berlin"})
    found = between(schedule, utc("2026-03-28 23:00"), utc("2026-03-29 03:00"))
    assert [each.local.isoformat("T", "minutes")[11:] for each in found] == expected


def test_an_hourly_cron_fires_in_both_passes_of_a_fold_whatever_the_policy() -> None:
    schedule = parse_schedule({"cron": "*/30 * * * *", "timezone": "Australia/Lord_Howe", "dst": {"fold": "first"}})
    found = [each.planned for each in between(schedule, utc("2026-04-04 14:00"), utc("2026-04-04 17:00"))]
    assert found == [utc("2026-04-04 14:00") + timedelta(minutes=30 * n) for n in range(6)]


def test_a_multiple_of_days_keeps_its_time_of_day_and_a_multiple_of_hours_does_not() -> None:
    days = parse_schedule({"every": "1d", "phase": "9h", "timezone": "Europe/Berlin"})
    hours = parse_schedule({"every": "25h", "timezone": "Europe/Berlin"})
    start, end = utc("2026-03-27 00:00"), utc("2026-03-31 12:00")
    assert {each.local.strftime("%H:%M") for each in between(days, start, end)} == {"09:00"}
    planned = [each.planned for each in between(hours, start, end)]
    assert {later - earlier for earlier, later in pairwise(planned)} == {timedelta(hours=25)}


def test_a_window_that_ends_in_a_fold_opens_again_when_the_clock_is_put_back() -> None:
    schedule = parse_schedule(
        {
            "daily": "02:45",
            "timezone": "Europe/Berlin",
            "window": {"between": ["01:00", "02:30"], "otherwise": "defer"},
        }
    )
    assert next_fire(schedule, utc("2026-10-25 00:00")) == utc("2026-10-25 01:00")


def test_a_window_that_would_open_in_a_gap_opens_after_it() -> None:
    schedule = parse_schedule(
        {
            "daily": "01:00",
            "timezone": "Europe/Berlin",
            "window": {"between": ["02:15", "04:00"], "otherwise": "defer"},
        }
    )
    assert next_fire(schedule, utc("2026-03-29 00:30")) == utc("2026-03-29 01:00")


def test_six_fields_keep_to_the_policies_as_five_do() -> None:
    five = parse_schedule({"cron": "30 2 * * *", "timezone": "Europe/Berlin"})
    six = parse_schedule({"cron": "0 30 2 * * *", "timezone": "Europe/Berlin"})
    for after in ("2026-03-28 12:00", "2026-10-24 12:00", "2026-10-25 00:30"):
        assert next_fire(five, utc(after)) == next_fire(six, utc(after))


def test_between_asked_in_pieces_loses_and_doubles_nothing_in_a_fold() -> None:
    schedule = parse_schedule(
        {"cron": "*/15 0-4 * * *", "timezone": "America/New_York", "dst": {"gap": "shift", "fold": "both"}}
    )
    start = utc("2026-11-01 03:00")
    whole = [each.planned for each in between(schedule, start, start + timedelta(hours=8))]
    pieces = [start + timedelta(minutes=7 * n) for n in range(70)]
    pieced = [
        each.planned
        for low, high in pairwise(pieces)
        for each in between(schedule, low, min(high, start + timedelta(hours=8)))
        if low < start + timedelta(hours=8)
    ]
    assert pieced == whole
    assert len(whole) == len(set(whole)) == 24
