"""When a schedule fires: `next_fire`, `between` and `jittered`.

Everything that speaks of the future or the past of a schedule (scheduler, preview, simulator, backfill, the alarm for
late runs) asks here, so they cannot disagree.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from errands.core.schedules.gate import Calendars, Gate, Shut
from errands.core.schedules.instants import TICK, Planned, planned_after
from errands.core.schedules.local_time import zone_of
from errands.core.schedules.schedule import Schedule
from errands.core.schedules.words import moment_in_words

NO_CALENDARS: Calendars = MappingProxyType({})
MAX_REFUSALS = 2000
"""How many times in a row the window or a closed period may refuse before a search gives up."""
_LOOK_BACK_DAYS = tuple(2**n for n in range(10))


class SkipReason(StrEnum):
    """Why the schedule itself lets an occurrence pass."""

    WINDOW = "window"
    CLOSED = "closed"
    """A holiday, an excluded date or a period of a named calendar."""
    CLOCK_CHANGE = "clock_change"
    """The clock never showed the time, and the schedule says `dst: {gap: skip}`."""
    SUPERSEDED = "superseded"
    """Deferred to an opening to which a later one is deferred, or at which one is planned."""


@dataclass(frozen=True, slots=True)
class Fires:
    """Starts at its planned time."""

    kind = "fires"


@dataclass(frozen=True, slots=True)
class Skipped:
    """Does not start."""

    reason: SkipReason
    text: str
    """The reason in words."""
    kind = "skipped"


@dataclass(frozen=True, slots=True)
class Deferred:
    """Starts later, when the window opens."""

    to: datetime
    """UTC."""
    text: str
    kind = "deferred"


Verdict = Fires | Skipped | Deferred


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One planned firing and what the schedule makes of it."""

    planned: datetime
    """UTC; with the trigger its identity. Neither deferring nor jitter changes it."""
    local: datetime
    """The same moment in the schedule's zone."""
    verdict: Verdict

    @property
    def starts_at(self) -> datetime | None:
        """When a run is to start, before jitter; `None` if it is skipped. UTC."""
        match self.verdict:
            case Fires():
                return self.planned
            case Deferred(to=to):
                return to
            case Skipped():
                return None


def next_fire(
    schedule: Schedule, after: datetime, calendars: Calendars = NO_CALENDARS, *, fired: int = 0
) -> datetime | None:
    """The first moment later than `after` at which a run starts: a planned time, or an opening it is deferred to.

    `fired` is how often the trigger has started runs, for `max_runs`. UTC, without jitter. `None`: it never fires
    again, as far as a search of fifty years and 2,000 refusals in a row can tell.
    Raises CalendarUnknown, and ValueError for a naive `after`.
    """
    after = _utc(after)
    if schedule.max_runs is not None and fired >= schedule.max_runs:
        return None
    gate = Gate(schedule, calendars)
    held_back = _held_back(schedule, gate, after) if gate.defers else None
    ahead = _first_start(schedule, gate, after)
    return min(filter(None, (held_back, ahead)), default=None)


def between(
    schedule: Schedule, start: datetime, end: datetime, calendars: Calendars = NO_CALENDARS, *, fired: int = 0
) -> Iterator[Occurrence]:
    """The occurrences planned from `start` (included) to `end` (left out), in order, skipped ones too.

    A deferred one belongs to the time it was planned for. Stops after `max_runs`, of which `fired` are used up.
    Raises CalendarUnknown, and ValueError for naive bounds.
    """
    start, end = _utc(start), _utc(end)
    gate = Gate(schedule, calendars)
    for occurrence in _coalesced(schedule, gate, _judged(schedule, gate, start, end)):
        if schedule.max_runs is not None and fired >= schedule.max_runs:
            return
        yield occurrence
        fired += not isinstance(occurrence.verdict, Skipped)


def jittered(trigger_id: str, schedule: Schedule, planned: datetime) -> datetime:
    """When a run planned for a moment (or deferred to it) really starts: the same answer each time.

    The offset is drawn from the trigger and the moment, is less than `jitter`, and passes neither the next planned
    time nor the closing of the window.
    """
    planned = _utc(planned)
    if not schedule.jitter:
        return planned
    latest = planned + schedule.jitter
    following = planned_after(schedule, planned, latest)
    latest = next((other.moment for other in following if not other.lost), latest)
    window = Gate(replace(schedule, exclusions=()), NO_CALENDARS)
    if window.barrier(planned) is None:
        latest = min(latest, window.closing(planned) or latest)
    drawn = hashlib.blake2b(f"{trigger_id}\n{planned.isoformat()}".encode(), digest_size=8).digest()
    room = (latest - planned) // TICK
    return planned + (room * int.from_bytes(drawn) >> 64) * TICK


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no zone; give an aware datetime")
    return moment.astimezone(UTC)


def _first_start(schedule: Schedule, gate: Gate, after: datetime) -> datetime | None:
    """The first start of what is planned later than `after`; what is refused is jumped over barrier by barrier."""
    cursor = after
    for _ in range(MAX_REFUSALS):
        planned = _first_planned(schedule, cursor)
        if planned is None:
            return None
        barrier = gate.barrier(planned)
        if barrier is None:
            return planned
        if barrier.kind is Shut.WINDOW and gate.defers:
            return gate.opening(planned)
        gone = gate.end_of(barrier, planned)
        if gone is None:
            return None
        cursor = gone - TICK
    return None


def _first_planned(schedule: Schedule, after: datetime, before: datetime | None = None) -> datetime | None:
    return next((planned.moment for planned in planned_after(schedule, after, before) if not planned.lost), None)


def _held_back(schedule: Schedule, gate: Gate, after: datetime) -> datetime | None:
    """The opening later than `after` that something planned up to `after` waits for."""
    opening = gate.opening(after)
    if opening is None or opening == after:
        return None
    shut_since = _shut_since(gate, after)
    return opening if _has_eligible(schedule, gate, shut_since - TICK, after + TICK) else None


def _shut_since(gate: Gate, moment: datetime) -> datetime:
    """When the shut time that `moment` lies in began; a year and a half earlier if it is longer than that."""
    open_at: datetime | None = None
    for days in _LOOK_BACK_DAYS:
        since = moment - timedelta(days=days)
        open_at = gate.opening(since)
        if open_at is not None and open_at <= moment:
            break
    while open_at is not None and open_at <= moment:
        since = gate.closing(open_at) or moment
        open_at = gate.opening(since)
    return since


def _has_eligible(schedule: Schedule, gate: Gate, after: datetime, before: datetime) -> bool:
    """Whether something is planned between the two that no closed period forbids."""
    cursor: datetime | None = after
    for _ in range(MAX_REFUSALS):
        planned = _first_planned(schedule, cursor, before) if cursor is not None and cursor < before else None
        if planned is None:
            return False
        barrier = gate.barrier(planned)
        if barrier is None or barrier.kind is Shut.WINDOW:
            return True
        gone = gate.end_of(barrier, planned)
        cursor = gone - TICK if gone else None
    return False


def _judged(schedule: Schedule, gate: Gate, start: datetime, end: datetime) -> Iterator[Occurrence]:
    """Each planned moment with the verdict that it gets by itself. Moments between two edges share one."""
    zone = zone_of(schedule.timezone)
    valid_until = start
    verdict: Verdict = Fires()
    for planned in planned_after(schedule, start - TICK, end):
        if planned.moment >= valid_until:
            verdict = _verdict(gate, planned.moment)
            valid_until = gate.next_edge(planned.moment)
        own = _lost(planned, schedule.timezone) if planned.lost else verdict
        yield Occurrence(planned.moment, planned.moment.astimezone(zone), own)


def _verdict(gate: Gate, planned: datetime) -> Verdict:
    barrier = gate.barrier(planned)
    if barrier is None:
        return Fires()
    if barrier.kind is Shut.WINDOW and gate.defers:
        opening = gate.opening(planned)
        if opening is not None:
            return Deferred(opening, barrier.text)
        return Skipped(SkipReason.WINDOW, f"{barrier.text}, which does not open again within two years")
    return Skipped(SkipReason(barrier.kind.value), barrier.text)


def _lost(planned: Planned, timezone: str) -> Skipped:
    reading = moment_in_words(planned.reading) if planned.reading else "the time"
    return Skipped(SkipReason.CLOCK_CHANGE, f"{reading} does not exist in {timezone}: the clock is put forward")


def _coalesced(schedule: Schedule, gate: Gate, occurrences: Iterator[Occurrence]) -> Iterator[Occurrence]:
    """Of several that wait for one opening, only the last does so; one planned for the opening itself is the last."""
    waiting: list[Occurrence] = []  # a deferred one, and skipped ones planned after it
    for occurrence in occurrences:
        if not isinstance(occurrence.verdict, Skipped):
            yield from _settled(waiting, occurrence.planned)
            waiting = []
        if waiting or isinstance(occurrence.verdict, Deferred):
            waiting.append(occurrence)
        else:
            yield occurrence
    if waiting and isinstance(first := waiting[0].verdict, Deferred):
        later = _has_eligible(schedule, gate, waiting[0].planned, first.to + TICK)
        yield from _settled(waiting, first.to if later else None)


def _settled(waiting: list[Occurrence], follower: datetime | None) -> Iterator[Occurrence]:
    """The waiting ones, the first superseded if the next that may start does so no later than the opening."""
    for occurrence in waiting:
        verdict = occurrence.verdict
        if isinstance(verdict, Deferred) and follower is not None and follower <= verdict.to:
            text = f"{verdict.text}; a later one starts at the same opening"
            yield replace(occurrence, verdict=Skipped(SkipReason.SUPERSEDED, text))
        else:
            yield occurrence
