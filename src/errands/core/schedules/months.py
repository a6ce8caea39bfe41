"""Which days of a month `monthly: {on: [...]}` names."""

import calendar
from collections.abc import Iterable
from datetime import date

from errands.core.schedules.schedule import FRIDAY, LAST, MonthlyDay, MonthlyWeekday


def days_of_month(on: Iterable[MonthlyDay | MonthlyWeekday], year: int, month: int) -> list[date]:
    """The days named, ascending, none twice; what the month does not have is left out."""
    length = calendar.monthrange(year, month)[1]
    found: set[date] = set()
    for item in on:
        match item:
            case MonthlyDay(day=day):
                candidates = [date(year, month, length if day == LAST else day)] if day <= length else []
            case MonthlyWeekday(nth=nth, weekday=weekday):
                days = [date(year, month, day) for day in range(1, length + 1)]
                same = [d for d in days if d.weekday() == weekday or (weekday is None and d.weekday() <= FRIDAY)]
                index = nth if nth == LAST else nth - 1
                candidates = [same[index]] if index < len(same) else []
        found.update(candidates)
    return sorted(found)
