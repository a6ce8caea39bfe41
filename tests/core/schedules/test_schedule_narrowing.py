"""Windows, closed periods, bounds, jitter: what they let through, and what is said about the rest."""

import time as clock
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errands.core.schedules import (
    CalendarUnknown,
    ClosedPeriod,
    Deferred,
    Fires,
    Occurrence,
    Skipped,
    SkipReason,
    between,
    jittered,
    next_fire,
    parse_schedule,
)
from errands.core.values import Json
from tests.core.schedules.minute_walker import utc

OFFICE: dict[str, Json] = {"between": ["08:00", "18:00"], "on": "mon-fri"}
FRIDAY, MONDAY = "2026-04-03", "2026-04-06"


def outcomes(occurrences: list[Occurrence]) -> list[str]:
    """`05 20:00 window` for a skip, `05 20:00 -> 06 08:00` for a deferral, `05 09:00` for a firing."""
    said = []
    for each in occurrences:
        planned = each.planned.strftime("%d %H:%M")
        match each.verdict:
            case Fires():
                said.append(planned)
            case Skipped(reason=reason):
                said.append(f"{planned} {reason}")
            case Deferred(to=to):
                said.append(f"{planned} -> {to.strftime('%d %H:%M')}")
    return said


def test_the_closing_time_is_outside_and_the_opening_time_is_inside() -> None:
    schedule = parse_schedule({"daily": ["07:59", "08:00", "17:59", "18:00"], "window": OFFICE})
    found = list(between(schedule, utc(f"{FRIDAY} 00:00"), utc(f"{FRIDAY} 23:00")))
    assert outcomes(found) == ["03 07:59 window", "03 08:00", "03 17:59", "03 18:00 window"]
    assert isinstance(found[0].verdict, Skipped)
    assert found[0].verdict.text == "outside the window, between 08:00 and 18:00, Monday to Friday"


def test_of_several_that_wait_for_one_opening_only_the_last_runs() -> None:
    schedule = parse_schedule({"daily": "20:00", "window": {**OFFICE, "otherwise": "defer"}})
    found = list(between(schedule, utc(f"{FRIDAY} 00:00"), utc(f"{MONDAY} 22:00")))
    assert outcomes(found) == [
        "03 20:00 superseded",
        "04 20:00 superseded",
        "05 20:00 -> 06 08:00",
        "06 20:00 -> 07 08:00",
    ]


def test_what_is_deferred_to_an_opening_gives_way_to_what_is_planned_there() -> None:
    schedule = parse_schedule({"daily": ["06:00", "08:00"], "window": {**OFFICE, "otherwise": "defer"}})
    found = list(between(schedule, utc(f"{FRIDAY} 00:00"), utc(f"{FRIDAY} 23:00")))
    assert outcomes(found) == ["03 06:00 superseded", "03 08:00"]


def test_a_range_that_ends_before_the_opening_still_knows_what_follows() -> None:
    schedule = parse_schedule({"hourly": ":00", "window": {**OFFICE, "otherwise": "defer"}})
    found = list(between(schedule, utc(f"{FRIDAY} 18:00"), utc(f"{FRIDAY} 20:30")))
    assert outcomes(found) == ["03 18:00 superseded", "03 19:00 superseded", "03 20:00 superseded"]


def test_the_next_start_may_be_an_opening_that_something_in_the_past_waits_for() -> None:
    schedule = parse_schedule({"weekly": {"on": "fri", "at": "20:00"}, "window": {**OFFICE, "otherwise": "defer"}})
    for asked in (f"{FRIDAY} 20:00", "2026-04-05 12:00", f"{MONDAY} 07:59"):
        assert next_fire(schedule, utc(asked)) == utc(f"{MONDAY} 08:00")
    assert next_fire(schedule, utc(f"{MONDAY} 08:00")) == utc("2026-04-13 08:00")


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_opens() -> None:
    schedule = parse_schedule({"hourly": ":00", "window": {"between": ["22:00", "02:00"], "on": "fri"}})
    found = between(schedule, utc("2026-04-03 00:00"), utc("2026-04-06 00:00"))
    assert [line for line in outcomes(list(found)) if "window" not in line] == [
        "03 22:00",
        "03 23:00",
        "04 00:00",
        "04 01:00",
    ]


def test_a_window_may_last_until_the_end_of_the_day() -> None:
    schedule = parse_schedule({"hourly": ":30", "window": {"between": ["22:00", "24:00"]}})
    assert next_fire(schedule, utc("2026-04-03 22:30")) == utc("2026-04-03 23:30")
    assert next_fire(schedule, utc("2026-04-03 23:30")) == utc("2026-04-04 22:30")


def test_a_deferred_occurrence_waits_out_a_closed_period_behind_the_window() -> None:
    schedule = parse_schedule(
        {
            "weekly": {"on": "fri", "at": "20:00"},
            "window": {**OFFICE, "otherwise": "defer"},
            "except": [{"dates": [MONDAY]}],
        }
    )
    (found,) = between(schedule, utc(f"{FRIDAY} 00:00"), utc("2026-04-09 00:00"))
    assert found.starts_at == utc("2026-04-07 08:00")
    assert next_fire(schedule, utc("2026-04-05 00:00")) == utc("2026-04-07 08:00")


def test_a_named_calendar_closes_its_periods_to_the_minute() -> None:
    freeze = ClosedPeriod(utc("2026-04-03 10:00"), utc("2026-04-03 12:00"), "release 4")
    schedule = parse_schedule({"hourly": ":00", "except": [{"calendar": "release-freeze"}]})
    calendars = {"release-freeze": [freeze]}
    found = list(between(schedule, utc("2026-04-03 09:00"), utc("2026-04-03 13:00"), calendars))
    assert outcomes(found) == ["03 09:00", "03 10:00 closed", "03 11:00 closed", "03 12:00"]
    assert isinstance(found[1].verdict, Skipped)
    assert found[1].verdict.text == "closed by the calendar release-freeze: release 4"
    assert next_fire(schedule, utc("2026-04-03 09:30"), calendars) == utc("2026-04-03 12:00")


def test_a_calendar_that_is_gone_is_an_error_and_not_an_open_door() -> None:
    schedule = parse_schedule({"hourly": ":00", "except": [{"calendar": "release-freeze"}]})
    with pytest.raises(CalendarUnknown, match="'release-freeze', which does not exist; there is holidays-uk"):
        next_fire(schedule, utc("2026-04-03 09:30"), {"holidays-uk": []})


def test_holidays_are_those_of_the_country_and_its_part_by_the_local_date() -> None:
    pytest.importorskip("holidays")
    weekdays: dict[str, Json] = {"cron": "0 0 * * MON-FRI", "timezone": "Europe/Berlin"}
    bavaria = parse_schedule({**weekdays, "except": [{"holidays": "de-by"}]})
    germany = parse_schedule({**weekdays, "except": {"holidays": "DE"}})
    epiphany = utc("2026-01-05 23:00")
    (skipped,) = between(bavaria, epiphany, epiphany + timedelta(hours=1))
    assert isinstance(skipped.verdict, Skipped)
    assert skipped.verdict.reason is SkipReason.CLOSED
    assert skipped.verdict.text.endswith("a holiday in DE-BY")
    assert next_fire(bavaria, epiphany - timedelta(hours=1)) == epiphany + timedelta(days=1)
    assert next_fire(germany, epiphany - timedelta(hours=1)) == epiphany


def test_starting_and_until_are_both_included_and_a_date_alone_means_its_whole_day() -> None:
    exact = parse_schedule({"hourly": ":00", "starting": "2026-04-03T10:00", "until": "2026-04-03T12:00"})
    found = between(exact, utc("2026-04-01 00:00"), utc("2026-05-01 00:00"))
    assert outcomes(list(found)) == ["03 10:00", "03 11:00", "03 12:00"]
    days = parse_schedule(
        {"daily": ["00:00", "23:59"], "starting": FRIDAY, "until": FRIDAY, "timezone": "Asia/Kolkata"}
    )
    local = [
        each.local.strftime("%d %H:%M") for each in between(days, utc("2026-04-01 00:00"), utc("2026-05-01 00:00"))
    ]
    assert local == ["03 00:00", "03 23:59"]


def test_max_runs_counts_starts_and_not_skips() -> None:
    schedule = parse_schedule({"hourly": ":00", "max_runs": 3, "window": {"between": ["10:00", "12:00"]}})
    found = list(between(schedule, utc("2026-04-03 08:00"), utc("2026-04-05 00:00"), fired=0))
    assert [line for line in outcomes(found) if "window" not in line] == ["03 10:00", "03 11:00", "04 10:00"]
    assert next_fire(schedule, utc("2026-04-03 08:00"), fired=2) == utc("2026-04-03 10:00")
    assert next_fire(schedule, utc("2026-04-03 08:00"), fired=3) is None


@pytest.mark.parametrize(
    "raw",
    [
        {"cron": "0 0 30 2 *"},
        {"cron": "0 0 31 4,6,9,11 *"},
        {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"},
        {"rrule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"},
        {"rrule": "FREQ=DAILY;INTERVAL=7;BYDAY=MO", "starting": "2026-04-07"},
        {"rrule": "FREQ=YEARLY;INTERVAL=4;BYMONTH=2;BYMONTHDAY=29", "starting": "2026-01-01"},
        {"daily": "09:00", "until": "2026-03-01"},
        {"at": "2026-01-01T00:00"},
        {"daily": "20:00", "window": OFFICE},
        {"cron": "* * * * *", "window": {"on": "mon"}, "except": [{"calendar": "for ever"}]},
        {"cron": "* * * * *", "window": {"on": "mon", "otherwise": "defer"}, "except": [{"calendar": "for ever"}]},
        {"cron": "0 9 30 2 *", "window": {**OFFICE, "otherwise": "defer"}},
    ],
)
def test_a_schedule_that_never_fires_is_told_from_one_that_does_without_a_long_search(raw: dict[str, Json]) -> None:
    schedule = parse_schedule(raw)
    closed = {"for ever": [ClosedPeriod(utc("2000-01-01 00:00"), utc("2999-01-01 00:00"))]}
    began = clock.process_time()
    assert next_fire(schedule, utc("2026-04-01 12:00"), closed) is None
    assert clock.process_time() - began < 2


def test_a_search_begins_where_the_schedule_does_however_far_that_is() -> None:
    assert next_fire(parse_schedule({"daily": "09:00", "starting": "2150-01-01"}), utc(f"{FRIDAY} 00:00")) == utc(
        "2150-01-01 09:00"
    )
    assert next_fire(parse_schedule({"at": "2150-01-01T09:00"}), utc(f"{FRIDAY} 00:00")) == utc("2150-01-01 09:00")


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="has no zone"):
        next_fire(parse_schedule({"daily": "09:00"}), utc(f"{FRIDAY} 00:00").replace(tzinfo=None))


@settings(deadline=None, max_examples=60)
@given(st.text(min_size=1, max_size=12), st.integers(0, 100_000), st.integers(1, 7200))
def test_jitter_is_stable_and_passes_neither_itself_nor_the_next_occurrence(
    trigger: str, hour: int, seconds: int
) -> None:
    schedule = parse_schedule({"every": "1h", "jitter": f"{seconds}s"})
    planned = utc("2026-01-01 00:00") + timedelta(hours=hour)
    begun = jittered(trigger, schedule, planned)
    assert planned <= begun < planned + timedelta(seconds=min(seconds, 3600))
    assert begun == jittered(trigger, parse_schedule({"every": "1h", "jitter": f"{seconds}s"}), planned)


def test_jitter_spreads_triggers_and_moments() -> None:
    schedule = parse_schedule({"every": "1h", "jitter": "30m"})
    planned = utc("2026-01-01 00:00")
    by_trigger = {jittered(f"trigger-{n}", schedule, planned) for n in range(300)}
    by_moment = {jittered("one", schedule, planned + timedelta(hours=n)) - timedelta(hours=n) for n in range(300)}
    for drawn in (by_trigger, by_moment):
        assert len(drawn) == 300
        thirds = [sum(planned + low <= moment < planned + low + timedelta(minutes=10) for moment in drawn)
                  for low in (timedelta(0), timedelta(minutes=10), timedelta(minutes=20))]  # fmt: skip
        assert min(thirds) > 60


def test_jitter_does_not_carry_a_start_over_the_closing_of_the_window() -> None:
    schedule = parse_schedule({"daily": "17:59", "jitter": "1h", "window": OFFICE})
    planned = utc(f"{FRIDAY} 17:59")
    assert all(jittered(f"trigger-{n}", schedule, planned) < utc(f"{FRIDAY} 18:00") for n in range(100))


def test_without_jitter_a_start_is_not_moved() -> None:
    planned = utc(f"{FRIDAY} 17:59")
    assert jittered("any", parse_schedule({"daily": "17:59"}), planned) == planned


@pytest.mark.parametrize(
    "raw",
    [
        {"daily": "09:00"},
        {"hourly": ":15"},
        {"every": "15m"},
        {"monthly": {"on": ["last weekday"], "at": "18:00"}},
        {"cron": "*/10 8-18 * * MON-FRI"},
        {"cron": "* * * * *", "window": OFFICE},
        {"rrule": "FREQ=WEEKLY;INTERVAL=2", "starting": "1990-01-01T09:00"},
        {"rrule": "FREQ=DAILY;COUNT=9999", "starting": "2024-01-01T09:00"},
        {"daily": "20:00", "window": {**OFFICE, "otherwise": "defer"}},
    ],
)
def test_the_next_firing_is_found_in_under_a_millisecond(raw: dict[str, Json]) -> None:
    schedule, after = parse_schedule({**raw, "timezone": "Europe/Berlin"}), utc(f"{FRIDAY} 16:00")
    next_fire(schedule, after)
    spent = []
    for _ in range(5):
        began = clock.process_time()
        for _ in range(10):
            next_fire(schedule, after)
        spent.append((clock.process_time() - began) / 10)
    assert min(spent) < 0.001
