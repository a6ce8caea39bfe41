"""What services give about triggers and schedules. Moments are aware and in UTC, durations in seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class TriggerView:
    """A trigger as lists and its task's page show it."""

    id: str
    name: str
    task: str
    task_title: str | None
    project: str
    kind: str
    enabled: bool
    note: str | None
    owner: str | None
    sentence: str | None
    """A schedule in words; None for other kinds."""
    timezone: str | None
    next_at: datetime | None
    """The next planned time, as far as nothing keeps it from starting. None: nothing is planned."""
    held: str | None
    """Why nothing starts now: the task is paused, the trigger is disabled."""
    fired: int
    """Runs that it has started."""
    last_planned_at: datetime | None
    last_outcome: str | None
    last_run: str | None
    address: str | None = None
    """Where a webhook is called, or mail is sent; a mail address is a secret and only shown to who may switch the
    trigger. None: nothing is sent to it."""


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """Something that came to a trigger's address, and what became of it. Never what it said."""

    id: int
    received_at: datetime
    """The last time, where several are counted."""
    outcome: str
    """started, queued, skipped, failed_to_start, answered, repeated, refused"""
    code: str | None
    """Why in one word: signature, late, too_large, unreadable, payload, rate, paused, sender, ..."""
    reason: str | None
    delivery: str | None
    """What its sender calls it."""
    run: str | None
    count: int
    """Refusals and repetitions of one kind within one minute are counted together."""


@dataclass(frozen=True, slots=True)
class Received:
    """What the sender of a delivery is told."""

    outcome: str
    """started, queued, skipped; answered: a greeting that starts nothing"""
    run: str | None
    url: str | None
    """Where the run is read."""
    reason: str | None = None
    existing: bool = False
    """The delivery had come before; this is the run that it started then."""
    challenge: str | None = None
    """Slack's, given back."""


@dataclass(frozen=True, slots=True)
class OccurrenceView:
    """A planned time (or a cause) and what became of it."""

    trigger: str
    task: str
    planned_at: datetime
    decided_at: datetime
    outcome: str
    """started, queued, skipped, deferred, missed, failed_to_start"""
    code: str | None
    """Why in one word: overlap, window, closed, paused, disabled, budget, ..."""
    reason: str | None
    run: str | None
    run_status: str | None
    source: str
    """schedule, missed (made up for), backfill, event, webhook, email"""
    cause: str | None
    """What it was started by, where it was not planned: `run:ID`, `event:ID`, `delivery:ID`."""
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class WhyView:
    """Why a trigger did or did not start a run at some moment."""

    sentence: str
    occurrence: OccurrenceView | None
    before: datetime | None
    """The last planned time before that moment."""
    after: datetime | None
    """The first planned time after it."""


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """One planned time of the future."""

    planned_at: datetime
    local: datetime
    """The same moment in the schedule's zone."""
    reader_local: datetime
    """The same moment in the reader's zone."""
    starts_at: datetime | None
    """When a run starts, before jitter. None: it is skipped."""
    verdict: Literal["fires", "skipped", "deferred"]
    reason: str | None


@dataclass(frozen=True, slots=True)
class PreviewView:
    """What a schedule will do."""

    sentence: str
    timezone: str
    reader_timezone: str
    jitter: float
    """Starts are spread over so many seconds after the planned time."""
    lines: tuple[PreviewLine, ...]
    ends: bool
    """Nothing follows the last line."""


@dataclass(frozen=True, slots=True)
class DayLoad:
    """A day of a simulation, in UTC."""

    day: date
    starts: int
    busy_seconds: float
    usd: float


@dataclass(frozen=True, slots=True)
class Collision:
    """Triggers that start in the same minute of the day."""

    at: str
    """Time of day, UTC: `09:00`."""
    days: int
    """On how many days they meet."""
    triggers: tuple[str, ...]
    """`task/trigger`, by name; the fifty first."""


@dataclass(frozen=True, slots=True)
class SimulationView:
    """What schedules will come to, if everything starts as planned."""

    start: datetime
    end: datetime
    triggers: int
    starts: int
    skipped: int
    days: tuple[DayLoad, ...]
    collisions: tuple[Collision, ...]
    """The worst first, ten at most."""
    most_in_a_minute: int
    busiest: datetime | None
    """The minute with the most starts."""
    estimated: tuple[str, ...]
    """Triggers that fire so often that only their first days were looked at; the rest is their average."""
    unreadable: tuple[str, ...]
    """Triggers whose schedule cannot be worked out, and why."""
    suggestions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MissedView:
    """What a resume or a switch-on would make up for."""

    held_back: int
    """Planned times that started nothing meanwhile."""
    would_run: int
    """How many of them would run now, by the schedules' `missed:`."""
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class BackfillPlan:
    """What a backfill would do."""

    starts: int
    already_ran: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class BackfillView:
    """A backfill and how far it is."""

    id: str
    task: str
    trigger: str
    start: datetime
    end: datetime
    status: str
    """running, paused, cancelled, done"""
    overlap: str
    max_concurrent: int
    total: int
    started: int
    passed_over: int
    starter: str | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class PeriodView:
    """A closed period, half-open."""

    start: datetime
    end: datetime
    note: str | None = None


@dataclass(frozen=True, slots=True)
class CalendarView:
    """A named list of closed periods."""

    name: str
    of_server: bool
    periods: Sequence[PeriodView]
    exempt_tags: Sequence[str]
    """Tasks with one of these tags take no notice of it."""
    digest: str = ""
    """Names what it holds; in quotes it is the ETag."""
