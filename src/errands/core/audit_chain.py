"""The chain of the audit log: each hash covers an entry, byte by byte, and the hash before it.

Whoever changes, removes or inserts an entry would have to change every later hash as well, and with them the head that
exports and earlier verifications have told.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from errands.core.values import to_text

BEGINNING = hashlib.sha256(b"errands audit log, version 1").digest()
"""Stands where the hash before the first would be."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, as it is kept."""

    seq: int
    at: datetime
    actor: str
    actor_kind: str
    actor_id: str
    verb: str
    noun: str
    name: str
    project: str | None
    outcome: str
    detail: str
    """JSON text exactly as it is kept."""


@dataclass(frozen=True, slots=True)
class Link:
    """A place in the chain. `entry` is None where the entry that was sealed is gone."""

    position: int
    seq: int
    hash: bytes
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain has got to. Two heads with the same position and different hashes are two different pasts."""

    position: int = 0
    hash: bytes = BEGINNING

    @property
    def text(self) -> str:
        """`POSITION:HEX`."""
        return f"{self.position}:{self.hash.hex()}"


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where the chain does not hold."""

    position: int
    seq: int
    reason: str


def seal(before: Head, entry: Entry) -> Head:
    """The head after this entry."""
    return Head(before.position + 1, hashlib.sha256(before.hash + _bytes(entry)).digest())


def follow(before: Head, links: Iterable[Link]) -> Head | Break:
    """Check links that come next after `before`; gives the new head, or the first break."""
    for link in links:
        if link.position != before.position + 1:
            return Break(before.position + 1, link.seq, f"place {before.position + 1} of the chain is missing")
        if link.entry is None:
            return Break(link.position, link.seq, f"entry {link.seq} was removed")
        head = seal(before, link.entry)
        if head.hash != link.hash:
            return Break(link.position, link.seq, f"entry {link.seq}, or its seal, was changed")
        before = head
    return before


def parse_head(text: str) -> Head:
    """From `POSITION:HEX`. Raises ValueError."""
    position, _, digits = text.strip().partition(":")
    try:
        head = Head(int(position), bytes.fromhex(digits))
    except ValueError:
        head = Head(-1)
    if head.position < 0 or len(head.hash) != len(BEGINNING):
        raise ValueError(f"{text[:100]!r} is no head of the audit log; one looks like 1234: and 64 hex digits")
    return head


def _bytes(entry: Entry) -> bytes:
    """Every field, so that no two different entries have the same bytes."""
    return to_text(
        [
            entry.seq,
            entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
            entry.actor,
            entry.actor_kind,
            entry.actor_id,
            entry.verb,
            entry.noun,
            entry.name,
            entry.project,
            entry.outcome,
            entry.detail,
        ]
    ).encode()
