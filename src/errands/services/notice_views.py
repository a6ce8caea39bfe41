"""What services of channels, notices and alarms give."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from errands.core.definition.alarms import AlarmKind
from errands.core.values import JsonObject


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
    digest: str = ""
    """Names where it leads and what goes there; in quotes it is the ETag."""


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


@dataclass(frozen=True, slots=True)
class AlarmView:
    """Something that is or was wrong with a task: one episode, from when it was seen until it was over."""

    id: str
    project: str
    task: str
    kind: AlarmKind
    subject: str | None
    """What of the task it is about: a trigger, a run, an approval. None: the task as a whole."""
    state: Literal["open", "acknowledged", "closed"]
    message: str
    """What came last."""
    count: int
    """How often it has come in this episode."""
    run: str | None
    """The run that it is about, or the last of them."""
    opened_at: datetime
    last_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    """What ended it."""
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class DefaultsView:
    """What a project watches of tasks that say nothing themselves. Durations in seconds; what is not said is absent."""

    rules: JsonObject
    watched: int | None
    """How many published tasks are watched now, by these or their own rules. None where that was not asked."""
    digest: str = ""
    """Names what it says; in quotes it is the ETag."""
