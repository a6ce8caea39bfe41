"""How a schedule is read: every problem at once, and a sentence for what was understood."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errands.core.schedules import ScheduleInvalid, describe, parse_schedule
from errands.core.schedules.parse import KEYS
from errands.core.values import Json


def problems(raw: dict[str, Json], **around: str) -> list[tuple[str, str, str | None]]:
    with pytest.raises(ScheduleInvalid) as refused:
        parse_schedule(raw, **around)
    return [(path, message, hint) for path, message, hint in refused.value.problems]


@pytest.mark.parametrize(
    ("raw", "path", "says", "hints"),
    [
        (
            {"daily": "09:00", "timezone": "Europe/Berln"},
            "timezone",
            "'Europe/Berln' is not a known",
            '"Europe/Berlin"',
        ),
        ({"daily": "09:00", "timezone": "europe/berlin"}, "timezone", "not a known", '"Europe/Berlin"'),
        ({"daily": "09:00", "timezone": "new york"}, "timezone", "not a known", '"America/New_York"'),
        ({"daily": "09:00", "timezone": "UTC+2"}, "timezone", "not a known", "knows no summer time"),
        ({"daily": "09:00", "timezone": "localtime"}, "timezone", "not a known", "IANA"),
        ({"daily": "09:00", "timezone": "../etc/passwd"}, "timezone", "not a known", "IANA"),
        ({"daily": "09:00", "timezone": 2}, "timezone", "2 is not a timezone", "IANA"),
        ({"cron": "61 9 * * *"}, "cron", "'61' does not fit the minute field", "0-59"),
        ({"cron": "0 25 * * *"}, "cron", "'25' does not fit the hour field", "0-23"),
        ({"cron": "0 0 32 * *"}, "cron", "'32' does not fit the day of the month field", "1-31"),
        ({"cron": "0 0 * 13 *"}, "cron", "'13' does not fit the month field", "JAN-DEC"),
        ({"cron": "0 0 * * FOO"}, "cron", "'FOO' does not fit the day of the week field", "SUN-SAT"),
        ({"cron": "99 0 0 * * *"}, "cron", "'99' does not fit the second field", "0-59"),
        ({"cron": "0 0 ? * MON"}, "cron", "'?'", "write * where Quartz"),
        ({"cron": "0 0 * * FRI-MON"}, "cron", "'FRI-MON'", "upwards"),
        ({"cron": "0 0 15W * *"}, "cron", "'15W'", "LW"),
        ({"cron": "0 9 * *"}, "cron", "has 4 of the 5 fields", "minute, hour"),
        ({"cron": "@dayly"}, "cron", "not a known cron alias", "@daily"),
        ({"cron": "@reboot"}, "cron", "cannot be planned", "@daily"),
        ({"cron": 5}, "cron", "5 is not a cron line", "quotes"),
        ({"rrule": "FREQ=HOURLY"}, "rrule", "finer than a day", "every: 1h"),
        ({"rrule": "FREQ=MINUTELY;INTERVAL=5"}, "rrule", "finer than a day", "cron"),
        ({"rrule": "FREQ=DAILY;INTERVAL=2"}, "rrule", "INTERVAL is counted", "add starting"),
        ({"rrule": "FREQ=DAILY;COUNT=2"}, "rrule", "COUNT is counted", "add starting"),
        ({"rrule": "FREQ=WEEKLY"}, "rrule", "does not say which day", "BYDAY"),
        ({"rrule": "FREQ=MONTHLY;BYDAI=MO"}, "rrule", "unknown part 'BYDAI'", '"BYDAY"'),
        ({"rrule": "FREQ=MONTHLY;BYDAY=XX"}, "rrule", "'XX' is not a day", "MO"),
        ({"rrule": "FREQ=WEEKLY;BYDAY=2MO"}, "rrule", "2MO counts days", "write MO"),
        ({"rrule": "BYDAY=MO"}, "rrule", "no FREQ", "FREQ="),
        (
            {"rrule": "FREQ=DAILY;COUNT=2;UNTIL=20270101", "starting": "2026-01-01"},
            "rrule",
            "exclude each other",
            "one",
        ),
        ({"rrule": "FREQ=DAILY;UNTIL=soon"}, "rrule", "UNTIL=SOON is not", "UNTIL=2026"),
        ({"rrule": "DTSTART:20260101\nRRULE:FREQ=DAILY"}, "rrule", "DTSTART", "starting:"),
        ({"daily": "09:00", "window": {"between": ["08:00", "08:00"]}}, "window.between", "is empty", "24:00"),
        ({"daily": "09:00", "window": {"between": ["08:00"]}}, "window.between", "not two times", '["08:00"'),
        ({"daily": "09:00", "window": {"on": []}}, "window.on", "is empty", "at least one"),
        ({"daily": "09:00", "window": {}}, "window", "neither times nor days", "between"),
        ({"daily": "09:00", "window": {"on": "mon", "otherwise": "wait"}}, "window.otherwise", "'wait'", "defer"),
        ({"daily": "09:00", "cron": "@daily"}, "", "several forms: daily, cron", "any: [{daily: ...}, {cron: ...}]"),
        ({"daily": None}, "daily", "daily says nothing", "remove it"),
        ({"timezone": "UTC"}, "", "says no time", "hourly, daily"),
        ({"daily": "09:00", "windwo": {}}, "windwo", "unknown key 'windwo'", '"window"'),
        ({"daily": "09:00", "arguments": {}}, "arguments", "belongs to the trigger", "beside schedule"),
        ({"daily": "9"}, "daily", "'9' is not a time of day", '"00:00"'),
        ({"daily": 540}, "daily", "540 is not a time of day", "quotes"),
        ({"daily": ["09:00", "24:30"]}, "daily[1]", "'24:30'", '"23:59"'),
        ({"hourly": {"at": "15"}}, "hourly.at", "'15' is not a time past the hour", '":59"'),
        ({"weekly": {"on": ["mno"], "at": "09:00"}}, "weekly.on[0]", "'mno'", '"mon"'),
        ({"weekly": {"at": "09:00"}}, "weekly", "on is missing", "weekly: {on:"),
        ({"weekly": "mon"}, "weekly", "does not say days and times", "weekly: {on:"),
        ({"monthly": {"on": ["6th tue"], "at": "09:00"}}, "monthly.on[0]", "'6th tue'", '"2nd tue"'),
        ({"monthly": {"on": [0], "at": "09:00"}}, "monthly.on[0]", "0 is not a day of the month", "1 to 31"),
        ({"every": 15}, "every", "15 has no unit", "15s"),
        ({"every": "0s"}, "every", "'0s' is out of range", "1s"),
        ({"every": "1500ms"}, "every", "not a whole number of seconds", None),
        ({"every": "15m", "phase": "15m"}, "phase", "not shorter than every", None),
        ({"daily": "09:00", "phase": "5m"}, "phase", "phase belongs to every", None),
        ({"at": "2026-12-01"}, "at", "not a date and time", "2026-12-01T09:00"),
        ({"at": "2026-02-30T09:00"}, "at", "not a moment that exists", None),
        ({"any": []}, "any", "not a list of forms", None),
        ({"any": [{"any": [{"daily": "09:00"}]}]}, "any[0]", "any stands inside any", None),
        ({"any": [{"daily": "09:00"}, {"cron": "x"}]}, "any[1].cron", "has 1 of the 5 fields", None),
        ({"any": [{"daily": "09:00", "timezone": "UTC"}]}, "any[0].timezone", "unknown key", None),
        ({"daily": "09:00", "starting": "2026-12-01", "until": "2026-01-01"}, "until", "before starting", None),
        ({"daily": "09:00", "max_runs": 0}, "max_runs", "0 is not a whole number of at least 1", None),
        ({"daily": "09:00", "jitter": "soon"}, "jitter", "'soon' is not a duration", "15m"),
        ({"daily": "09:00", "overlap": "skipp"}, "overlap", "'skipp'", '"skip"'),
        ({"daily": "09:00", "max_concurrent": 2}, "max_concurrent", "needs overlap: allow", None),
        ({"daily": "09:00", "missed": "lats"}, "missed", "'lats'", '"last"'),
        ({"daily": "09:00", "missed": {"run": "all", "within": 5}}, "missed.within", "5 has no unit", None),
        ({"daily": "09:00", "dst": {"gap": "both"}}, "dst.gap", "'both'", "shift, skip"),
        ({"daily": "09:00", "dst": "skip"}, "dst", "not a policy", "gap: shift"),
        ({"daily": "09:00", "except": [{"dates": ["24.12.2026"]}]}, "except[0].dates[0]", "not a date", "2026-12-24"),
        ({"daily": "09:00", "except": [{"holidays": "XX"}]}, "except[0].holidays", "country 'XX'", "ISO 3166"),
        ({"daily": "09:00", "except": [{"holidays": "DE-XX"}]}, "except[0].holidays", "DE has no part 'XX'", "BY"),
        ({"daily": "09:00", "except": ["DE"]}, "except[0]", "not one exception", "holidays, dates, calendar"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_a_way_out(
    raw: dict[str, Json], path: str, says: str, hints: str | None
) -> None:
    found = problems(raw)
    assert len(found) == 1, found
    assert found[0][0] == path
    assert says in found[0][1]
    assert hints is None or hints in (found[0][2] or "")


words = st.sampled_from(
    ["09:00", "mon", "15m", "2026-12-01", "last", "* * * * *", "FREQ=DAILY", "skip", "UTC", "", "\u00b2"]
)
junk: st.SearchStrategy[Json] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), words, st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["at", "on", "between", "dates", "holidays", "run", "gap", *KEYS]), inner, max_size=3
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), junk, max_size=4))
def test_whatever_is_written_is_either_understood_or_refused_with_a_reason(raw: dict[str, Json]) -> None:
    try:
        schedule = parse_schedule(raw)
    except ScheduleInvalid as refused:
        assert refused.problems
    else:
        assert describe(schedule)


def test_every_mistake_is_reported_at_once() -> None:
    found = problems(
        {
            "cron": "99 25 * * *",
            "timezone": "Mars/Olympus",
            "window": {"between": ["08:00", "08:00"], "onn": "mon"},
            "except": [{"dates": ["soon"]}],
            "missed": "maybe",
        }
    )
    paths = [path for path, _, _ in found]
    assert sorted(paths) == ["cron", "cron", "except[0].dates[0]", "missed", "timezone", "window.between", "window.onn"]


def test_a_calendar_is_checked_where_the_names_are_known() -> None:
    raw: dict[str, Json] = {"daily": "09:00", "except": [{"calendar": "relase-freeze"}]}
    assert parse_schedule(raw)
    with pytest.raises(ScheduleInvalid, match="there is no calendar 'relase-freeze'") as refused:
        parse_schedule(raw, calendars=["release-freeze"])
    assert refused.value.problems[0].hint == 'did you mean "release-freeze"?'


def test_the_timezone_is_the_schedules_or_the_owners_or_the_default() -> None:
    daily: dict[str, Json] = {"daily": "09:00"}
    assert parse_schedule(daily).timezone == "UTC"
    assert parse_schedule(daily, default_timezone="Asia/Tokyo").timezone == "Asia/Tokyo"
    user: dict[str, Json] = {**daily, "timezone": "user"}
    assert parse_schedule(user, default_timezone="Asia/Tokyo", owner_timezone="Europe/Paris").timezone == "Europe/Paris"
    assert parse_schedule(user, default_timezone="Asia/Tokyo").timezone == "Asia/Tokyo"
    assert problems(daily, default_timezone="Nowhere")[0][0] == "timezone"


def test_policies_have_the_defaults_of_the_handbook() -> None:
    schedule = parse_schedule({"daily": "09:00"})
    assert (schedule.missed.run, schedule.missed.within.days) == ("last", 1)
    assert (schedule.dst.gap, schedule.dst.fold) == ("shift", "first")
    assert schedule.overlap is None
    said = parse_schedule(
        {"daily": "09:00", "overlap": "allow", "max_concurrent": 3, "missed": {"run": "all", "within": "6h"}}
    )
    assert (said.overlap, said.max_concurrent, said.missed.run, said.missed.within.seconds) == (
        "allow",
        3,
        "all",
        21_600,
    )


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ({"cron": "0 9 * * MON-FRI"}, "Every weekday at 09:00, Europe/Berlin"),
        ({"weekly": {"on": "weekdays", "at": "09:00"}}, "Every weekday at 09:00, Europe/Berlin"),
        ({"hourly": {"at": ":15"}}, "Every hour at :15, Europe/Berlin"),
        ({"daily": ["17:00", "09:00"]}, "Every day at 09:00 and 17:00, Europe/Berlin"),
        ({"cron": "@daily"}, "Every day at 00:00, Europe/Berlin"),
        ({"weekly": {"on": ["thu", "mon"], "at": "09:00"}}, "Every Monday and Thursday at 09:00, Europe/Berlin"),
        (
            {"monthly": {"on": [1, "last", "2nd tue", "last weekday"], "at": "18:00"}},
            "Every month on the 1st, last day, 2nd Tuesday and last weekday at 18:00, Europe/Berlin",
        ),
        ({"every": "15m", "phase": "5m"}, "Every 15 minutes, shifted by 5 minutes, Europe/Berlin"),
        ({"every": "1d", "phase": "9h"}, "Every day at 09:00, Europe/Berlin"),
        ({"every": "2w", "phase": "4d9h"}, "Every 2 weeks at 09:00, shifted by 4 days, Europe/Berlin"),
        ({"cron": "0 12 * * 2#2"}, "At 12:00 on the second Tuesday of the month, Europe/Berlin"),
        ({"cron": "0 0 30 2 *"}, "Never, because no month has the day of `0 0 30 2 *`, Europe/Berlin"),
        ({"rrule": "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=9"}, "Every month on the last Friday at 09:00, Europe/Berlin"),
        ({"at": "2026-12-01T09:00"}, "Once on 1 December 2026 at 09:00, Europe/Berlin"),
        ({"any": [{"daily": "09:00"}, {"at": "2026-12-01T12:00"}]},
         "Every day at 09:00 and once on 1 December 2026 at 12:00, Europe/Berlin"),
        (
            {
                "daily": "09:00",
                "starting": "2026-03-01",
                "until": "2026-12-31",
                "max_runs": 10,
                "window": {"between": ["08:00", "18:00"], "on": "mon-fri", "otherwise": "defer"},
                "except": [{"holidays": "DE-BY"}, {"dates": ["2026-12-24"]}, {"calendar": "freeze"}],
                "jitter": "5m",
            },
            "Every day at 09:00, Europe/Berlin, from 1 March 2026 at 00:00, until the end of 31 December 2026, "
            "at most 10 runs, only between 08:00 and 18:00, Monday to Friday (otherwise deferred to the next opening), "
            "except on holidays in DE-BY, on 24 December 2026 and when the calendar freeze is closed, "
            "up to 5 minutes later",
        ),
    ],
)  # fmt: skip
def test_a_schedule_reads_as_a_plain_sentence(raw: dict[str, Json], sentence: str) -> None:
    assert describe(parse_schedule(raw, default_timezone="Europe/Berlin")) == sentence
