"""The planned moments of a schedule: forms, changes of clock and bounds together, before anything narrows them."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

from errands.core.schedules.local_time import earliest_reading, moments, place, reading_at, zone_of
from errands.core.schedules.readings import ClockForm, readings
from errands.core.schedules.schedule import (
    AnyOf,
    ClockChange,
    Cron,
    Daily,
    Every,
    Hourly,
    Monthly,
    Once,
    RRule,
    Schedule,
    SimpleForm,
    Weekly,
)

TICK = timedelta(microseconds=1)
HORIZON = timedelta(days=366 * 50)
"""How far ahead a search looks. Every pair of leap day and weekday comes within forty years."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END_OF_TIME = datetime(9998, 1, 1, tzinfo=UTC)
_ELAPSED = ClockChange(gap="skip", fold="both")
"""What follows elapsed time fires whenever the clock shows a reading, and only then."""


@dataclass(frozen=True, slots=True, order=True)
class Planned:
    """A planned moment."""

    moment: datetime
    """UTC."""
    lost: bool = False
    """It would be fired by a reading that the clock never showed, and the schedule skips those."""
    reading: datetime | None = None
    """That reading."""


def planned_after(schedule: Schedule, after: datetime, before: datetime | None = None) -> Iterator[Planned]:
    """Planned moments later than `after` and earlier than `before`, ascending, none twice.

    `starting` and `until` are kept. Without `before` it ends at the search horizon. One moment that is both lost and
    planned is planned.
    """
    after = max(after, schedule.starting - TICK) if schedule.starting else after
    last_allowed = schedule.until + TICK if schedule.until else _END_OF_TIME
    stop = min(before or _END_OF_TIME, last_allowed, _END_OF_TIME)
    if after >= stop:
        return
    forms = schedule.form.forms if isinstance(schedule.form, AnyOf) else (schedule.form,)
    within = stop if before or stop - after < HORIZON else after + HORIZON
    streams = [_of_form(form, zone_of(schedule.timezone), schedule.dst, after, within) for form in forms]
    last: datetime | None = None
    for planned in heapq.merge(*streams) if len(streams) > 1 else streams[0]:
        if planned.moment >= stop:
            return
        if planned.moment != last:
            yield planned
        last = planned.moment


def _of_form(form: SimpleForm, zone: ZoneInfo, dst: ClockChange, after: datetime, stop: datetime) -> Iterator[Planned]:
    match form:
        case Every(whole_days=False):
            return _elapsed(form, after, stop)
        case Once():
            return _once(form, zone, dst, after)
        case Hourly() | Cron(hourly=True):
            shown = _on_the_clock(form, zone, _ELAPSED, after, stop)
            return (planned for planned in shown if not planned.lost)
        case Daily() | Weekly() | Monthly() | Every() | Cron() | RRule():
            return _on_the_clock(form, zone, dst, after, stop)
        case _:
            assert_never(form)


def _elapsed(form: Every, after: datetime, stop: datetime) -> Iterator[Planned]:
    first = _EPOCH + form.phase
    rounds = (after - first) // form.interval + 1
    while stop - first > rounds * form.interval:
        yield Planned(first + rounds * form.interval)
        rounds += 1


def _once(form: Once, zone: ZoneInfo, dst: ClockChange, after: datetime) -> Iterator[Planned]:
    found = [Planned(form.at.astimezone(UTC))] if form.at.tzinfo else _planned_at(form.at, zone, dst)
    return iter([planned for planned in found if planned.moment > after])


def _on_the_clock(
    form: ClockForm, zone: ZoneInfo, policy: ClockChange, after: datetime, stop: datetime
) -> Iterator[Planned]:
    """Readings placed on the time line and put in its order, which a fold upsets."""
    held: list[Planned] = []
    end = reading_at(stop, zone) + timedelta(days=2)
    for reading in readings(form, earliest_reading(after, zone), end):
        found = place(reading, zone)
        for planned in _planned_at(reading, zone, policy):
            if planned.moment > after:
                heapq.heappush(held, planned)
        # No later reading has a moment before `found.first`; one that is lost waits for a real one at its moment.
        while held and held[0] <= Planned(found.first):
            yield heapq.heappop(held)
    while held:
        yield heapq.heappop(held)


def _planned_at(reading: datetime, zone: ZoneInfo, policy: ClockChange) -> list[Planned]:
    found = place(reading, zone)
    if found.in_gap and policy.gap == "skip":
        return [Planned(found.first, lost=True, reading=reading)]
    return [Planned(moment) for moment in moments(found, policy)]
