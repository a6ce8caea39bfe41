"""The readings of the local clock at which a form fires, before any change of clock is considered."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import assert_never

from errands.core.schedules.cron import cron_readings
from errands.core.schedules.months import days_of_month
from errands.core.schedules.rules import rule_readings
from errands.core.schedules.schedule import Cron, Daily, Every, Hourly, Monthly, RRule, Weekly

DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1)

ClockForm = Hourly | Daily | Weekly | Monthly | Every | Cron | RRule
"""Forms that follow the local clock. `Every` only where it is a multiple of days."""


def readings(form: ClockForm, start: datetime, stop: datetime) -> Iterator[datetime]:
    """Readings from `start` (included) to `stop` (left out), ascending, none twice."""
    match form:
        case Hourly():
            return _hourly(form, start, stop)
        case Daily():
            return _on_days(lambda _: True, form.at, start, stop)
        case Weekly():
            return _on_days(lambda day: day.weekday() in form.on, form.at, start, stop)
        case Monthly():
            return _monthly(form, start, stop)
        case Every():
            return _every_days(form, start, stop)
        case Cron():
            return cron_readings(form, start, stop)
        case RRule():
            return rule_readings(form, start, stop)
        case _:
            assert_never(form)


def _hourly(form: Hourly, start: datetime, stop: datetime) -> Iterator[datetime]:
    hour = start.replace(minute=0, second=0, microsecond=0)
    while hour < stop:
        for past in form.at:
            if start <= hour + past < stop:
                yield hour + past
        hour += timedelta(hours=1)


def _on_days(
    matches: Callable[[date], bool], times: tuple[time, ...], start: datetime, stop: datetime
) -> Iterator[datetime]:
    day = start.date()
    while day <= stop.date():
        if matches(day):
            yield from _at_times(day, times, start, stop)
        day += DAY


def _monthly(form: Monthly, start: datetime, stop: datetime) -> Iterator[datetime]:
    month = start.date().replace(day=1)
    while month <= stop.date():
        for day in days_of_month(form.on, month.year, month.month):
            yield from _at_times(day, form.at, start, stop)
        month = (month + 32 * DAY).replace(day=1)


def _at_times(day: date, times: tuple[time, ...], start: datetime, stop: datetime) -> Iterator[datetime]:
    for at in times:
        if start <= (reading := datetime.combine(day, at)) < stop:
            yield reading


def _every_days(form: Every, start: datetime, stop: datetime) -> Iterator[datetime]:
    rounds = -((EPOCH + form.phase - start) // form.interval)
    while (reading := EPOCH + form.phase + rounds * form.interval) < stop:
        yield reading
        rounds += 1
