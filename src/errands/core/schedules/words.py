"""Times, days and spans as an English sentence says them."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def joined(items: Sequence[str], word: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {word} {items[-1]}"


def ordinal(number: int) -> str:
    """`1st`, `22nd`; `last` and `2nd to last` for negative ones."""
    if number == -1:
        return "last"
    if number < 0:
        return f"{ordinal(-number)} to last"
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def time_in_words(at: time) -> str:
    """`09:00`, with seconds only where there are some."""
    return at.strftime("%H:%M:%S" if at.second else "%H:%M")


def date_in_words(day: date) -> str:
    """`1 December 2026`."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def moment_in_words(reading: datetime) -> str:
    """`1 December 2026 at 09:00`."""
    return f"{date_in_words(reading)} at {time_in_words(reading.time())}"


def days_in_words(days: Sequence[int]) -> str:
    """`Monday and Thursday`; three or more in a row as `Monday to Friday`."""
    if len(days) > 2 and list(days) == list(range(days[0], days[-1] + 1)):
        return f"{WEEKDAYS[days[0]]} to {WEEKDAYS[days[-1]]}"
    return joined([WEEKDAYS[day] for day in days])


def span_in_words(span: timedelta) -> str:
    """`15 minutes`, `1 hour 30 minutes`, `2 weeks`."""
    left = span
    parts = []
    for name, unit in _UNITS:
        count, left = divmod(left, unit)
        if count:
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
    return " ".join(parts) or "0 seconds"


_UNITS = (
    ("week", timedelta(weeks=1)),
    ("day", timedelta(days=1)),
    ("hour", timedelta(hours=1)),
    ("minute", timedelta(minutes=1)),
    ("second", timedelta(seconds=1)),
    ("millisecond", timedelta(milliseconds=1)),
)
