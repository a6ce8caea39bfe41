"""What was done in a thread, read from what its models were sent and answered."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from errands.core.values import Json, JsonObject, from_text
from errands.services.chat_views import PastTurn


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call of a project's tool that succeeded."""

    tool: str
    arguments: JsonObject
    result: Json


@dataclass(slots=True)
class RecordedTurn:
    """What a person asked for, and what came of it."""

    asked: str
    calls: list[RecordedCall] = field(default_factory=list)
    answer: str = ""
    """The last text."""
    managed: bool = False
    """An operation of the assistant was used: the turn was about tasks and runs, not the work itself."""


def recorded_turns(history: Sequence[PastTurn], tools: Mapping[str, str]) -> list[RecordedTurn]:
    """The turns in which a model took part and came to an end, in their order.

    `tools`: the project's tools by their names at the provider; everything else is an operation of the assistant.
    """
    found: list[RecordedTurn] = []
    asked = ""
    for past in history:
        if past.role == "user":
            asked = past.words
            continue
        if past.status == "done" and isinstance(past.exchange, list):
            found.append(_turn(asked, past.exchange, tools))
    return found


def _turn(asked: str, exchange: Sequence[Json], tools: Mapping[str, str]) -> RecordedTurn:
    turn = RecordedTurn(asked)
    results = dict(_returns(exchange))
    for part in _parts(exchange, "response"):
        match part.get("part_kind"):
            case "text":
                turn.answer = str(part.get("content", ""))
            case "tool-call":
                tool, returned = tools.get(str(part.get("tool_name"))), results.get(str(part.get("tool_call_id")))
                turn.managed |= tool is None
                if tool is not None and returned is not None:
                    turn.calls.append(RecordedCall(tool, _arguments(part.get("args")), returned.get("content")))
                turn.answer = ""
            case _:
                pass
    return turn


def _returns(exchange: Sequence[Json]) -> Iterator[tuple[str, JsonObject]]:
    """Results of calls that succeeded, by the call's id."""
    for part in _parts(exchange, "request"):
        if part.get("part_kind") == "tool-return" and part.get("outcome", "success") == "success":
            yield str(part.get("tool_call_id")), part


def _parts(exchange: Sequence[Json], kind: str) -> Iterator[JsonObject]:
    for message in exchange:
        if isinstance(message, Mapping) and message.get("kind") == kind:
            parts = message.get("parts")
            for part in parts if isinstance(parts, list) else []:
                if isinstance(part, Mapping):
                    yield part


def _arguments(given: Json) -> JsonObject:
    """What the model wrote, as a text or as an object."""
    value = from_text(given) if isinstance(given, str) and given else given
    return value if isinstance(value, Mapping) else {}
