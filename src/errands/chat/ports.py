"""What the chat is handed for free talk. The room `talking` gives one that asks models."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from errands.chat.desk import Desk
from errands.chat.stream import Stream
from errands.core.outcomes import Usage
from errands.core.values import Json
from errands.services.chat_views import PastTurn
from errands.services.turns import Click


@dataclass(slots=True)
class Outcome:
    """What came of an answer beside its words; filled in as it becomes known, so that a cancelled one is kept too."""

    status: Literal["done", "asks", "cancelled", "failed"] = "done"
    exchange: Json = None
    """What the model was sent and answered."""
    model: str | None = None
    error: str | None = None
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True)
class Talk:
    """One free answer to give."""

    desk: Desk
    agent: str | None
    history: Sequence[PastTurn]
    """What was said before."""
    text: str
    attachments: Sequence[str]
    clicks: "dict[str, Click] | None"
    """Answers to calls that waited; `text` says nothing then."""


class Talker(Protocol):
    """Lets a model answer."""

    async def talk(self, talk: Talk, stream: Stream, outcome: Outcome) -> None:
        """Write the answer to the stream. Raises StepFailed where no model can."""
        ...
