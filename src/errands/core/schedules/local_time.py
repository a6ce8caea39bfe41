"""From readings of a local clock to moments and back, where clocks change."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from errands.core.schedules.schedule import ClockChange

SECOND = timedelta(seconds=1)


@lru_cache(maxsize=64)
def zone_of(name: str) -> ZoneInfo:
    """The zone of a name that `parse_schedule` has accepted."""
    return ZoneInfo(name)


def reading_at(moment: datetime, zone: ZoneInfo) -> datetime:
    """What the local clock shows: naive, `fold` set on the second pass."""
    return moment.astimezone(zone).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reading of the local clock lies on the time line."""

    first: datetime
    """UTC. In a gap: the first moment after it."""
    second: datetime | None = None
    """UTC; the second pass of a reading that the clock shows twice."""
    in_gap: bool = False
    """The clock never shows this reading."""


def place(reading: datetime, zone: ZoneInfo) -> Place:
    """Find a naive reading on the time line; its `fold` is not looked at. PEP 495 is the source of the rule."""
    early = reading.replace(tzinfo=zone, fold=0)
    late = early.replace(fold=1)
    before, after = early.utcoffset(), late.utcoffset()
    if before == after or before is None or after is None:
        return Place(early.astimezone(UTC))
    if before > after:
        return Place(early.astimezone(UTC), late.astimezone(UTC))
    return Place(_change_between(late.astimezone(UTC), early.astimezone(UTC), zone), in_gap=True)


def _change_between(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The first moment with the offset of `high`, which is not the offset of `low`. Changes fall on whole seconds."""
    low = low.replace(microsecond=0)
    new = high.astimezone(zone).utcoffset()
    seconds = int((high - low) / SECOND) + 1
    unchanged, changed = 0, seconds
    while changed - unchanged > 1:
        middle = (changed + unchanged) // 2
        if (low + middle * SECOND).astimezone(zone).utcoffset() == new:
            changed = middle
        else:
            unchanged = middle
    return low + changed * SECOND


def fold_change(found: Place, reading: datetime, zone: ZoneInfo) -> datetime | None:
    """The moment at which the clock is put back, for a reading that it shows twice."""
    if found.second is None:
        return None
    before, after = found.first, found.second
    offset = after.astimezone(zone).utcoffset()
    return _change_between(before, after, zone) if before.astimezone(zone).utcoffset() != offset else None


def moments(found: Place, policy: ClockChange) -> tuple[datetime, ...]:
    """The moments at which a reading fires. None where it falls in a gap and the policy skips it."""
    if found.in_gap:
        return (found.first,) if policy.gap == "shift" else ()
    if found.second is None:
        return (found.first,)
    match policy.fold:
        case "first":
            return (found.first,)
        case "second":
            return (found.second,)
        case "both":
            return (found.first, found.second)


def earliest_reading(after: datetime, zone: ZoneInfo) -> datetime:
    """The first reading of which a moment can lie after `after`: earlier than the clock shows on a first pass."""
    reading = reading_at(after, zone)
    if reading.fold == 0:
        found = place(reading, zone)
        if found.second is not None:
            return reading - (found.second - found.first)
    return reading.replace(fold=0)
