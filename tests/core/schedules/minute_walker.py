"""A second, slow opinion on schedules: look at the wall clock every minute and write down what it shows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
LOOK_BACK = timedelta(days=8)

Matches = Callable[[datetime], bool]


@dataclass(frozen=True)
class Rule:
    """A schedule as a question to each minute's reading."""

    matches: Matches
    elapsed: bool = False
    """Fires whenever the clock shows a match; gap and fold do not count."""


class Minute(NamedTuple):
    """One minute of real time."""

    moment: datetime
    reading: datetime
    again: bool
    """The clock has shown this reading before."""
    jumped: tuple[datetime, ...]
    """Readings that the clock left out just before."""


@lru_cache(maxsize=2)
def minutes(zone: ZoneInfo, start: datetime, end: datetime) -> list[Minute]:
    seen: set[datetime] = set()
    moment, last = start - timedelta(days=2), None
    found = []
    while moment < end:
        reading = moment.astimezone(zone).replace(tzinfo=None, fold=0)
        jumped: list[datetime] = []
        while last is not None and reading > last + MINUTE:
            last += MINUTE
            jumped.append(last)
        found.append(Minute(moment, reading, reading in seen, tuple(jumped)))
        seen.add(reading)
        moment, last = moment + MINUTE, reading
    return [minute for minute in found if minute.moment >= start]


def planned(rule: Rule, zone: ZoneInfo, start: datetime, end: datetime, gap: str, fold: str) -> list[datetime]:
    """Planned moments by looking at each minute."""
    walked = minutes(zone, start, end + timedelta(days=2))
    shown_again = {minute.reading for minute in walked if minute.again}
    found = []
    for minute in walked:
        twice = minute.reading in shown_again
        wanted = rule.elapsed or not twice or fold == "both" or (fold == "second") == minute.again
        lost = any(rule.matches(reading) for reading in minute.jumped) and not rule.elapsed and gap == "shift"
        if (rule.matches(minute.reading) and wanted) or lost:
            found.append(minute.moment)
    return [moment for moment in found if moment < end]


def starts(
    moments: list[datetime],
    zone: ZoneInfo,
    start: datetime,
    end: datetime,
    *,
    inside: Matches = lambda _: True,
    closed: Matches = lambda _: False,
    defers: bool = False,
) -> list[datetime]:
    """When runs start, by standing at the gate each minute."""
    due, waiting, found = set(moments), False, []
    for minute in minutes(zone, start, end + timedelta(days=2)):
        if minute.moment >= end:
            break
        shut = closed(minute.reading)
        is_open = inside(minute.reading) and not shut
        if is_open and (waiting or minute.moment in due):
            found.append(minute.moment)
            waiting = False
        elif minute.moment in due and not shut and defers:
            waiting = True
    return found


def utc(text: str) -> datetime:
    """`2026-03-29 01:00` as a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
