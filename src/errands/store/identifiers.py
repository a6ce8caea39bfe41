"""New row ids: UUIDv7 (RFC 9562), so that the order of ids is the order of creation."""

import os
import time
from datetime import UTC, datetime
from uuid import UUID

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62


def new_id() -> UUID:
    """48 bits of Unix milliseconds, then 74 random bits."""
    return _compose(time.time_ns() // 1_000_000, int.from_bytes(os.urandom(10)))


def next_id(after: UUID) -> UUID:
    """A new id that is greater than one made just before, by this machine's clock or by another's."""
    made = new_id()
    if made > after:
        return made
    return _compose((after.int >> 80) + 1, int.from_bytes(os.urandom(10)))


def first_id_at(moment: datetime) -> UUID:
    """The smallest id that a row created at `moment` (aware) can have: a bound for filters by time."""
    return _compose(int(moment.timestamp() * 1000), 0)


def created_at(row_id: UUID) -> datetime:
    """When the row was made, UTC, to the millisecond."""
    return datetime.fromtimestamp((row_id.int >> 80) / 1000, UTC)


def _compose(milliseconds: int, random: int) -> UUID:
    high = random >> 68 & 0xFFF
    low = random & ((1 << 62) - 1)
    return UUID(int=(milliseconds & ((1 << 48) - 1)) << 80 | _VERSION_7 | high << 64 | _VARIANT | low)
