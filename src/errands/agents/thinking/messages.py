"""pydantic-ai messages as the journal keeps them: JSON, in deltas, without what changes from attempt to attempt."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import cast

from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    TextPart,
    ThinkingPart,
    ToolCallPart,
)

from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.values import Json, JsonObject, to_text

_VOLATILE = frozenset(("timestamp", "run_id", "conversation_id", "workspace_ref", "history_digest", "model_id"))
"""Differ between a first attempt and its replay, and mean nothing to a model."""


def record_of_request(messages: Sequence[ModelMessage], *, with_instructions: bool) -> list[Json]:
    """New messages to a model as a reader of the journal sees them; binary content by its digest.

    Instructions come with every request; `with_instructions` keeps them for the first one only.
    """
    requests = [message for message in messages if isinstance(message, ModelRequest)]
    return [_slim_request(message, with_instructions) for message in _dump(requests)]


def record_of_response(response: ModelResponse) -> JsonObject:
    """A response as the journal keeps it; `response_of_record` is the inverse."""
    (dumped,) = _dump([response])
    usage = dumped["usage"]
    counted = {key: value for key, value in usage.items() if value} if isinstance(usage, Mapping) else {}
    return {**_slim(dumped), "parts": _slim_parts(dumped), "usage": counted}


def response_of_record(record: Json) -> ModelResponse:
    """The response that a record holds. Raises StepFailed (internal) for a record that holds none."""
    try:
        (message,) = ModelMessagesTypeAdapter.validate_python([record])
    except ValueError as error:
        raise StepFailed(ErrorKind.INTERNAL, f"a recorded model response cannot be read: {error}") from error
    if not isinstance(message, ModelResponse):
        raise StepFailed(ErrorKind.INTERNAL, f"a recorded model response is a {message.kind}")
    return message


def characters(messages: Sequence[ModelMessage]) -> int:
    """Length of what is sent, for an estimate of tokens; an image counts as 4,000."""
    total = 0
    for message in messages:
        for part in message.parts:
            if isinstance(part, TextPart | ThinkingPart):
                total += len(part.content)
            elif isinstance(part, ToolCallPart):
                total += len(part.tool_name) + len(part.args_as_json_str())
            else:
                total += _length(getattr(part, "content", None))
    return total


def _length(content: object) -> int:
    if isinstance(content, str):
        return len(content)
    if isinstance(content, BinaryContent):
        return 4000
    if isinstance(content, Sequence):
        return sum(_length(item) for item in content)
    return len(str(content)) if content is not None else 0


def _dump(messages: Sequence[ModelMessage]) -> list[dict[str, Json]]:
    return cast(list[dict[str, Json]], ModelMessagesTypeAdapter.dump_python(list(messages), mode="json"))


def _slim_request(message: Mapping[str, Json], with_instructions: bool) -> Json:
    slim: dict[str, Json] = {"kind": "request", "parts": _slim_parts(message)}
    if with_instructions and message.get("instructions"):
        slim["instructions"] = message["instructions"]
    return slim


def _slim_parts(message: Mapping[str, Json]) -> list[Json]:
    parts = message["parts"]
    return [_slim(part) for part in parts if isinstance(part, Mapping)] if isinstance(parts, Sequence) else []


def _slim(value: Mapping[str, Json]) -> dict[str, Json]:
    kept: dict[str, Json] = {key: item for key, item in value.items() if item is not None and key not in _VOLATILE}
    if value.get("part_kind") == "user-prompt":
        kept["content"] = _without_bytes(kept.get("content"))
    return kept


def _without_bytes(content: Json) -> Json:
    if isinstance(content, str) or not isinstance(content, Sequence):
        return content
    return [_digested(item) if isinstance(item, Mapping) and "data" in item else item for item in content]


def _digested(binary: Mapping[str, Json]) -> Json:
    data = to_text(binary["data"])
    return {
        "kind": "binary",
        "media_type": binary.get("media_type"),
        "digest": hashlib.blake2b(data.encode(), digest_size=16).hexdigest(),
    }
