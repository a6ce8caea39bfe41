"""What a schedule says: a closed union of forms, and what narrows them. Frozen; made by `parse_schedule`."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Literal

from errands.core.definition.policies import Overlap

MONDAY, FRIDAY, SATURDAY, SUNDAY = 0, 4, 5, 6
LAST = -1
"""In `MonthlyWeekday.nth` and `MonthlyDay.day`: the last one of the month."""


@dataclass(frozen=True, slots=True)
class Hourly:
    """At given minutes of every hour of the local clock; in elapsed time where the clock changes."""

    at: tuple[timedelta, ...]
    """Time past the hour, ascending."""
    kind: Literal["hourly"] = "hourly"


@dataclass(frozen=True, slots=True)
class Daily:
    """Every day at given times of day."""

    at: tuple[time, ...]
    kind: Literal["daily"] = "daily"


@dataclass(frozen=True, slots=True)
class Weekly:
    """On given days of the week at given times of day."""

    on: tuple[int, ...]
    """Days of the week, 0 is Monday, ascending."""
    at: tuple[time, ...]
    kind: Literal["weekly"] = "weekly"


@dataclass(frozen=True, slots=True)
class MonthlyDay:
    """A day of the month by its number; a month without it is passed over."""

    day: int
    """1-31, or LAST."""


@dataclass(frozen=True, slots=True)
class MonthlyWeekday:
    """A day of the month by its weekday, such as the second Tuesday or the last weekday."""

    nth: int
    """1-5, or LAST."""
    weekday: int | None
    """0 is Monday; `None`: any day from Monday to Friday."""


@dataclass(frozen=True, slots=True)
class Monthly:
    """On given days of every month at given times of day."""

    on: tuple[MonthlyDay | MonthlyWeekday, ...]
    at: tuple[time, ...]
    kind: Literal["monthly"] = "monthly"


@dataclass(frozen=True, slots=True)
class Every:
    """A fixed interval counted from 1970-01-01, so that a restart changes nothing.

    A multiple of days is counted on the local calendar and keeps its time of day; anything else is counted in
    elapsed time from 1970-01-01T00:00Z.
    """

    interval: timedelta
    """Whole seconds, at least one."""
    phase: timedelta = timedelta(0)
    """At least 0 and less than the interval."""
    kind: Literal["every"] = "every"

    @property
    def whole_days(self) -> bool:
        return self.interval % timedelta(days=1) == timedelta(0)


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron line of five fields, or of six with seconds first, as cronsim reads it."""

    line: str
    """Upper case, one space between fields; `@daily` and its like are spelled out."""
    kind: Literal["cron"] = "cron"

    @property
    def fields(self) -> tuple[str, ...]:
        """Seconds, minutes, hours, days of the month, months, days of the week."""
        parts = tuple(self.line.split())
        return parts if len(parts) == 6 else ("0", *parts)

    @property
    def hourly(self) -> bool:
        """Whether it follows elapsed time: its hour field begins with a star (the rule of Debian's cron)."""
        return self.fields[2].startswith("*")


Frequency = Literal["YEARLY", "MONTHLY", "WEEKLY", "DAILY"]


@dataclass(frozen=True, slots=True)
class RRule:
    """A recurrence rule of RFC 5545, daily or coarser. Parts that the rule implies are spelled out."""

    freq: Frequency
    start: datetime
    """Local reading that INTERVAL is counted from."""
    interval: int = 1
    count: int | None = None
    """How many occurrences there are in all, from `start` on."""
    until: datetime | None = None
    """Local reading, itself included."""
    by_month: tuple[int, ...] = ()
    by_week: tuple[int, ...] = ()
    """Numbers of the week in the year, BYWEEKNO."""
    by_year_day: tuple[int, ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_weekday: tuple[tuple[int, int], ...] = ()
    """Weekday (0 is Monday) and ordinal; ordinal 0 means every one."""
    by_position: tuple[int, ...] = ()
    """BYSETPOS."""
    times: tuple[time, ...] = (time(0),)
    week_start: int = MONDAY
    text: str = ""
    """The rule as it was written."""
    kind: Literal["rrule"] = "rrule"


@dataclass(frozen=True, slots=True)
class Once:
    """One moment; then the trigger is done."""

    at: datetime
    """A local reading where it is naive, a moment where it is aware."""
    kind: Literal["once"] = "once"


SimpleForm = Hourly | Daily | Weekly | Monthly | Every | Cron | RRule | Once


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Several forms, one trigger: fires where any of them does."""

    forms: tuple[SimpleForm, ...]
    kind: Literal["any"] = "any"


Form = SimpleForm | AnyOf


@dataclass(frozen=True, slots=True)
class Window:
    """Local times of the week in which runs may start. Half-open: the closing time itself is outside."""

    opens: time = time(0)
    closes: time | None = None
    """`None`: midnight, the end of the day. At or before `opens`: on the next day."""
    on: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    """Days of the week on which the window opens, 0 is Monday."""
    otherwise: Literal["skip", "defer"] = "skip"


@dataclass(frozen=True, slots=True)
class Holidays:
    """Public holidays of a country or a part of it."""

    country: str
    """ISO 3166 code, such as `DE`."""
    subdivision: str | None = None
    """Such as `BY`."""
    kind: Literal["holidays"] = "holidays"

    @property
    def code(self) -> str:
        return f"{self.country}-{self.subdivision}" if self.subdivision else self.country


@dataclass(frozen=True, slots=True)
class Dates:
    """Single local dates."""

    dates: tuple[date, ...]
    kind: Literal["dates"] = "dates"


@dataclass(frozen=True, slots=True)
class NamedCalendar:
    """A list of closed periods that the project or the server keeps under a name."""

    name: str
    kind: Literal["calendar"] = "calendar"


Exclusion = Holidays | Dates | NamedCalendar


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """A period of a named calendar in which nothing starts. Half-open."""

    start: datetime
    """Aware."""
    end: datetime
    """Aware, after `start`."""
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ClockChange:
    """What happens to times of day that a change of clock removes (gap) or repeats (fold)."""

    gap: Literal["shift", "skip"] = "shift"
    """`shift`: the first moment after the gap."""
    fold: Literal["first", "second", "both"] = "first"


@dataclass(frozen=True, slots=True)
class Missed:
    """What is made up for after a downtime, a pause or an edit."""

    run: Literal["none", "last", "all"] = "last"
    within: timedelta = timedelta(days=1)
    """Older ones are recorded as missed and not run."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a trigger fires."""

    form: Form
    timezone: str = "UTC"
    """IANA name; `user` has been resolved."""
    starting: datetime | None = None
    """No occurrence before this moment; aware, UTC."""
    until: datetime | None = None
    """No occurrence after this moment, which is itself included; aware, UTC."""
    max_runs: int | None = None
    """Done after so many starts."""
    window: Window | None = None
    exclusions: tuple[Exclusion, ...] = ()
    """`except:`."""
    jitter: timedelta = timedelta(0)
    """Starts are spread over this long after the planned time."""
    overlap: Overlap | None = None
    """`None`: what the task's limits say, else `skip`."""
    max_concurrent: int | None = None
    """With `overlap: allow` only. `None`: what the task's limits say."""
    missed: Missed = field(default_factory=Missed)
    dst: ClockChange = field(default_factory=ClockChange)
