"""A schedule as a plain English sentence."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import assert_never

from cronsim import CronSim, CronSimError

from errands.core.schedules.gate import window_in_words
from errands.core.schedules.local_time import reading_at, zone_of
from errands.core.schedules.schedule import (
    AnyOf,
    Cron,
    Daily,
    Dates,
    Every,
    Exclusion,
    Holidays,
    Hourly,
    Monthly,
    MonthlyDay,
    MonthlyWeekday,
    NamedCalendar,
    Once,
    RRule,
    Schedule,
    SimpleForm,
    Weekly,
)
from errands.core.schedules.words import (
    MONTHS,
    WEEKDAYS,
    date_in_words,
    joined,
    moment_in_words,
    ordinal,
    span_in_words,
    time_in_words,
)

_WEEKDAYS_ONLY = (0, 1, 2, 3, 4)
_UNITS = {"YEARLY": "year", "MONTHLY": "month", "WEEKLY": "week", "DAILY": "day"}
_ANY_MOMENT = datetime(2000, 1, 1)


def describe(schedule: Schedule) -> str:
    """Such as `Every weekday at 09:00, Europe/Berlin, except on holidays in DE-BY`."""
    forms = schedule.form.forms if isinstance(schedule.form, AnyOf) else (schedule.form,)
    said = joined([_form(form) for form in forms])
    return ", ".join([said[0].upper() + said[1:], schedule.timezone, *_bounds(schedule), *_narrowing(schedule)])


def _form(form: SimpleForm) -> str:
    match form:
        case Hourly():
            return f"every hour at {joined([_past_hour(past) for past in form.at])}"
        case Daily():
            return f"every day {_at(form.at)}"
        case Weekly():
            return f"{_every_days(form.on)} {_at(form.at)}"
        case Monthly():
            return f"every month on the {joined([_month_day(day) for day in form.on])} {_at(form.at)}"
        case Every():
            return _interval(form)
        case Cron():
            return _cron(form)
        case RRule():
            return _rule(form)
        case Once():
            moment = form.at
            return f"once on {moment_in_words(moment)}" + (f" ({moment.tzname()})" if moment.tzinfo else "")
        case _:
            assert_never(form)


def _at(times: Sequence[time]) -> str:
    return f"at {joined([time_in_words(at) for at in times])}"


def _past_hour(past: timedelta) -> str:
    minutes, seconds = divmod(int(past.total_seconds()), 60)
    return f":{minutes:02d}:{seconds:02d}" if seconds else f":{minutes:02d}"


def _every_days(days: tuple[int, ...]) -> str:
    if len(days) == 7:
        return "every day"
    return "every weekday" if days == _WEEKDAYS_ONLY else f"every {joined([WEEKDAYS[day] for day in days])}"


def _month_day(day: MonthlyDay | MonthlyWeekday) -> str:
    match day:
        case MonthlyDay(day=number):
            return "last day" if number < 0 else ordinal(number)
        case MonthlyWeekday(nth=nth, weekday=weekday):
            return f"{ordinal(nth)} {'weekday' if weekday is None else WEEKDAYS[weekday]}"


def _interval(form: Every) -> str:
    said = _each(span_in_words(form.interval))
    if form.whole_days:
        days, past_midnight = divmod(form.phase, timedelta(days=1))
        at = time_in_words((datetime.min + past_midnight).time())
        return f"{said} at {at}" + (f", shifted by {span_in_words(timedelta(days=days))}" if days else "")
    return said + (f", shifted by {span_in_words(form.phase)}" if form.phase else "")


def _each(span: str) -> str:
    """`every hour` for `1 hour`."""
    return f"every {span.removeprefix('1 ')}" if span.count(" ") == 1 else f"every {span}"


def _cron(form: Cron) -> str:
    """A line that is plainly daily or weekly as those; any other in cronsim's words."""
    second, minute, hour, day, month, weekday = form.fields
    if minute.isdigit() and hour.isdigit() and second.isdigit() and (day, month) == ("*", "*"):
        at = _at([time(int(hour), int(minute), int(second))])
        if weekday == "*":
            return f"every day {at}"
        if weekday in ("MON-FRI", "1-5"):
            return f"every weekday {at}"
    try:
        said = CronSim(form.line, _ANY_MOMENT).explain()
    except CronSimError:  # a day that no month of the line has
        return f"never, because no month has the day of `{form.line}`"
    return said[0].lower() + said[1:]


def _rule(rule: RRule) -> str:
    unit = _UNITS[rule.freq]
    parts = [f"every {unit}" if rule.interval == 1 else f"every {rule.interval} {unit}s"]
    if rule.by_week:
        parts.append(f"in week {joined([ordinal(n) if n < 0 else str(n) for n in rule.by_week])}")
    if rule.by_year_day:
        parts.append(f"on the {joined([ordinal(n) for n in rule.by_year_day])} day of the year")
    if rule.by_month_day:
        parts.append(f"on the {joined([ordinal(n) if n > 0 else _from_end(n) for n in rule.by_month_day])}")
    if rule.by_weekday:
        counted = any(nth for _, nth in rule.by_weekday)
        days = [f"{ordinal(nth)} {WEEKDAYS[day]}" if nth else WEEKDAYS[day] for day, nth in rule.by_weekday]
        parts.append(f"on {'the ' if counted else ''}{joined(days)}")
    if rule.by_month:
        parts.append(f"in {joined([MONTHS[month - 1] for month in rule.by_month])}")
    parts.append(_at(rule.times))
    if rule.by_position:
        parts.append(f"(only the {joined([ordinal(n) for n in rule.by_position])} of these in each {unit})")
    if rule.count:
        parts.append(f"({rule.count} times)")
    if rule.until:
        parts.append(f"until {moment_in_words(rule.until)}")
    return " ".join(parts)


def _from_end(number: int) -> str:
    return "last day" if number == -1 else f"{ordinal(number)} day"


def _bounds(schedule: Schedule) -> list[str]:
    zone, said = zone_of(schedule.timezone), []
    if schedule.starting:
        said.append(f"from {moment_in_words(reading_at(schedule.starting, zone))}")
    if schedule.until:
        last = reading_at(schedule.until, zone)
        whole_day = last.time() == time.max
        said.append(f"until {'the end of ' + date_in_words(last) if whole_day else moment_in_words(last)}")
    if schedule.max_runs is not None:
        said.append(f"at most {schedule.max_runs} run{'' if schedule.max_runs == 1 else 's'}")
    return said


def _narrowing(schedule: Schedule) -> list[str]:
    said = []
    if window := schedule.window:
        otherwise = "skipped" if window.otherwise == "skip" else "deferred to the next opening"
        said.append(f"only {window_in_words(window)} (otherwise {otherwise})")
    if schedule.exclusions:
        said.append(f"except {joined([_exclusion(exclusion) for exclusion in schedule.exclusions])}")
    if schedule.jitter:
        said.append(f"up to {span_in_words(schedule.jitter)} later")
    return said


def _exclusion(exclusion: Exclusion) -> str:
    match exclusion:
        case Holidays():
            return f"on holidays in {exclusion.code}"
        case Dates(dates=dates):
            named = [date_in_words(day) for day in dates[:3]]
            return f"on {joined(named if len(dates) <= 3 else [*named, f'{len(dates) - 3} other dates'])}"
        case NamedCalendar(name=name):
            return f"when the calendar {name} is closed"
