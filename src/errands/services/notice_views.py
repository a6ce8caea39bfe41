"""What services of channels, notices and alarms give."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class ChannelView:
    """Where messages of a project go."""

    name: str
    secret: str | None
    """Name of the secret that holds its apprise URL. None: it mails to the addresses."""
    addresses: tuple[str, ...]
    events: tuple[str, ...]
    """What goes there."""
    updated_at: datetime
    sent_at: datetime | None
    """When it took a message last."""
    failing_since: datetime | None
    """Since when it takes none. None: the last one went through."""
    problem: str | None


@dataclass(frozen=True, slots=True)
class ChannelTested:
    """What came of a trial message."""

    channel: str
    delivered: bool
    problem: str | None
    """Why not."""


@dataclass(frozen=True, slots=True)
class NoticeView:
    """A message of Errands itself to a channel or a person, without its text."""

    id: str
    event: str
    """What it tells of: `approval`, `failed`, ..."""
    channel: str | None
    person: str | None
    title: str
    status: Literal["pending", "sent", "failed", "withdrawn"]
    """`failed`: given up. `withdrawn`: there was nothing to tell any more."""
    attempts: int
    problem: str | None
    """Why the last attempt did not get through."""
    approval: str | None
    alarm: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    done_at: datetime | None
