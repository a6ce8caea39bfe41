"""From a schedule as a task file says it to a `Schedule`, or to everything that is wrong with it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Literal

from errands.core.definition.policies import Overlap
from errands.core.schedules.findings import Findings, ScheduleInvalid, meant, shown, within
from errands.core.schedules.local_time import reading_at, zone_of
from errands.core.schedules.parse_forms import FORM_KEYS, Surroundings, parse_form
from errands.core.schedules.public_holidays import HolidaysAbsent, known_holidays
from errands.core.schedules.scalars import (
    ALL_DAYS,
    read_choice,
    read_count,
    read_date,
    read_days,
    read_duration,
    read_list,
    read_moment,
    read_time,
    to_utc,
)
from errands.core.schedules.schedule import (
    ClockChange,
    Dates,
    Exclusion,
    Holidays,
    Missed,
    NamedCalendar,
    Schedule,
    Window,
)
from errands.core.schedules.timezones import check_timezone
from errands.core.values import Json

KEYS = (
    *FORM_KEYS, "phase", "timezone", "starting", "until", "max_runs", "window", "except", "jitter", "overlap",
    "max_concurrent", "missed", "dst",
)  # fmt: skip
OTHERWISE: tuple[Literal["skip", "defer"], ...] = ("skip", "defer")
OVERLAPS: tuple[Overlap, ...] = ("skip", "queue_one", "queue_all", "cancel_running", "allow")
MISSED: tuple[Literal["none", "last", "all"], ...] = ("none", "last", "all")
GAPS: tuple[Literal["shift", "skip"], ...] = ("shift", "skip")
FOLDS: tuple[Literal["first", "second", "both"], ...] = ("first", "second", "both")
OF_THE_TRIGGER = ("arguments", "note", "enabled", "id")
MAX_EXCLUDED_DATES = 1000


def parse_schedule(
    raw: Mapping[str, Json],
    *,
    default_timezone: str = "UTC",
    owner_timezone: str | None = None,
    calendars: Collection[str] | None = None,
) -> Schedule:
    """Read a schedule. Raises ScheduleInvalid with every problem.

    `default_timezone` holds where the schedule names none: the project's or the server's. `owner_timezone` is what
    `timezone: user` stands for; without it that is the default too. `calendars` are the names that exist; `None`:
    not known here, so they are not checked. Whether the schedule ever fires is for `next_fire` to say.
    """
    found = Findings()
    _check_keys(raw, found)
    timezone = _timezone(raw, default_timezone, owner_timezone, found)
    starting, until = _bounds(raw, timezone or "UTC", found)
    local_start = reading_at(starting, zone_of(timezone or "UTC")) if starting else None
    form = parse_form(raw, Surroundings(found, local_start, timezone or "UTC"))
    overlap, max_concurrent = _overlap(raw, found)
    window, exclusions = _window(raw, found), _exclusions(raw, calendars, found)
    jitter = read_duration(raw["jitter"], "jitter", found) if "jitter" in raw else None
    max_runs = read_count(raw["max_runs"], "max_runs", found) if "max_runs" in raw else None
    missed, dst = _missed(raw, found), _dst(raw, found)
    if found.problems or form is None or timezone is None:
        raise ScheduleInvalid(found.problems)
    return Schedule(
        form=form,
        timezone=timezone,
        starting=starting,
        until=until,
        max_runs=max_runs,
        window=window,
        exclusions=exclusions,
        jitter=jitter or timedelta(0),
        overlap=overlap,
        max_concurrent=max_concurrent,
        missed=missed,
        dst=dst,
    )


def _check_keys(raw: Mapping[str, Json], found: Findings) -> None:
    for key in OF_THE_TRIGGER:
        if key in raw:
            found.add(key, f"{key} belongs to the trigger", "write it beside schedule: {...}, not inside")
    found.unknown_keys({key: value for key, value in raw.items() if key not in OF_THE_TRIGGER}, KEYS)


def _timezone(raw: Mapping[str, Json], default: str, owner: str | None, found: Findings) -> str | None:
    said = raw.get("timezone", default)
    if not isinstance(said, str):
        found.add("timezone", f"{shown(said)} is not a timezone", "use an IANA name such as Europe/Berlin, or user")
        return None
    return check_timezone((owner or default) if said == "user" else said, "timezone", found)


def _bounds(raw: Mapping[str, Json], timezone: str, found: Findings) -> tuple[datetime | None, datetime | None]:
    """`starting` and `until` in UTC; of a date alone the beginning and the end."""
    starting = read_moment(raw["starting"], "starting", found, day_alone=time.min) if "starting" in raw else None
    until = read_moment(raw["until"], "until", found, day_alone=time.max) if "until" in raw else None
    first = to_utc(starting, timezone) if starting else None
    last = to_utc(until, timezone, last=True) if until else None
    if first and last and last < first:
        found.add("until", f"{raw['until']} is before starting: {raw['starting']}", "swap them, or leave one out")
    return first, last


def _window(raw: Mapping[str, Json], found: Findings) -> Window | None:
    if "window" not in raw:
        return None
    value, example = raw["window"], 'write window: {between: ["08:00", "18:00"], on: mon-fri}'
    if not isinstance(value, Mapping):
        found.add("window", f"{shown(value)} is not a window", example)
        return None
    found.unknown_keys(value, ("between", "on", "otherwise"), "window")
    if "between" not in value and "on" not in value:
        found.add("window", "the window says neither times nor days", example)
    opens, closes = _opening_hours(value["between"], found) if "between" in value else (time(0), None)
    days = read_days(value["on"], "window.on", found) if "on" in value else ALL_DAYS
    otherwise = read_choice(value.get("otherwise", "skip"), OTHERWISE, "window.otherwise", found)
    return Window(opens, closes, days, otherwise or "skip")


def _opening_hours(value: Json, found: Findings) -> tuple[time, time | None]:
    path = "window.between"
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        found.add(path, f"{shown(value)} is not two times", 'write between: ["08:00", "18:00"]')
        return time(0), None
    opens = read_time(value[0], within(path, 0), found)
    closes = None if value[1] == "24:00" else read_time(value[1], within(path, 1), found)
    if opens is not None and opens == closes:
        hint = 'give two different times; the whole day is ["00:00", "24:00"]'
        found.add(path, f"the window from {value[0]} to {value[1]} is empty", hint)
    return opens or time(0), closes if closes != time(0) else None


def _exclusions(raw: Mapping[str, Json], calendars: Collection[str] | None, found: Findings) -> tuple[Exclusion, ...]:
    value = raw.get("except", ())
    items = [value] if isinstance(value, Mapping) else value
    if not isinstance(items, Sequence) or isinstance(items, str):
        found.add("except", f"{shown(value)} is not a list", "write except: [{holidays: DE-BY}, {dates: [2026-12-24]}]")
        return ()
    read = [_exclusion(item, within("except", index), calendars, found) for index, item in enumerate(items)]
    return tuple(item for item in read if item is not None)


def _exclusion(item: Json, path: str, calendars: Collection[str] | None, found: Findings) -> Exclusion | None:
    kinds = ("holidays", "dates", "calendar")
    if not isinstance(item, Mapping) or len(item) != 1:
        found.add(path, f"{shown(item)} is not one exception", f"give each item exactly one of {', '.join(kinds)}")
        return None
    found.unknown_keys(item, kinds, path)
    match item:
        case {"holidays": code}:
            return _holidays(code, within(path, "holidays"), found)
        case {"dates": dates}:
            own = within(path, "dates")
            read = read_list(dates, own, found, read_date, "dates")
            if len(read) > MAX_EXCLUDED_DATES:
                found.add(own, f"{len(read)} dates; the limit is {MAX_EXCLUDED_DATES}", "keep them in a calendar")
            return Dates(tuple(sorted(set(read))))
        case {"calendar": name}:
            return _calendar(name, within(path, "calendar"), calendars, found)
        case _:
            return None


def _holidays(code: Json, path: str, found: Findings) -> Holidays | None:
    if not isinstance(code, str) or not code.strip():
        found.add(path, f"{shown(code)} is not a country", "use a code such as DE, DE-BY or US-CA")
        return None
    country, _, part = code.strip().upper().partition("-")
    try:
        known = known_holidays()
    except HolidaysAbsent as absent:
        found.add(path, str(absent), "install it where the server and its workers run")
        return None
    if country not in known:
        hint = meant(country, known) or "use the two letters of ISO 3166, such as DE, GB or US"
        found.add(path, f"no holidays are known for the country {country!r}", hint)
        return None
    if not part:
        return Holidays(country)
    parts = {name.upper(): name for name in known[country]}
    if part not in parts:
        listed = ", ".join(known[country]) or "none, so leave it out"
        found.add(path, f"{country} has no part {part!r}", f"parts are {listed}")
        return None
    return Holidays(country, parts[part])


def _calendar(name: Json, path: str, known: Collection[str] | None, found: Findings) -> NamedCalendar | None:
    if not isinstance(name, str) or not name:
        found.add(path, f"{shown(name)} is not the name of a calendar", "write such as {calendar: release-freeze}")
        return None
    if known is not None and name not in known:
        there = f"calendars are {', '.join(sorted(known))}" if known else "there are no calendars yet"
        found.add(path, f"there is no calendar {name!r}", meant(name, known) or there)
        return None
    return NamedCalendar(name)


def _overlap(raw: Mapping[str, Json], found: Findings) -> tuple[Overlap | None, int | None]:
    said = read_choice(raw["overlap"], OVERLAPS, "overlap", found) if "overlap" in raw else None
    limit = read_count(raw["max_concurrent"], "max_concurrent", found) if "max_concurrent" in raw else None
    if "max_concurrent" in raw and raw.get("overlap") != "allow":
        found.add("max_concurrent", "max_concurrent needs overlap: allow", "add it; the others never run two at once")
    return said, limit


def _missed(raw: Mapping[str, Json], found: Findings) -> Missed:
    value = raw.get("missed", "last")
    if not isinstance(value, Mapping):
        return Missed(read_choice(value, MISSED, "missed", found) or "last")
    found.unknown_keys(value, ("run", "within"), "missed")
    run = read_choice(value.get("run", "last"), MISSED, "missed.run", found)
    limit = read_duration(value.get("within", "1d"), "missed.within", found, least=timedelta(seconds=1))
    return Missed(run or "last", limit or timedelta(days=1))


def _dst(raw: Mapping[str, Json], found: Findings) -> ClockChange:
    value = raw.get("dst")
    if value is None:
        return ClockChange()
    if not isinstance(value, Mapping):
        found.add("dst", f"{shown(value)} is not a policy", "write dst: {gap: shift, fold: first}")
        return ClockChange()
    found.unknown_keys(value, ("gap", "fold"), "dst")
    gap = read_choice(value.get("gap", "shift"), GAPS, "dst.gap", found)
    fold = read_choice(value.get("fold", "first"), FOLDS, "dst.fold", found)
    return ClockChange(gap or "shift", fold or "first")
