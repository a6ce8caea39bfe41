"""What is to be done about the planned times of one schedule that have come. Pure: no clock, no database."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Literal, assert_never
from uuid import UUID

from errands.core.schedules import (
    Calendars,
    CalendarUnknown,
    Deferred,
    Fires,
    Occurrence,
    Schedule,
    Skipped,
    between,
    jittered,
    next_fire,
)
from errands.core.schedules.instants import TICK, planned_after
from errands.core.schedules.words import span_in_words

GRACE = timedelta(seconds=60)
"""A start that is later than this was missed."""
PROMPT = timedelta(seconds=5)
"""Of several planned times that are due together, all but the last were missed, unless they are as young as this."""
MOST = 500
"""Planned times of one trigger that are decided in one go."""
MOST_BACKLOG = 10_000
"""A longer backlog is not listed time by time, as far as nothing of it can be made up for."""


@dataclass(frozen=True, slots=True)
class Go:
    """Start a run."""

    planned: datetime
    source: Literal["schedule", "missed"]
    """`missed`: it is late, and the schedule makes up for it."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Start nothing."""

    planned: datetime
    outcome: Literal["skipped", "missed", "failed_to_start"]
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Start a run later, when the window opens."""

    planned: datetime
    due_at: datetime
    reason: str


Decision = Go | Pass | Hold


@dataclass(frozen=True, slots=True)
class Plan:
    """Every decision, and when to look again."""

    decisions: Sequence[Decision]
    up_to: datetime
    """Planned times up to here are decided."""
    planned_at: datetime | None
    """The next planned time. `None`: there is none."""
    next_at: datetime | None
    """When to look again; `planned_at` with its jitter."""


@dataclass(frozen=True, slots=True)
class _Due:
    """A planned time whose start has come."""

    planned: datetime
    start: datetime


def plan(
    trigger: UUID, schedule: Schedule, calendars: Calendars, up_to: datetime, now: datetime, *, fired: int = 0
) -> Plan:
    """Decide the planned times after `up_to` whose start is not later than `now`, at most MOST of them.

    `fired` is how many runs the trigger has started. A calendar that is gone lets its planned times fail to start.
    """
    if schedule.max_runs is not None and fired >= schedule.max_runs:
        return Plan([], up_to, None, None)
    try:
        return _plan(trigger, schedule, calendars, up_to, now, fired)
    except CalendarUnknown as unknown:
        found = _plan(trigger, replace(schedule, exclusions=()), {}, up_to, now, fired)
        return replace(found, decisions=[_failed(decision, str(unknown)) for decision in found.decisions])


def next_look(
    trigger: UUID, schedule: Schedule, calendars: Calendars, up_to: datetime
) -> tuple[datetime | None, datetime | None]:
    """The first planned time after `up_to`, and when the scheduler has to look at it."""
    planned = next((one.moment for one in planned_after(schedule, up_to)), None)
    if planned is None:
        return None, None
    verdict = next((one.verdict for one in between(schedule, planned, planned + TICK, calendars)), None)
    return planned, jittered(trigger.hex, schedule, planned) if isinstance(verdict, Fires) else planned


def _plan(trigger: UUID, schedule: Schedule, calendars: Calendars, up_to: datetime, now: datetime, fired: int) -> Plan:
    decisions: list[Decision] = []
    summary = _summed_up(schedule, up_to, now)
    if summary is not None:
        decisions.append(summary)
        up_to = now - schedule.missed.within - TICK
    due: list[_Due] = []
    found = list(islice(between(schedule, up_to + TICK, now + TICK, calendars, fired=fired), MOST))
    for occurrence in found:
        decided = _judge(trigger, schedule, occurrence, now)
        if decided is None:
            break  # Its jitter has not passed yet, and none of the later ones is due before it.
        up_to = occurrence.planned
        if isinstance(decided, _Due):
            due.append(decided)
        else:
            decisions.append(decided)
    cut = len(found) == MOST
    decisions += _by_policy(schedule, due, now, later=cut and _starts_later(schedule, calendars, due, now))
    planned_at, next_at = next_look(trigger, schedule, calendars, up_to)
    return Plan(sorted(decisions, key=lambda one: one.planned), up_to, planned_at, next_at)


def _judge(trigger: UUID, schedule: Schedule, occurrence: Occurrence, now: datetime) -> _Due | Decision | None:
    planned = occurrence.planned
    match occurrence.verdict:
        case Skipped(reason=code, text=text):
            return Pass(planned, "skipped", code.value, text)
        case Fires():
            start = jittered(trigger.hex, schedule, planned)
            return _Due(planned, start) if start <= now else None
        case Deferred(to=to, text=text):
            start = jittered(trigger.hex, schedule, to)
            return _Due(planned, start) if start <= now else Hold(planned, start, text)
        case _:
            assert_never(occurrence.verdict)


def _by_policy(schedule: Schedule, due: Sequence[_Due], now: datetime, *, later: bool) -> list[Decision]:
    """What `missed:` makes of planned times that are due; `later`: more are due after them."""
    decided: list[Decision] = []
    for index, one in enumerate(due):
        late, last = now - one.start, index == len(due) - 1 and not later
        if late <= (GRACE if last else PROMPT):
            decided.append(Go(one.planned, "schedule"))
        else:
            decided.append(_missed(schedule, one, now, last=last))
    return decided


def _missed(schedule: Schedule, one: _Due, now: datetime, *, last: bool) -> Decision:
    policy = schedule.missed
    if policy.run == "none":
        return Pass(one.planned, "missed", "missed", "nobody was there to start it, and the schedule makes up for none")
    if now - one.planned > policy.within:
        within = span_in_words(policy.within)
        reason = f"nobody was there to start it, and the schedule makes up for the last {within} only"
        return Pass(one.planned, "missed", "missed", reason)
    if policy.run == "last" and not last:
        return Pass(one.planned, "missed", "missed", "nobody was there to start it; a later one runs in its place")
    return Go(one.planned, "missed")


def _starts_later(schedule: Schedule, calendars: Calendars, due: Sequence[_Due], now: datetime) -> bool:
    if not due:
        return False
    following = next_fire(schedule, due[-1].start, calendars)
    return following is not None and following <= now


def _summed_up(schedule: Schedule, up_to: datetime, now: datetime) -> Pass | None:
    """One row for a backlog that is too long to list and too old to be made up for."""
    horizon = now - schedule.missed.within
    if up_to >= horizon:
        return None
    backlog = [one.moment for one in islice(planned_after(schedule, up_to, horizon), MOST_BACKLOG + 1)]
    if len(backlog) <= MOST_BACKLOG:
        return None
    text = (
        f"nobody was there to start it, nor any other planned up to {horizon.isoformat(timespec='seconds')}; "
        "they are too many to list"
    )
    return Pass(backlog[0], "missed", "missed", text)


def _failed(decision: Decision, reason: str) -> Decision:
    if isinstance(decision, Pass) and decision.outcome != "skipped":
        return decision
    return Pass(decision.planned, "failed_to_start", "calendar", reason)
