"""The small values of a schedule: times, days, moments, durations, numbers, choices. Each reports what is wrong."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar

from errands.core.definition.units import parse_duration
from errands.core.schedules.findings import Findings, meant, shown, within
from errands.core.schedules.local_time import place, zone_of
from errands.core.values import Json

Item = TypeVar("Item")
Choice = TypeVar("Choice", bound=str)

_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_PAST_HOUR = re.compile(r"(?:\*|\d{0,2}):([0-5]\d)(?::([0-5]\d))?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?")
_YEARS = range(1970, 9000)
DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS = {name: (index,) for index, name in enumerate(DAY_NAMES)} | {
    "monday": (0,), "tuesday": (1,), "wednesday": (2,), "thursday": (3,), "friday": (4,), "saturday": (5,),
    "sunday": (6,), "tues": (1,), "weds": (2,), "thur": (3,), "thurs": (3,),
    "weekday": (0, 1, 2, 3, 4), "weekdays": (0, 1, 2, 3, 4), "weekend": (5, 6), "weekends": (5, 6),
    "daily": (0, 1, 2, 3, 4, 5, 6), "all": (0, 1, 2, 3, 4, 5, 6),
}  # fmt: skip
ALL_DAYS = (0, 1, 2, 3, 4, 5, 6)


def read_list(
    value: Json, path: str, found: Findings, read: Callable[[Json, str, Findings], Item | None], what: str
) -> tuple[Item, ...]:
    """One item or a list of them. An empty list is a problem."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        item = read(value, path, found)
        return () if item is None else (item,)
    if not value:
        found.add(path, f"the list of {what} is empty", f"name at least one of the {what}")
    items = [read(one, within(path, index), found) for index, one in enumerate(value)]
    return tuple(item for item in items if item is not None)


def read_times(value: Json, path: str, found: Findings) -> tuple[time, ...]:
    """One time of day or several, ascending, none twice."""
    return tuple(sorted(set(read_list(value, path, found, read_time, "times of day"))))


def read_time(value: Json, path: str, found: Findings) -> time | None:
    match = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if match:
        return time(int(match[1]), int(match[2]), int(match[3] or 0))
    found.add(path, f"{shown(value)} is not a time of day", 'write it in quotes, from "00:00" to "23:59"')
    return None


def read_past_hour(value: Json, path: str, found: Findings) -> timedelta | None:
    """`:15`, the time past each hour."""
    match = _PAST_HOUR.fullmatch(value.strip()) if isinstance(value, str) else None
    if match and isinstance(value, str) and value.strip().startswith((":", "*")):
        return timedelta(minutes=int(match[1]), seconds=int(match[2] or 0))
    found.add(path, f"{shown(value)} is not a time past the hour", 'write it in quotes, from ":00" to ":59"')
    return None


def read_days(value: Json, path: str, found: Findings) -> tuple[int, ...]:
    """Days of the week: `mon`, `mon-fri`, `weekdays`, `"mon, thu"` or a list of these. Ascending, 0 is Monday."""
    if isinstance(value, str) and "," in value:
        value = [part.strip() for part in value.split(",")]
    groups = read_list(value, path, found, _read_day_group, "days of the week")
    return tuple(sorted({day for group in groups for day in group}))


def _read_day_group(value: Json, path: str, found: Findings) -> tuple[int, ...] | None:
    word = value.strip().casefold() if isinstance(value, str) else ""
    if word in _DAYS:
        return _DAYS[word]
    first, dash, last = (part.strip() for part in word.partition("-"))
    if dash and all(len(_DAYS.get(end, ())) == 1 for end in (first, last)):
        start = _DAYS[first][0]
        return tuple((start + n) % 7 for n in range((_DAYS[last][0] - start) % 7 + 1))
    hint = meant(word, _DAYS) or "use mon, tue, wed, thu, fri, sat, sun or mon-fri"
    found.add(path, f"{shown(value)} is not a day of the week", hint)
    return None


def read_date(value: Json, path: str, found: Findings) -> date | None:
    if isinstance(value, str) and _DATE.fullmatch(value.strip()):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            found.add(path, f"{value!r} is not a day that exists", "check the month and the day")
            return None
    found.add(path, f"{shown(value)} is not a date", "write it as 2026-12-24")
    return None


def read_moment(value: Json, path: str, found: Findings, *, day_alone: time | None = None) -> datetime | None:
    """`2026-12-01T09:00`: a naive local reading; with `Z` or an offset: aware.

    A date alone is taken with the time `day_alone`, and is a problem where that is `None`.
    """
    text = value.strip() if isinstance(value, str) else ""
    if day_alone is not None and _DATE.fullmatch(text):
        day = read_date(text, path, found)
        moment = datetime.combine(day, day_alone) if day else None
    elif _MOMENT.fullmatch(text):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as wrong:
            found.add(path, f"{text!r} is not a moment that exists: {wrong}", "check the month, the day and the time")
            return None
    else:
        found.add(path, f"{shown(value)} is not a date and time", "write it as 2026-12-01T09:00, local time")
        return None
    if moment and moment.year not in _YEARS:
        found.add(path, f"{text!r} is out of reach", f"use a year from {_YEARS[0]} to {_YEARS[-1]}")
        return None
    return moment


def to_utc(moment: datetime, timezone: str, *, last: bool = False) -> datetime:
    """A moment as read, in UTC: after a gap, and on the first pass of a fold (`last`: on the second)."""
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    found = place(moment, zone_of(timezone))
    return found.second if last and found.second else found.first


def read_duration(value: Json, path: str, found: Findings, *, least: timedelta = timedelta(0)) -> timedelta | None:
    """A duration with its unit, of at least `least`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        found.add(path, f"{value} has no unit", f"write {value}s for seconds, or m, h, d, w")
        return None
    if not isinstance(value, str):
        found.add(path, f"{shown(value)} is not a duration", "write a number and a unit, such as 15m, 1h30m or 2d")
        return None
    try:
        duration = parse_duration(value)
    except ValueError:
        found.add(path, f"{shown(value)} is not a duration", "write a number and a unit, such as 15m, 1h30m or 2d")
    except OverflowError:
        found.add(path, f"{shown(value)} is too long", "use at most 36500d")
    else:
        if least <= duration <= timedelta(days=36_500):
            return duration
        found.add(path, f"{value!r} is out of range", f"use from {int(least.total_seconds())}s to 36500d")
    return None


def read_count(value: Json, path: str, found: Findings, *, least: int = 1) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return value
    found.add(path, f"{shown(value)} is not a whole number of at least {least}")
    return None


def read_choice(value: Json, choices: Sequence[Choice], path: str, found: Findings) -> Choice | None:
    """One of a few words."""
    if value in choices:
        return next(choice for choice in choices if choice == value)
    near = meant(value, choices) if isinstance(value, str) else None
    found.add(path, f"{shown(value)} is not a choice here", near or f"use {', '.join(choices)}")
    return None
