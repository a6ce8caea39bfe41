"""Recurrence rules of RFC 5545, section 3.3.10: reading one, and refusing what cannot be kept to."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from itertools import product

from errands.core.schedules.findings import Findings, meant, shown
from errands.core.schedules.local_time import reading_at, zone_of
from errands.core.schedules.schedule import Frequency, RRule
from errands.core.values import Json

MAX_LENGTH = 500
MAX_COUNT = 10_000
MAX_INTERVAL = 1_000
_FREQUENCIES: dict[str, Frequency] = {
    "YEARLY": "YEARLY", "MONTHLY": "MONTHLY", "WEEKLY": "WEEKLY", "DAILY": "DAILY",
}  # fmt: skip
_FINER = {"HOURLY": "1h", "MINUTELY": "1m", "SECONDLY": "1s"}
_PARTS = (
    "FREQ", "INTERVAL", "COUNT", "UNTIL", "BYMONTH", "BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY", "BYHOUR",
    "BYMINUTE", "BYSECOND", "BYSETPOS", "WKST",
)  # fmt: skip
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WEEKDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z)?)?", re.ASCII)
_ALLOWED_IN = {
    "BYWEEKNO": ("YEARLY",),
    "BYYEARDAY": ("YEARLY",),
    "BYMONTHDAY": ("YEARLY", "MONTHLY", "DAILY"),
}
_NO_START = datetime(1970, 1, 1)


@dataclass
class _Reading:
    """One rule being read."""

    parts: dict[str, str]
    path: str
    found: Findings
    refused: bool = False

    def refuse(self, message: str, hint: str | None = None) -> None:
        self.found.add(self.path, message, hint)
        self.refused = True

    def number(self, name: str, limit: int) -> int | None:
        """A number from 1 to `limit`; `None` where the part is absent or wrong."""
        if name not in self.parts:
            return None
        text = self.parts[name]
        if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= limit:
            return int(text)
        self.refuse(f"{name}={text} is not a number from 1 to {limit}")
        return None

    def numbers(self, name: str, low: int, high: int, *, from_end: bool = False) -> tuple[int, ...]:
        """Numbers with a comma between, each from `low` to `high`; with `from_end` negative ones too."""
        values = []
        for text in self.parts[name].split(",") if name in self.parts else ():
            value = int(text) if re.fullmatch(r"[+-]?\d{1,3}", text, re.ASCII) else None
            if value is not None and (low <= value <= high or (from_end and low <= -value <= high)):
                values.append(value)
            else:
                either = f"{low} to {high}" + (f" or -{high} to -{low}" if from_end else "")
                self.refuse(f"{name}: {text!r} is not a number", f"use {either}")
        return tuple(sorted(set(values)))


def parse_rrule(value: Json, path: str, starting: datetime | None, timezone: str, found: Findings) -> RRule | None:
    """A rule, what it leaves to its start spelled out. `starting` is a local reading."""
    parts = _split(value, path, found)
    if parts is None:
        return None
    reading = _Reading(parts, path, found)
    freq = _frequency(reading)
    interval, count = reading.number("INTERVAL", MAX_INTERVAL), reading.number("COUNT", MAX_COUNT)
    for name in ("INTERVAL", "COUNT"):
        if freq and name in parts and starting is None and parts[name] != "1":
            reading.refuse(f"{name} is counted from a first day, and there is none", "add starting: 2026-01-05T09:00")
    if "COUNT" in parts and "UNTIL" in parts:
        reading.refuse("COUNT and UNTIL exclude each other", "keep one of them")
    until = _until(reading, timezone)
    rule = _assembled(reading, freq, starting, str(value)) if freq else None
    if reading.refused or rule is None:
        return None
    return replace(rule, interval=interval or 1, count=count, until=until)


def _split(value: Json, path: str, found: Findings) -> dict[str, str] | None:
    """The parts of a rule by name, or `None` and what is wrong."""
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_LENGTH:
        found.add(path, f"{shown(value)} is not a recurrence rule", 'write such as "FREQ=MONTHLY;BYDAY=-1FR"')
        return None
    text = value.strip().upper().removeprefix("RRULE:")
    if "DTSTART" in text or "\n" in text or "EXDATE" in text:
        hint = "give the rule alone; its first day is starting: ..., its exceptions are except: [{dates: [...]}]"
        found.add(path, "a rule with DTSTART, EXDATE or several lines", hint)
        return None
    parts: dict[str, str] = {}
    before = len(found.problems)
    for piece in text.rstrip(";").split(";"):
        name, equals, content = (part.strip() for part in piece.partition("="))
        if name not in _PARTS:
            found.add(path, f"unknown part {name!r}", meant(name, _PARTS) or f"known parts are {', '.join(_PARTS)}")
        elif not equals or not content:
            found.add(path, f"{name} has no value", f"write {name}=...")
        elif name in parts:
            found.add(path, f"{name} is said twice", "keep one of them")
        parts[name] = content
    return parts if len(found.problems) == before else None


def _frequency(reading: _Reading) -> Frequency | None:
    said = reading.parts.get("FREQ")
    if said in _FREQUENCIES:
        return _FREQUENCIES[said]
    if said is None:
        reading.refuse("the rule has no FREQ", f"add FREQ={'|'.join(_FREQUENCIES)}")
    elif said in _FINER:
        hint = f"use every: {_FINER[said]} (elapsed time) or a cron line"
        reading.refuse(f"FREQ={said} is finer than a day, and rules that fine are ambiguous where clocks change", hint)
    else:
        hint = meant(said, (*_FREQUENCIES, *_FINER)) or f"use {', '.join(_FREQUENCIES)}"
        reading.refuse(f"FREQ={said} is not a frequency", hint)
    return None


def _assembled(reading: _Reading, freq: Frequency, starting: datetime | None, text: str) -> RRule:
    for name, allowed in _ALLOWED_IN.items():
        if name in reading.parts and freq not in allowed:
            reading.refuse(f"{name} has no meaning with FREQ={freq} (RFC 5545)", f"use it with {', '.join(allowed)}")
    start = starting or _NO_START
    by_month = reading.numbers("BYMONTH", 1, 12)
    by_week = reading.numbers("BYWEEKNO", 1, 53, from_end=True)
    by_year_day = reading.numbers("BYYEARDAY", 1, 366, from_end=True)
    by_month_day = reading.numbers("BYMONTHDAY", 1, 31, from_end=True)
    by_weekday = _weekdays(reading, freq, by_week)
    if freq != "DAILY" and not {"BYYEARDAY", "BYMONTHDAY", "BYDAY"} & reading.parts.keys():
        if starting is None:
            needed = {"WEEKLY": "BYDAY", "MONTHLY": "BYMONTHDAY or BYDAY", "YEARLY": "BYMONTH and BYMONTHDAY"}[freq]
            reading.refuse(f"FREQ={freq} does not say which day", f"add {needed}, or starting: 2026-01-05T09:00")
        by_month, by_month_day, by_weekday = _implied_day(freq, start, by_month, by_week)
    return RRule(
        freq=freq,
        start=start,
        by_month=by_month,
        by_week=by_week,
        by_year_day=by_year_day,
        by_month_day=by_month_day,
        by_weekday=by_weekday,
        by_position=reading.numbers("BYSETPOS", 1, 366, from_end=True),
        times=_times(reading, start),
        week_start=_week_start(reading),
        text=text,
    )


def _implied_day(
    freq: Frequency, start: datetime, by_month: tuple[int, ...], by_week: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Months, days of the month and weekdays that a rule without a day takes from its start."""
    if freq == "WEEKLY" or by_week:
        return by_month, (), ((start.weekday(), 0),)
    if freq == "YEARLY" and not by_month:
        return (start.month,), (start.day,), ()
    return by_month, (start.day,), ()


def _weekdays(reading: _Reading, freq: Frequency, by_week: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    days = []
    for text in reading.parts["BYDAY"].split(",") if "BYDAY" in reading.parts else ():
        match = _WEEKDAY.fullmatch(text)
        nth = int(match[1] or 0) if match else 0
        if match is None or abs(nth) > 53 or (match[1] and not nth):
            reading.refuse(f"BYDAY: {text!r} is not a day", f"use {', '.join(_WEEKDAYS)}, 2TU or -1FR")
        elif nth and (freq not in ("MONTHLY", "YEARLY") or by_week):
            other = "BYWEEKNO" if by_week else f"FREQ={freq}"
            reading.refuse(f"BYDAY: {text} counts days, which has no meaning with {other}", f"write {match[2]}")
        else:
            days.append((_WEEKDAYS.index(match[2]), nth))
    return tuple(sorted(set(days)))


def _times(reading: _Reading, start: datetime) -> tuple[time, ...]:
    hours = reading.numbers("BYHOUR", 0, 23) or (start.hour,)
    minutes = reading.numbers("BYMINUTE", 0, 59) or (start.minute,)
    seconds = reading.numbers("BYSECOND", 0, 59) or (start.second,)
    return tuple(time(*parts) for parts in product(hours, minutes, seconds))


def _week_start(reading: _Reading) -> int:
    said = reading.parts.get("WKST", "MO")
    if said in _WEEKDAYS:
        return _WEEKDAYS.index(said)
    reading.refuse(f"WKST={said} is not a day", f"use {', '.join(_WEEKDAYS)}")
    return 0


def _until(reading: _Reading, timezone: str) -> datetime | None:
    """UNTIL as a local reading; with `Z` it is said in UTC; a date alone includes its whole day."""
    if "UNTIL" not in reading.parts:
        return None
    match = _UNTIL.fullmatch(reading.parts["UNTIL"])
    if match is None:
        hint = "write UNTIL=20261231, or UNTIL=20261231T090000 (local time; with Z at the end: UTC)"
        reading.refuse(f"UNTIL={reading.parts['UNTIL']} is not a date or time", hint)
        return None
    year, month, day, hour, minute, second = (int(group or 0) for group in match.groups()[:6])
    try:
        until = datetime(year, month, day, hour, minute, second)
    except ValueError:
        reading.refuse(f"UNTIL={reading.parts['UNTIL']} does not exist", "check the month, the day and the time")
        return None
    if match[7]:
        return reading_at(until.replace(tzinfo=UTC), zone_of(timezone))
    return until if match[4] else datetime.combine(until, time.max)
