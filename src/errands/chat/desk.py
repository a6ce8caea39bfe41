"""What an operation works with, and what it gives: facts for a model, words for a person, cards for the page."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from errands.agents.ports import ToolBox
from errands.core.access import Principal, TriggerPrincipal
from errands.core.values import Json, JsonObject
from errands.services import Services
from errands.services.cards import CardKind

Shown = Literal[
    "task", "agent", "form", "approval", "act", "run", "runs", "tasks", "firings", "rehearsal", "approvals", "notice"
]
"""What cards show: the part of the message is of the type `data-` and this."""

CLICKED: Mapping[Shown, CardKind] = {
    "task": "task",
    "agent": "agent",
    "form": "run",
    "approval": "approval",
    "act": "act",
}
"""Cards that wait for a click."""


@dataclass(frozen=True, slots=True)
class Card:
    """Something for the page to draw."""

    shows: Shown
    data: JsonObject


@dataclass(frozen=True, slots=True)
class Told:
    """What came of an operation."""

    facts: Json
    """For a model."""
    words: str
    """For a person: Markdown."""
    cards: tuple[Card, ...] = ()
    outside: bool = False
    """It holds text that somebody outside may have written."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Who talks, where, and with what."""

    services: Services
    tools: ToolBox
    caller: Principal
    project: str
    project_id: str
    thread: str
    message: str
    """Id of the answer that is being written."""
    untrusted: bool = False
    """Something from outside was read in the thread."""

    async def part_of(self, card: Card, number: int) -> JsonObject:
        """The card as a part of the message; one that waits for a click is kept."""
        kind = CLICKED.get(card.shows)
        if kind is None:
            return {"type": f"data-{card.shows}", "id": f"{self.message}-{number}", "data": card.data}
        kept = await self.services.answers.propose(self.caller, self.thread, self.message, kind, card.data)
        state = {"id": kept.id, "digest": kept.digest, "state": kept.state, "action": None, "by": None, "result": None}
        return {"type": f"data-{card.shows}", "id": kept.id, "data": {**card.data, "card": state}}


def through_chat(caller: Principal) -> Principal:
    """The same person, in the audit by way of the chat."""
    return caller if isinstance(caller, TriggerPrincipal) else replace(caller, through="chat")
