"""The readings that a recurrence rule names.

dateutil expands one year or month at a time. Left to itself it walks on to the year 9999 where a rule names a day
that never comes, and it counts from the rule's first day on each question; so the periods are counted here.
Days and weeks hold nothing to expand: they are only filtered.
"""

import calendar
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from typing import Literal

from dateutil.rrule import MONTHLY, YEARLY, rrule, weekday

from errands.core.schedules.schedule import RRule

_ONLY_ONE = {YEARLY: 10_000, MONTHLY: 120_000}
"""An interval whose second period lies beyond the year 9999, so dateutil stops after the first."""
_LAST_YEAR = 9998
FOREVER = datetime(_LAST_YEAR, 12, 31)


def rule_readings(rule: RRule, start: datetime, stop: datetime) -> Iterator[datetime]:
    """Readings from `start` (included) to `stop` (left out). Nothing before the rule's own start or after its end."""
    end = min(filter(None, (rule.until, _counted_end(rule))), default=None)
    for reading in _unending(rule, max(start, rule.start), stop):
        if end is not None and reading > end:
            return
        yield reading


@lru_cache(maxsize=1024)
def _counted_end(rule: RRule) -> datetime | None:
    """The reading at which COUNT is used up, or `None`: there is no COUNT, or it outlasts fifty years."""
    if rule.count is None:
        return None
    horizon = min(FOREVER, rule.start + timedelta(days=366 * 50))
    counted = _unending(rule, rule.start, horizon)
    return next(islice(counted, rule.count - 1, None), None)


def _unending(rule: RRule, start: datetime, stop: datetime) -> Iterator[datetime]:
    """Readings as if there were no COUNT and no UNTIL."""
    first_day, number_of = _periods(rule)
    number = (number_of(start) - number_of(rule.start)) // rule.interval * rule.interval
    while (period := first_day(number)) is not None and period <= stop.date():
        for reading in _chosen(rule, period):
            if start <= reading < stop:
                yield reading
        number += rule.interval


def _chosen(rule: RRule, period: date) -> list[datetime]:
    """The readings of one period, those that BYSETPOS picks if there is one."""
    found = [datetime.combine(day, at) for day in _EXPANSIONS[rule.freq](rule, period) for at in rule.times]
    if not rule.by_position:
        return found
    indexes = {position - 1 if position > 0 else len(found) + position for position in rule.by_position}
    return [found[index] for index in sorted(indexes) if 0 <= index < len(found)]


def _periods(rule: RRule) -> tuple[Callable[[int], date | None], Callable[[datetime], int]]:
    """Two functions: the first day of the n-th period after that of the rule's start, and a reading's period number."""
    start = rule.start
    match rule.freq:
        case "YEARLY":
            return lambda n: _first_of(start.year + n, 1), lambda reading: reading.year
        case "MONTHLY":
            months = start.year * 12 + start.month - 1
            return (
                lambda n: _first_of((months + n) // 12, (months + n) % 12 + 1),
                lambda reading: reading.year * 12 + reading.month,
            )
        case "WEEKLY":
            into_week = (start.weekday() - rule.week_start) % 7
            origin = start.date().toordinal() - into_week
            return lambda n: _day(origin + 7 * n), lambda reading: (reading.date().toordinal() - origin) // 7
        case "DAILY":
            origin = start.date().toordinal()
            return lambda n: _day(origin + n), lambda reading: reading.date().toordinal()


def _first_of(year: int, month: int) -> date | None:
    return date(year, month, 1) if year <= _LAST_YEAR else None


def _day(ordinal: int) -> date | None:
    return date.fromordinal(ordinal) if ordinal < FOREVER.toordinal() else None


def _expand_year(rule: RRule, period: date) -> list[date]:
    return _expanded(rule, YEARLY, period)


def _expand_month(rule: RRule, period: date) -> list[date]:
    if rule.by_month and period.month not in rule.by_month:
        return []
    return _expanded(rule, MONTHLY, period)


def _expanded(rule: RRule, freq: Literal[0, 1], period: date) -> list[date]:
    days = rrule(
        freq,
        dtstart=datetime.combine(period, time(0)),
        interval=_ONLY_ONE[freq],
        wkst=rule.week_start,
        bymonth=rule.by_month or None,
        byweekno=rule.by_week or None,
        byyearday=rule.by_year_day or None,
        bymonthday=rule.by_month_day or None,
        byweekday=[weekday(day, nth) if nth else weekday(day) for day, nth in rule.by_weekday] or None,
    )
    return [day.date() for day in days]


def _expand_week(rule: RRule, period: date) -> list[date]:
    days = [period + timedelta(days=n) for n in range(7)]
    return [day for day in days if _weekday_fits(rule, day) and _month_fits(rule, day)]


def _expand_day(rule: RRule, period: date) -> list[date]:
    fits = _weekday_fits(rule, period) and _month_fits(rule, period) and _month_day_fits(rule, period)
    return [period] if fits else []


def _weekday_fits(rule: RRule, day: date) -> bool:
    return not rule.by_weekday or (day.weekday(), 0) in rule.by_weekday


def _month_fits(rule: RRule, day: date) -> bool:
    return not rule.by_month or day.month in rule.by_month


def _month_day_fits(rule: RRule, day: date) -> bool:
    from_end = day.day - calendar.monthrange(day.year, day.month)[1] - 1
    return not rule.by_month_day or day.day in rule.by_month_day or from_end in rule.by_month_day


_EXPANSIONS = {"YEARLY": _expand_year, "MONTHLY": _expand_month, "WEEKLY": _expand_week, "DAILY": _expand_day}
