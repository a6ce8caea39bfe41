"""Cron lines: what is wrong with one, and the readings that one names. The work is cronsim's."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cronsim import CronSim, CronSimError

from errands.core.schedules.schedule import Cron

ALIASES = {
    "@YEARLY": "0 0 1 1 *",
    "@ANNUALLY": "0 0 1 1 *",
    "@MONTHLY": "0 0 1 * *",
    "@WEEKLY": "0 0 * * 0",
    "@DAILY": "0 0 * * *",
    "@MIDNIGHT": "0 0 * * *",
    "@HOURLY": "0 * * * *",
}
MAX_LENGTH = 200
_FIELDS = (
    ("second", "0-59, such as 0 or */10"),
    ("minute", "0-59, such as 0, */15 or 0,30"),
    ("hour", "0-23, such as 9, 8-18 or */2"),
    ("day of the month", "1-31, L (last day) or LW (last weekday)"),
    ("month", "1-12 or JAN-DEC"),
    ("day of the week", "0-7 (0 and 7 are Sunday) or SUN-SAT, 2#1 (first Tuesday), 5L (last Friday)"),
)
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_ANY_MOMENT = datetime(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class CronRefused:
    """One thing wrong with a cron line."""

    message: str
    hint: str


def parse_cron(text: str) -> Cron | list[CronRefused]:
    """A cron line, or everything that is wrong with it, field by field.

    A line whose day never comes (`0 0 30 2 *`) is accepted here: it has no readings.
    """
    line = " ".join(text.upper().split())
    if len(line) > MAX_LENGTH:
        return [CronRefused(f"the cron line has {len(line)} characters; the limit is {MAX_LENGTH}", "use any: [...]")]
    if line.startswith("@"):
        return _alias(text, line)
    parts = line.split()
    if len(parts) not in (5, 6):
        return [
            CronRefused(
                f"{text!r} has {len(parts)} of the 5 fields of a cron line (6 with seconds)",
                "write minute, hour, day of the month, month, day of the week, such as `0 9 * * MON-FRI`",
            )
        ]
    refused = [found for index, part in enumerate(parts, 6 - len(parts)) if (found := _check_field(index, part))]
    return refused or Cron(line)


def _alias(text: str, line: str) -> Cron | list[CronRefused]:
    if line in ALIASES:
        return Cron(ALIASES[line])
    known = ", ".join(alias.lower() for alias in ALIASES)
    if line == "@REBOOT":
        return [CronRefused("@reboot has no time of its own, so it cannot be planned", f"use one of {known}")]
    return [CronRefused(f"{text!r} is not a known cron alias", f"use one of {known}")]


def _check_field(index: int, part: str) -> CronRefused | None:
    alone = ["0", "0", "0", "*", "*", "*"]
    alone[index] = part
    try:
        CronSim(" ".join(alone), _ANY_MOMENT)
    except (CronSimError, ValueError):
        name, allowed = _FIELDS[index]
        return CronRefused(
            f"{part!r} does not fit the {name} field", _dialect_hint(part) or f"{name}: {allowed}; * for any"
        )
    return None


def _dialect_hint(part: str) -> str | None:
    """Help for what other dialects of cron allow."""
    if part == "?":
        return "write * where Quartz writes ?"
    if part.endswith("W") and part != "LW":
        return "of the W forms only LW (last weekday) is known; name the days themselves"
    first, dash, last = part.partition("-")
    known = (_DAYS, _MONTHS)
    if dash and any(first in names and last in names and names.index(first) > names.index(last) for names in known):
        return f"a range goes upwards (days begin with SUN); write two ranges with a comma instead of {part}"
    return None


def cron_readings(form: Cron, start: datetime, stop: datetime) -> Iterator[datetime]:
    """Readings from `start` (included) to `stop` (left out); none where the line's day never comes.

    cronsim is given naive times, so that it knows nothing of changes of clock: those are `local_time`'s. It gives up
    by itself after fifty years without a match.
    """
    try:
        lines = CronSim(form.line, start if start.microsecond else start - timedelta(seconds=1))
        for reading in lines:
            if reading >= stop:
                return
            yield reading
    except (CronSimError, OverflowError):
        return
