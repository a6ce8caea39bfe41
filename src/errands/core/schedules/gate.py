"""What narrows a schedule: the window and the closed periods, as spans of time that are open or shut."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from errands.core.schedules.local_time import fold_change, place, reading_at, zone_of
from errands.core.schedules.public_holidays import holidays_of
from errands.core.schedules.schedule import ClosedPeriod, Dates, Holidays, NamedCalendar, Schedule, Window
from errands.core.schedules.words import days_in_words, time_in_words

Calendars = Mapping[str, Sequence[ClosedPeriod]]
"""Closed periods by the calendar's name."""

END = datetime(9998, 1, 1, tzinfo=UTC)
MIDNIGHT = time(0)
MAX_EDGES = 3000
"""How many edges a search for an opening passes: more than two years of a window's openings and closings."""


class CalendarUnknown(LookupError):
    """A schedule names a calendar that does not exist (any more)."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        there = f"there is {', '.join(sorted(known))}" if known else "there is none"
        super().__init__(f"the schedule names the calendar {name!r}, which does not exist; {there}")
        self.name = name


class Shut(StrEnum):
    """Why nothing starts at a moment."""

    WINDOW = "window"
    """Outside the window; the schedule may defer."""
    CLOSED = "closed"
    """In a closed period; never deferred."""


@dataclass(frozen=True, slots=True)
class Barrier:
    """What shuts a moment out."""

    kind: Shut
    text: str


class Gate:
    """Tells whether a moment is open, and when that may change. For one schedule, and short-lived."""

    def __init__(self, schedule: Schedule, calendars: Calendars) -> None:
        self._zone = zone_of(schedule.timezone)
        self._window = schedule.window
        self._dates: set[date] = set()
        self._holidays: list[Holidays] = []
        self._periods: list[tuple[datetime, datetime, str]] = []
        self._edges: dict[date, list[datetime]] = {}
        for exclusion in schedule.exclusions:
            match exclusion:
                case Dates(dates=dates):
                    self._dates.update(dates)
                case Holidays():
                    self._holidays.append(exclusion)
                case NamedCalendar(name=name):
                    self._periods += _periods_of(name, calendars)
        self._period_edges = sorted({edge for start, end, _ in self._periods for edge in (start, end)})

    @property
    def defers(self) -> bool:
        return self._window is not None and self._window.otherwise == "defer"

    def barrier(self, moment: datetime) -> Barrier | None:
        """What shuts the moment out; `None` if it is open. A closed period goes before the window."""
        local = reading_at(moment, self._zone)
        return self._closure(moment, local.date()) or self._outside(local)

    def opening(self, moment: datetime) -> datetime | None:
        """The first open moment at or after this one. `None`: there is none in two years."""
        return self._first(moment, lambda barrier: barrier is None)

    def end_of(self, barrier: Barrier, moment: datetime) -> datetime | None:
        """When a barrier that stands at `moment` is gone (another kind may follow). `None`: not in two years."""
        return self._first(moment, lambda later: later is None or later.kind != barrier.kind)

    def closing(self, moment: datetime) -> datetime | None:
        """The first shut moment at or after this one. `None`: there is none in two years."""
        return self._first(moment, lambda barrier: barrier is not None)

    def next_edge(self, moment: datetime) -> datetime:
        """A later moment up to which nothing changes."""
        ahead = bisect_right(self._period_edges, moment)
        edges = self._period_edges[ahead : ahead + 1] or [END]
        if self._window or self._dates or self._holidays:
            day = reading_at(moment, self._zone).date()
            for n in (0, 1):
                edges += [edge for edge in self._edges_of(day + timedelta(days=n)) if edge > moment]
        return min(edges)

    def _first(self, moment: datetime, wanted: Callable[[Barrier | None], bool]) -> datetime | None:
        for _ in range(MAX_EDGES):
            if wanted(self.barrier(moment)):
                return moment
            moment = self.next_edge(moment)
            if moment >= END:
                return None
        return None

    def _closure(self, moment: datetime, day: date) -> Barrier | None:
        if day in self._dates:
            return Barrier(Shut.CLOSED, f"{day} is an excluded date")
        for holidays in self._holidays:
            if name := holidays_of(holidays.country, holidays.subdivision, day.year).get(day):
                return Barrier(Shut.CLOSED, f"{name}, a holiday in {holidays.code}")
        for start, end, text in self._periods:
            if start <= moment < end:
                return Barrier(Shut.CLOSED, text)
        return None

    def _outside(self, local: datetime) -> Barrier | None:
        if self._window is None or is_inside(self._window, local):
            return None
        return Barrier(Shut.WINDOW, f"outside the window, {window_in_words(self._window)}")

    def _edges_of(self, day: date) -> list[datetime]:
        if day not in self._edges:
            times = {MIDNIGHT}
            if self._window:
                times |= {self._window.opens, self._window.closes or MIDNIGHT}
            self._edges[day] = [edge for at in times for edge in self._edges_at(datetime.combine(day, at))]
        return self._edges[day]

    def _edges_at(self, reading: datetime) -> list[datetime]:
        """Where a reading begins: twice, and where the clock is put back behind it, in a fold."""
        found = place(reading, self._zone)
        candidates = (found.first, found.second, fold_change(found, reading, self._zone))
        return [edge for edge in candidates if edge is not None]


def is_inside(window: Window, local: datetime) -> bool:
    """Whether a local reading lies in the window."""
    at = local.time()
    opened_today = local.weekday() in window.on and window.opens <= at
    if window.closes is None:
        return opened_today
    if window.opens < window.closes:
        return opened_today and at < window.closes
    return opened_today or ((local.weekday() - 1) % 7 in window.on and at < window.closes)


def window_in_words(window: Window) -> str:
    """`between 08:00 and 18:00, Monday to Friday`."""
    closes = time_in_words(window.closes) if window.closes else "24:00"
    all_day = window.opens == MIDNIGHT and window.closes is None
    parts = [] if all_day else [f"between {time_in_words(window.opens)} and {closes}"]
    if len(window.on) < 7:
        parts.append(days_in_words(window.on))
    return ", ".join(parts) or "at any time"


def _periods_of(name: str, calendars: Calendars) -> list[tuple[datetime, datetime, str]]:
    if name not in calendars:
        raise CalendarUnknown(name, list(calendars))
    return [
        (period.start, period.end, f"closed by the calendar {name}" + (f": {period.note}" if period.note else ""))
        for period in calendars[name]
    ]
