"""What was said before, as a model is sent it."""

from collections.abc import Sequence

from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    TextPart,
    UserPromptPart,
)
from pydantic_core import to_jsonable_python

from errands.core.values import Json, to_text
from errands.services.chat_views import PastTurn

_LONGEST = 400_000
"""Characters of earlier turns that are sent; older ones are left out whole."""


def messages_of(history: Sequence[PastTurn]) -> list[ModelMessage]:
    """Earlier turns, the newest that fit. A turn without a model is told by its words."""
    turns: list[list[ModelMessage]] = []
    asked: str | None = None
    for turn in history:
        if turn.role == "user":
            asked = turn.words
            continue
        exchange = _exchange(turn.exchange)
        if exchange is None and (asked or turn.words):
            exchange = [
                ModelRequest(parts=[UserPromptPart(asked or "(go on)")]),
                ModelResponse(parts=[TextPart(turn.words or "(no answer)")]),
            ]
        if exchange:
            turns.append(exchange)
        asked = None
    return [message for turn in _newest(turns) for message in turn]


def exchange_of(messages: Sequence[ModelMessage]) -> Json:
    """What is kept of a turn; `messages_of` reads it."""
    kept: Json = ModelMessagesTypeAdapter.dump_python(list(messages), mode="json")
    return kept


def _exchange(kept: Json) -> list[ModelMessage] | None:
    if not isinstance(kept, list) or not kept:
        return None
    try:
        return ModelMessagesTypeAdapter.validate_python(kept)
    except ValueError:
        # Kept by a release that wrote something else: the words are still there.
        return None


def _newest(turns: Sequence[list[ModelMessage]]) -> list[list[ModelMessage]]:
    fitting: list[list[ModelMessage]] = []
    length = 0
    for turn in reversed(turns):
        length += len(to_text(to_jsonable_python(turn)))
        if fitting and length > _LONGEST:
            break
        fitting.append(turn)
    return fitting[::-1]
