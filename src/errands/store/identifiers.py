"""New row ids: UUIDv7 (RFC 9562), so that the order of ids is the order of creation."""

import os
import threading
import time
from datetime import UTC, datetime
from uuid import UUID

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62


class _Ticks:
    """Moments in 4096ths of a millisecond, no two of this process the same or out of order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        """Now; or the tick after the last one, where the clock has not moved since or was put back."""
        with self._lock:
            self._last = max((time.time_ns() << 12) // 1_000_000, self._last + 1)
            return self._last


_ticks = _Ticks()


def new_id() -> UUID:
    """48 bits of Unix milliseconds, 12 of the fraction (RFC 9562, 6.2, method 3), 62 random ones.

    Greater than every id that this process has made before, also within a millisecond.
    """
    return _of_tick(_ticks.next())


def next_id(after: UUID) -> UUID:
    """A new id that is greater than one made just before, by this machine's clock or by another's."""
    made = new_id()
    if made > after:
        return made
    return _of_tick(((after.int >> 80) + 1) << 12)


def first_id_at(moment: datetime) -> UUID:
    """The smallest id that a row created at `moment` (aware) can have: a bound for filters by time."""
    return _compose(max(int(moment.timestamp() * 1000), 0), 0)


def created_at(row_id: UUID) -> datetime:
    """When the row was made, UTC, to the millisecond."""
    return datetime.fromtimestamp((row_id.int >> 80) / 1000, UTC)


def _of_tick(tick: int) -> UUID:
    return _compose(tick >> 12, (tick & 0xFFF) << 68 | int.from_bytes(os.urandom(8)) >> 2)


def _compose(milliseconds: int, rest: int) -> UUID:
    high = rest >> 68 & 0xFFF
    low = rest & ((1 << 62) - 1)
    return UUID(int=(milliseconds & ((1 << 48) - 1)) << 80 | _VERSION_7 | high << 64 | _VARIANT | low)
