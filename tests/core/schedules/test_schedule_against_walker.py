"""The planner and a walk through every minute come to the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errands.core.schedules import Skipped, between, next_fire, parse_schedule
from errands.core.values import Json
from tests.core.schedules.minute_walker import LOOK_BACK, Matches, Rule, planned, starts, utc

CHANGES = [
    ("Europe/Berlin", "2026-03-29 01:00"),
    ("Europe/Berlin", "2026-10-25 01:00"),
    ("America/New_York", "2026-03-08 07:00"),
    ("America/New_York", "2026-11-01 06:00"),
    ("Australia/Lord_Howe", "2026-10-03 15:30"),
    ("Australia/Lord_Howe", "2026-04-04 15:00"),
    ("America/Santiago", "2026-09-06 04:00"),
    ("America/Santiago", "2026-04-05 03:00"),
    ("Asia/Kolkata", "2026-06-01 00:00"),
    ("Pacific/Apia", "2011-12-30 10:00"),
    ("UTC", "2028-02-29 00:00"),
    ("Africa/Casablanca", "2026-02-15 02:00"),
    ("America/New_York", "2037-12-31 12:00"),
    ("UTC", "2038-01-19 03:14"),
]
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
EPOCH_DAY = date(1970, 1, 1)


@dataclass(frozen=True)
class Said:
    """A form and what it means to a minute's reading."""

    raw: Mapping[str, Json]
    rule: Rule


clock_times = st.one_of(
    st.tuples(st.integers(0, 4), st.sampled_from([0, 15, 29, 30, 45, 59])),
    st.tuples(st.integers(0, 23), st.integers(0, 59)),
)
several_times = st.lists(clock_times, min_size=1, max_size=3, unique=True)


def hhmm(at: tuple[int, int]) -> str:
    return f"{at[0]:02d}:{at[1]:02d}"


@st.composite
def daily(draw: st.DrawFn) -> Said:
    times = draw(several_times)
    return Said({"daily": [hhmm(at) for at in times]}, Rule(lambda r: (r.hour, r.minute) in times))


@st.composite
def weekly(draw: st.DrawFn) -> Said:
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    times, days = draw(several_times), draw(st.sets(st.integers(0, 6), min_size=1))
    raw: Json = {"on": [names[day] for day in days], "at": [hhmm(at) for at in times]}
    return Said({"weekly": raw}, Rule(lambda r: r.weekday() in days and (r.hour, r.minute) in times))


@st.composite
def monthly(draw: st.DrawFn) -> Said:
    times, days = draw(several_times), draw(st.sets(st.sampled_from([1, 5, 8, 25, 29, 30, 31, "last"]), min_size=1))

    def matches(reading: datetime) -> bool:
        is_last = (reading + timedelta(days=1)).day == 1
        return (reading.hour, reading.minute) in times and (reading.day in days or ("last" in days and is_last))

    on: list[Json] = [day for day in range(1, 32) if day in days]
    if "last" in days:
        on.append("last")
    return Said({"monthly": {"on": on, "at": [hhmm(at) for at in times]}}, Rule(matches))


@st.composite
def hourly(draw: st.DrawFn) -> Said:
    past = draw(st.sets(st.integers(0, 59), min_size=1, max_size=3))
    raw: Json = {"at": [f":{minute:02d}" for minute in past]}
    return Said({"hourly": raw}, Rule(lambda r: r.minute in past, elapsed=True))


@st.composite
def every_few_days(draw: st.DrawFn) -> Said:
    days, at = draw(st.integers(1, 3)), draw(clock_times)
    shift = draw(st.integers(0, days - 1))

    def matches(reading: datetime) -> bool:
        return ((reading.date() - EPOCH_DAY).days - shift) % days == 0 and (reading.hour, reading.minute) == at

    return Said({"every": f"{days}d", "phase": f"{shift}d{at[0]}h{at[1]}m"}, Rule(matches))


@st.composite
def cron(draw: st.DrawFn) -> Said:
    step = draw(st.sampled_from([1, 7, 15, 30]))
    minute = draw(st.sampled_from(["0", "30", f"*/{step}"]))
    hour, wild = draw(st.sampled_from([("*", True), ("*/2", True), ("2", False), ("0", False), ("1-3", False)]))

    def matches(reading: datetime) -> bool:
        minute_fits = reading.minute % step == 0 if minute[0] == "*" else reading.minute == int(minute)
        hours = {"*": range(24), "*/2": range(0, 24, 2), "2": (2,), "0": (0,), "1-3": (1, 2, 3)}[hour]
        return minute_fits and reading.hour in hours

    seconds_first = draw(st.booleans())
    return Said({"cron": f"{'0 ' if seconds_first else ''}{minute} {hour} * * *"}, Rule(matches, elapsed=wild))


forms = st.one_of(daily(), weekly(), monthly(), hourly(), every_few_days(), cron())
changes = st.sampled_from(CHANGES)
policies = st.tuples(st.sampled_from(["shift", "skip"]), st.sampled_from(["first", "second", "both"]))
offsets = st.integers(-40 * 60, 20 * 60).map(lambda minutes: timedelta(minutes=minutes))


@QUICK
@given(forms, changes, policies, offsets)
def test_planned_times_are_those_of_a_walk_through_every_minute(
    said: Said, change: tuple[str, str], policy: tuple[str, str], offset: timedelta
) -> None:
    zone, start = ZoneInfo(change[0]), utc(change[1]) + offset
    end = start + timedelta(days=2)
    schedule = parse_schedule({**said.raw, "timezone": change[0], "dst": {"gap": policy[0], "fold": policy[1]}})
    found = [each.planned for each in between(schedule, start, end) if not isinstance(each.verdict, Skipped)]
    assert found == planned(said.rule, zone, start, end, *policy)


@QUICK
@given(st.lists(forms, min_size=2, max_size=3), changes, offsets)
def test_a_union_fires_where_any_of_its_forms_does_and_once_where_several_do(
    parts: list[Said], change: tuple[str, str], offset: timedelta
) -> None:
    zone, start = ZoneInfo(change[0]), utc(change[1]) + offset
    end = start + timedelta(days=1)
    schedule = parse_schedule({"any": [dict(said.raw) for said in parts], "timezone": change[0]})
    walked = [planned(said.rule, zone, start, end, "shift", "first") for said in parts]
    assert [each.planned for each in between(schedule, start, end)] == sorted(set().union(*walked))


@QUICK
@given(forms, changes, offsets)
def test_asking_for_the_next_again_and_again_gives_what_between_gives(
    said: Said, change: tuple[str, str], offset: timedelta
) -> None:
    start = utc(change[1]) + offset
    schedule = parse_schedule({**said.raw, "timezone": change[0], "dst": {"fold": "both"}})
    listed = [each.planned for each in between(schedule, start, start + timedelta(days=3))][:30]
    cursor, asked = start - timedelta(microseconds=1), []
    for _ in listed:
        following = next_fire(schedule, cursor)
        assert following is not None
        asked.append(following)
        cursor = following
    assert asked == listed


@st.composite
def windows(draw: st.DrawFn) -> tuple[Mapping[str, Json], Matches]:
    opens, closes = draw(st.lists(clock_times, min_size=2, max_size=2, unique=True))
    days = draw(st.sets(st.integers(0, 6), min_size=1))
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

    def inside(reading: datetime) -> bool:
        at, today, yesterday = (reading.hour, reading.minute), reading.weekday(), (reading.weekday() - 1) % 7
        if opens < closes:
            return today in days and opens <= at < closes
        return (today in days and at >= opens) or (yesterday in days and at < closes)

    return {"between": [hhmm(opens), hhmm(closes)], "on": [names[day] for day in days]}, inside


@settings(QUICK, max_examples=40)
@given(forms, windows(), st.sampled_from(["skip", "defer"]), changes, offsets, st.integers(-3, 3))
def test_a_narrowed_schedule_starts_what_a_gatekeeper_lets_through_each_minute(
    said: Said,
    window: tuple[Mapping[str, Json], Matches],
    otherwise: str,
    change: tuple[str, str],
    offset: timedelta,
    holiday: int,
) -> None:
    zone, asked = ZoneInfo(change[0]), utc(change[1]) + offset
    start, end = asked - LOOK_BACK, asked + timedelta(days=3)
    excluded = (asked + timedelta(days=holiday)).astimezone(zone).date()
    schedule = parse_schedule(
        {
            **said.raw,
            "timezone": change[0],
            "window": {**window[0], "otherwise": otherwise},
            "except": [{"dates": [excluded.isoformat()]}],
        }
    )
    walked = starts(
        planned(said.rule, zone, start, end, "shift", "first"),
        zone,
        start,
        end,
        inside=window[1],
        closed=lambda reading: reading.date() == excluded,
        defers=otherwise == "defer",
    )
    begun = [each.starts_at for each in between(schedule, start, end) if each.starts_at and each.starts_at < end]
    assert begun == walked
    following = next_fire(schedule, asked)
    expected = [moment for moment in walked if moment > asked]
    assert following == expected[0] if expected else following is None or following >= end


@QUICK
@given(st.integers(1, 60 * 60 * 50), st.data(), changes)
def test_an_interval_shorter_than_days_is_elapsed_time_from_the_epoch(
    seconds: int, data: st.DataObject, change: tuple[str, str]
) -> None:
    seconds += seconds % 86_400 == 0
    phase = data.draw(st.integers(0, seconds - 1))
    start = utc(change[1])
    schedule = parse_schedule({"every": f"{seconds}s", "phase": f"{phase}s", "timezone": change[0]})
    found = [each.planned for each in between(schedule, start, start + timedelta(seconds=3 * seconds))]
    assert len(found) == 3
    assert all((moment - utc("1970-01-01 00:00")).total_seconds() % seconds == phase for moment in found)
    assert all(later - earlier == timedelta(seconds=seconds) for earlier, later in pairwise(found))
