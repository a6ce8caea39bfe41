"""What services give about the chat. Moments are aware and in UTC."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from errands.core.outcomes import Usage
from errands.core.values import Json, JsonObject


@dataclass(frozen=True, slots=True)
class ThreadView:
    """A conversation as lists show it."""

    id: str
    project: str
    owner: str
    """Reference of the person whose it is, such as `user:ana`."""
    title: str | None
    agent: str | None
    """The project's agent that answers. None: the assistant with the server's default model."""
    shared: bool
    """Everybody in the project may read it; only its owner talks in it."""
    untrusted: bool
    """Something from outside has been read in it; nothing is started without a click any more."""
    usage: Usage
    created_at: datetime
    active_at: datetime


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message, as the page draws it."""

    id: str
    role: Literal["user", "assistant"]
    status: Literal["answering", "done", "asks", "cancelled", "failed"]
    """`asks`: a tool call waits for its owner's click."""
    parts: tuple[JsonObject, ...]
    """Parts of the stream protocol's messages; cards carry their present state."""
    model: str | None
    error: str | None
    usage: Usage
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class CardView:
    """Something that is shown, and done when its owner clicks."""

    id: str
    thread: str
    kind: str
    data: JsonObject
    digest: str
    """Names exactly what is shown; a click gives it back."""
    state: Literal["open", "done", "dismissed"]
    action: str | None
    actor: str | None
    result: Json
    created_at: datetime
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class AttachmentView:
    """A file that somebody attached."""

    id: str
    thread: str
    name: str
    media_type: str
    size: int
    sha256: str
    readable: bool
    """A model can be shown it: it is text, could be turned into text, or is an image."""
    note: str | None
    """Why it is not readable, or that it was cut."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CommandView:
    """A slash command: what a person can do in a thread without any model."""

    name: str
    """Without the stroke before it."""
    usage: str
    about: str


@dataclass(frozen=True, slots=True)
class AnswerBegun:
    """An answer that may now be written."""

    thread: ThreadView
    project_id: str
    """UUID of the thread's project."""
    message: str
    """Id of the answer."""
    asked: str | None
    """Id of the message that is answered. None: an answer that had asked goes on."""
    parts: tuple[JsonObject, ...]
    """Of the message that is answered; of the answer so far where it goes on."""
    usage: Usage
    """What the answer has used so far."""


@dataclass(frozen=True, slots=True)
class PastTurn:
    """A message as a model's history needs it."""

    message: str
    role: Literal["user", "assistant"]
    status: Literal["answering", "done", "asks", "cancelled", "failed"]
    words: str
    exchange: Json
    """What a model was sent and answered. None: none took part."""


@dataclass(frozen=True, slots=True)
class AnswerRead:
    """An answer that another process writes, as far as that has kept it."""

    message: str
    status: Literal["answering", "done", "asks", "cancelled", "failed"]
    parts: Sequence[JsonObject]
    error: str | None
    usage: Usage
    kept_at: datetime
    """When its process last wrote."""
    asked: str | None = None
    """Id of the message that is answered, in the first reading."""


@dataclass(frozen=True, slots=True)
class AnswerWish:
    """What others want of an answer that is being written."""

    stop: bool
    """Somebody has cancelled it, or it was ended meanwhile."""
    followed: bool
    """Somebody follows it on another server, who knows only what is kept."""


@dataclass(frozen=True, slots=True)
class AnswerSoFar:
    """What of an answer is kept."""

    status: Literal["answering", "done", "asks", "cancelled", "failed"]
    parts: Sequence[JsonObject]
    words: str | None
    """For searches. None: those that were kept before."""
    exchange: Json = None
    model: str | None = None
    error: str | None = None
    usage: Usage = Usage()  # noqa: RUF009 - it is frozen
