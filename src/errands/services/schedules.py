"""What schedules will do: previews and simulations. Pure: no database, so the command line needs no server for them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from typing import Literal, assert_never
from zoneinfo import ZoneInfo

from errands.core.schedules import (
    Calendars,
    CalendarUnknown,
    Deferred,
    Fires,
    Occurrence,
    Schedule,
    Skipped,
    between,
    describe,
    next_fire,
    parse_schedule,
)
from errands.core.schedules.findings import Findings
from errands.core.schedules.instants import TICK
from errands.core.schedules.timezones import check_timezone
from errands.core.values import Json
from errands.services.errors import Invalid
from errands.services.trigger_views import Collision, DayLoad, PreviewLine, PreviewView, SimulationView

MOST_LINES = 1000
"""Lines of a preview, those that are skipped included."""
MOST_STARTS = 3000
"""Planned times of one trigger that a simulation looks at; beyond them it takes their average."""
_WORST = 10
_MANY = 3
"""Triggers in one minute that are worth a suggestion."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """A trigger to simulate."""

    name: str
    """`task/trigger`"""
    schedule: Schedule
    calendars: Calendars = field(default_factory=dict)
    seconds: float = 0.0
    """What a run usually takes."""
    usd: float = 0.0
    """What a run usually costs."""


def upcoming(spec: Mapping[str, Json], *, timezone: str | None, after: datetime, count: int) -> list[datetime]:
    """The next `count` moments later than `after` at which a run would start, before jitter, in the asked zone.

    `timezone`: of a schedule that names none, and of the answer; `None`: the schedule's own. A naive `after` is read in
    that zone. Raises ScheduleInvalid, CalendarUnknown.
    """
    schedule = parse_schedule(spec, default_timezone=timezone or "UTC")
    zone = ZoneInfo(timezone or schedule.timezone)
    moment: datetime | None = after if after.tzinfo else after.replace(tzinfo=zone)
    found: list[datetime] = []
    while len(found) < count and moment is not None:
        moment = next_fire(schedule, moment, fired=len(found))
        if moment is not None:
            found.append(moment.astimezone(zone))
    return found


def preview(
    schedule: Schedule,
    *,
    after: datetime,
    count: int,
    reader_timezone: str | None = None,
    calendars: Calendars | None = None,
    fired: int = 0,
) -> PreviewView:
    """The next `count` starts after a moment, with the planned times between them that start nothing, and why.

    Raises CalendarUnknown, Invalid for a zone that is not known.
    """
    found = Findings()
    seen, reader = calendars or {}, check_timezone(reader_timezone or schedule.timezone, "timezone", found)
    if reader is None:
        raise Invalid(f"{found.problems[0].message}.", found.problems[0].hint)
    lines: list[PreviewLine] = []
    starts, cursor, ends = 0, after, False
    while starts < count and len(lines) < MOST_LINES:
        following = next_fire(schedule, cursor, seen, fired=fired + starts)
        if following is None:
            ends = True
            break
        passed = between(schedule, cursor + TICK, following + TICK, seen, fired=fired + starts)
        for one in islice(passed, MOST_LINES - len(lines)):
            lines.append(_line(one, ZoneInfo(reader)))
            starts += one.starts_at is not None
        cursor = max(following, lines[-1].planned_at if lines else following)
    return PreviewView(
        sentence=describe(schedule),
        timezone=schedule.timezone,
        reader_timezone=reader,
        jitter=schedule.jitter.total_seconds(),
        lines=tuple(lines[:MOST_LINES]),
        ends=ends,
    )


def simulate(triggers: Sequence[Simulated], *, start: datetime, days: int) -> SimulationView:
    """What the triggers come to in so many days: starts, load and spend a day, who starts in the same minute.

    Raises Invalid for a span outside 1 to 366 days.
    """
    if not 1 <= days <= 366:
        raise Invalid(f"{days} days cannot be simulated.", "Give 1 to 366.")
    tally = _Tally(start, start + timedelta(days=days))
    for trigger in triggers:
        tally.add(trigger)
    return tally.view(len(triggers))


class _Tally:
    """Counts starts by minute and by day."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self._start, self._end = start, end
        self._minutes: dict[datetime, list[str]] = defaultdict(list)
        self._starts: Counter[date] = Counter()
        self._busy: defaultdict[date, float] = defaultdict(float)
        self._usd: defaultdict[date, float] = defaultdict(float)
        self._skipped = 0
        self._estimated: list[str] = []
        self._unreadable: list[str] = []
        self._crowded: list[str] = []

    def add(self, trigger: Simulated) -> None:
        """Count one trigger's planned times."""
        try:
            found = list(islice(self._occurrences(trigger), MOST_STARTS + 1))
        except CalendarUnknown as unknown:
            self._unreadable.append(f"{trigger.name}: {unknown}")
            return
        starts = [one.starts_at for one in found if one.starts_at is not None]
        self._skipped += len(found) - len(starts)
        for moment in starts:
            self._count(trigger, moment)
        if len(found) > MOST_STARTS:
            self._extrapolate(trigger, starts)
        self._compare(trigger, starts)

    def view(self, triggers: int) -> SimulationView:
        """The whole."""
        span = (self._end.astimezone(UTC).date() - self._start.astimezone(UTC).date()).days
        dates = [self._start.astimezone(UTC).date() + timedelta(days=n) for n in range(span + 1)]
        if self._end.astimezone(UTC).time() == datetime.min.time():
            dates.pop()
        collisions = self._collisions()
        busiest = max(self._minutes, key=lambda minute: len(self._minutes[minute]), default=None)
        return SimulationView(
            start=self._start,
            end=self._end,
            triggers=triggers,
            starts=sum(self._starts.values()),
            skipped=self._skipped,
            days=tuple(DayLoad(day, self._starts[day], self._busy[day], self._usd[day]) for day in dates),
            collisions=tuple(collisions[:_WORST]),
            most_in_a_minute=len(self._minutes[busiest]) if busiest else 0,
            busiest=busiest,
            estimated=tuple(self._estimated),
            unreadable=tuple(self._unreadable),
            suggestions=(*_spreading(collisions), *self._crowded),
        )

    def _occurrences(self, trigger: Simulated) -> Iterator[Occurrence]:
        return between(trigger.schedule, self._start, self._end, trigger.calendars)

    def _count(self, trigger: Simulated, moment: datetime) -> None:
        self._minutes[moment.replace(second=0, microsecond=0)].append(trigger.name)
        self._add_day(trigger, moment.date(), 1)

    def _add_day(self, trigger: Simulated, day: date, starts: int) -> None:
        self._starts[day] += starts
        self._busy[day] += starts * trigger.seconds
        self._usd[day] += starts * trigger.usd

    def _extrapolate(self, trigger: Simulated, starts: Sequence[datetime]) -> None:
        """The days after those that were looked at get the average."""
        self._estimated.append(trigger.name)
        if len(starts) < 2:
            return
        per_day = len(starts) / max((starts[-1] - starts[0]) / timedelta(days=1), 1e-6)
        day = starts[-1].date()
        self._add_day(trigger, day, max(round(per_day * _rest_of_day(starts[-1])), 0))
        while (day := day + timedelta(days=1)) < self._end.date():
            self._add_day(trigger, day, round(per_day))

    def _compare(self, trigger: Simulated, starts: Sequence[datetime]) -> None:
        """A run that usually takes longer than the time to the next."""
        pairs = pairwise(starts)
        shortest = min((after - before for before, after in pairs), default=None)
        if shortest is not None and trigger.seconds > shortest.total_seconds():
            overlap = trigger.schedule.overlap or "skip"
            self._crowded.append(
                f"{trigger.name}: a run takes about {_minutes(trigger.seconds)}, and the next may be planned "
                f"{_minutes(shortest.total_seconds())} after it (overlap: {overlap}); plan it less often."
            )

    def _collisions(self) -> list[Collision]:
        """Minutes of the day in which several start, those with the most meetings first."""
        meeting: dict[str, Counter[str]] = defaultdict(Counter)
        on_days: Counter[str] = Counter()
        for minute, names in self._minutes.items():
            if len(names) > 1:
                at = f"{minute:%H:%M}"
                meeting[at].update(names)
                on_days[at] += 1
        found = [Collision(at, on_days[at], tuple(sorted(names)[:50])) for at, names in meeting.items()]
        return sorted(found, key=lambda one: (-len(one.triggers) * one.days, one.at))


def _line(one: Occurrence, reader: ZoneInfo) -> PreviewLine:
    verdict: Literal["fires", "skipped", "deferred"]
    reason: str | None
    match one.verdict:
        case Fires():
            verdict, reason = "fires", None
        case Deferred(text=text):
            verdict, reason = "deferred", text
        case Skipped(text=text):
            verdict, reason = "skipped", text
        case _:
            assert_never(one.verdict)
    return PreviewLine(one.planned, one.local, one.planned.astimezone(reader), one.starts_at, verdict, reason)


def _spreading(collisions: Sequence[Collision]) -> list[str]:
    """Advice for the worst minutes."""
    found = []
    for one in collisions[:5]:
        if len(one.triggers) < _MANY:
            continue
        named = ", ".join(one.triggers[:3])
        rest = f" and {len(one.triggers) - 3} more" if len(one.triggers) > 3 else ""
        found.append(
            f"{named}{rest} start together at {one.at} UTC on {one.days} days: "
            "give those that need no exact minute a `jitter: 5m`, or move them by some minutes."
        )
    return found


def _rest_of_day(moment: datetime) -> float:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return (midnight - moment) / timedelta(days=1)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
