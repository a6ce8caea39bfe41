"""From the raw text of a form to the form, or to everything that is wrong with it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from errands.core.schedules.cron import parse_cron
from errands.core.schedules.findings import Findings, shown, within
from errands.core.schedules.parse_rrule import parse_rrule
from errands.core.schedules.scalars import (
    read_days,
    read_duration,
    read_list,
    read_moment,
    read_past_hour,
    read_times,
)
from errands.core.schedules.schedule import (
    LAST,
    AnyOf,
    Cron,
    Daily,
    Every,
    Form,
    Hourly,
    Monthly,
    MonthlyDay,
    MonthlyWeekday,
    Once,
    SimpleForm,
    Weekly,
)
from errands.core.values import Json

MAX_FORMS = 50
FORM_KEYS = ("hourly", "daily", "weekly", "monthly", "every", "cron", "rrule", "at", "any")
_MONTHLY_WORDS = re.compile(r"(last|first|second|third|fourth|fifth|[1-5](?:st|nd|rd|th))\s+(\w+)")
_NTH = {"last": LAST, "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}
_MONTHLY_HINT = 'use 1 to 31, last, or such as "2nd tue", "last fri", "1st weekday", "last weekday"'


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a form needs to know of the schedule around it."""

    found: Findings
    starting: datetime | None
    """Local reading of `starting`."""
    timezone: str


def parse_form(raw: Mapping[str, Json], around: Surroundings) -> Form | None:
    """The one form that a schedule has, or `None` and what is wrong."""
    said = [key for key in FORM_KEYS if key in raw]
    if not said:
        around.found.add("", "the schedule says no time", f"add one of {', '.join(FORM_KEYS)}")
        return None
    if len(said) > 1:
        listed = ", ".join(f"{{{key}: ...}}" for key in said)
        around.found.add("", f"the schedule has several forms: {', '.join(said)}", f"write any: [{listed}]")
    _check_phase(raw, "", around.found)
    forms = [_parse_any(raw["any"], around) if key == "any" else _parse_simple(key, raw, "", around) for key in said]
    return forms[0] if len(forms) == 1 else None


def _parse_any(value: Json, around: Surroundings) -> AnyOf | None:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        around.found.add("any", f"{shown(value)} is not a list of forms", 'write any: [{daily: "09:00"}, ...]')
        return None
    if len(value) > MAX_FORMS:
        around.found.add("any", f"{len(value)} forms; the limit is {MAX_FORMS}", "use several triggers")
        return None
    forms = [_parse_member(member, within("any", index), around) for index, member in enumerate(value)]
    return AnyOf(tuple(form for form in forms if form is not None))


def _parse_member(member: Json, path: str, around: Surroundings) -> SimpleForm | None:
    if not isinstance(member, Mapping):
        around.found.add(path, f"{shown(member)} is not a form", 'write such as {daily: "09:00"}')
        return None
    around.found.unknown_keys(member, (*FORM_KEYS, "phase"), path)
    _check_phase(member, path, around.found)
    said = [key for key in FORM_KEYS if key in member]
    if said == ["any"]:
        around.found.add(path, "any stands inside any", "put its forms into the outer list")
        return None
    if len(said) != 1:
        around.found.add(path, f"this item has {len(said)} forms", "give each item of any exactly one")
        return None
    return _parse_simple(said[0], member, path, around)


def _check_phase(raw: Mapping[str, Json], path: str, found: Findings) -> None:
    if "phase" in raw and "every" not in raw:
        found.add(within(path, "phase"), "phase belongs to every", "remove it, or say every: ... beside it")


def _parse_simple(key: str, raw: Mapping[str, Json], path: str, around: Surroundings) -> SimpleForm | None:
    own = within(path, key)
    if raw[key] is None:
        around.found.add(own, f"{key} says nothing", "give it a value, or remove it")
        return None
    match key:
        case "every":
            return _parse_every(raw, path, around.found)
        case "rrule":
            return parse_rrule(raw[key], own, around.starting, around.timezone, around.found)
        case _:
            return _PARSERS[key](raw[key], own, around.found)


def _parse_every(raw: Mapping[str, Json], path: str, found: Findings) -> Every | None:
    second = timedelta(seconds=1)
    interval = read_duration(raw["every"], within(path, "every"), found, least=second)
    phase = read_duration(raw["phase"], within(path, "phase"), found) if "phase" in raw else timedelta(0)
    if interval is None or phase is None:
        return None
    fits = True
    for name, duration in (("every", interval), ("phase", phase)):
        if duration % second:
            found.add(within(path, name), f"{shown(raw[name])} is not a whole number of seconds", "leave out the rest")
            fits = False
    if phase >= interval:
        hint = "the phase shifts the firings within one interval"
        found.add(within(path, "phase"), f"{shown(raw['phase'])} is not shorter than every: {raw['every']}", hint)
        fits = False
    return Every(interval, phase) if fits else None


def _parse_hourly(value: Json, path: str, found: Findings) -> Hourly | None:
    if isinstance(value, Mapping):
        found.unknown_keys(value, ("at",), path)
        value, path = _needed(value, "at", path, found, 'write hourly: {at: ":15"}'), within(path, "at")
    if value is None:
        return None
    past = read_list(value, path, found, read_past_hour, "times past the hour")
    return Hourly(tuple(sorted(set(past)))) if past else None


def _parse_daily(value: Json, path: str, found: Findings) -> Daily | None:
    if isinstance(value, Mapping):
        found.unknown_keys(value, ("at",), path)
        value, path = _needed(value, "at", path, found, 'write daily: "09:00"'), within(path, "at")
    times = read_times(value, path, found) if value is not None else ()
    return Daily(times) if times else None


def _parse_weekly(value: Json, path: str, found: Findings) -> Weekly | None:
    example = 'write weekly: {on: [mon, thu], at: "09:00"}'
    on, times = _days_and_times(value, path, found, example)
    days = read_days(on, within(path, "on"), found) if on is not None else ()
    return Weekly(days, times) if days and times else None


def _parse_monthly(value: Json, path: str, found: Findings) -> Monthly | None:
    example = 'write monthly: {on: [1, last, "2nd tue"], at: "18:00"}'
    on, times = _days_and_times(value, path, found, example)
    if on is None:
        return None
    days: tuple[MonthlyDay | MonthlyWeekday, ...]
    days = read_list(on, within(path, "on"), found, _read_month_day, "days of the month")
    return Monthly(tuple(dict.fromkeys(days)), times) if days and times else None


def _days_and_times(value: Json, path: str, found: Findings, example: str) -> tuple[Json, tuple[time, ...]]:
    """The raw `on` and the times of `at`."""
    if not isinstance(value, Mapping):
        found.add(path, f"{shown(value)} does not say days and times", example)
        return None, ()
    found.unknown_keys(value, ("on", "at"), path)
    on, at = _needed(value, "on", path, found, example), _needed(value, "at", path, found, example)
    return on, read_times(at, within(path, "at"), found) if at is not None else ()


def _needed(value: Mapping[str, Json], key: str, path: str, found: Findings, example: str) -> Json:
    if value.get(key) is None:
        found.add(path, f"{key} is missing", example)
    return value.get(key)


def _read_month_day(value: Json, path: str, found: Findings) -> MonthlyDay | MonthlyWeekday | None:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 31:
        return MonthlyDay(value)
    text = value.strip().casefold() if isinstance(value, str) else ""
    if text in ("last", "last day"):
        return MonthlyDay(LAST)
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 31:
        return MonthlyDay(int(text))
    if match := _MONTHLY_WORDS.fullmatch(text):
        nth = _NTH.get(match[1]) or int(match[1][0])
        if match[2] == "weekday":
            return MonthlyWeekday(nth, None)
        days = read_days(match[2], path, Findings())
        if len(days) == 1:
            return MonthlyWeekday(nth, days[0])
    found.add(path, f"{shown(value)} is not a day of the month", _MONTHLY_HINT)
    return None


def _parse_cron(value: Json, path: str, found: Findings) -> Cron | None:
    if not isinstance(value, str):
        found.add(path, f"{shown(value)} is not a cron line", 'write it in quotes, such as cron: "0 9 * * MON-FRI"')
        return None
    cron = parse_cron(value)
    if isinstance(cron, Cron):
        return cron
    for refused in cron:
        found.add(path, refused.message, refused.hint)
    return None


def _parse_once(value: Json, path: str, found: Findings) -> Once | None:
    moment = read_moment(value, path, found)
    return Once(moment) if moment else None


_PARSERS: dict[str, Callable[[Json, str, Findings], SimpleForm | None]] = {
    "hourly": _parse_hourly,
    "daily": _parse_daily,
    "weekly": _parse_weekly,
    "monthly": _parse_monthly,
    "cron": _parse_cron,
    "at": _parse_once,
}
