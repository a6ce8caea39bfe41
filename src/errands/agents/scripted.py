"""A model that follows a script: for tests, benches and dry runs. It keeps no state, so it survives any crash."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.values import Json, JsonObject, to_text

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse, ModelResponsePart
    from pydantic_ai.models import Model
    from pydantic_ai.models.function import AgentInfo


@dataclass(frozen=True, slots=True)
class Say:
    """A turn of text."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call, the tool by its own name (`http.request`)."""

    tool: str
    arguments: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Calls:
    """A turn of tool calls, made side by side."""

    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A turn that gives structured output."""

    value: Json


@dataclass(frozen=True, slots=True)
class Fail:
    """A turn in which the model fails."""

    kind: ErrorKind
    message: str = "the script says so"
    retry_after: float | None = None


Turn = Say | Calls | Answer | Fail


@dataclass(slots=True)
class Script:
    """What the model does, turn by turn; the last turn repeats. Counts how often it was asked."""

    turns: tuple[Turn, ...]
    asked: int = 0
    """Requests that reached the model."""
    prompts: list[str] = field(default_factory=list)
    """Text of the last message of each request."""

    def open(self) -> "Model":
        """The pydantic-ai model."""
        from pydantic_ai.models.function import FunctionModel

        return FunctionModel(self._respond, model_name="scripted")

    def _respond(self, messages: "list[ModelMessage]", info: "AgentInfo") -> "ModelResponse":
        from pydantic_ai.messages import ModelResponse

        self.asked += 1
        self.prompts.append(_text_of(messages[-1]))
        number = sum(isinstance(message, ModelResponse) for message in messages)
        turn = self.turns[min(number, len(self.turns) - 1)]
        return ModelResponse(parts=_parts(turn, number, info))


def scripted(*turns: Turn | str | Mapping[str, Json] | Sequence[Call]) -> Script:
    """A script. A `str` is said, a mapping is the structured answer, a sequence of calls is made side by side.

    `Models(extra={"scripted": scripted([Call("log", {"message": "hi"})], "Done.")})` lets any step name the model
    `scripted`.
    """
    return Script(tuple(_turn(turn) for turn in turns))


def _turn(turn: Turn | str | Mapping[str, Json] | Sequence[Call]) -> Turn:
    if isinstance(turn, str):
        return Say(turn)
    if isinstance(turn, Mapping):
        return Answer(turn)
    if isinstance(turn, Say | Calls | Answer | Fail):
        return turn
    return Calls(tuple(turn))


def _parts(turn: Turn, number: int, info: "AgentInfo") -> "list[ModelResponsePart]":
    from pydantic_ai.messages import TextPart, ToolCallPart

    match turn:
        case Say(text):
            return [TextPart(text)]
        case Calls(calls):
            return [
                ToolCallPart(_alias(call.tool, info), dict(call.arguments), f"call_{number}_{place}")
                for place, call in enumerate(calls)
            ]
        case Answer(value):
            if not info.output_tools:
                return [TextPart(to_text(value))]
            output = info.output_tools[0]
            wrapped = (
                value if isinstance(value, Mapping) and not _wraps(output.parameters_json_schema) else {"value": value}
            )
            return [ToolCallPart(output.name, dict(wrapped), f"answer_{number}")]
        case Fail(kind, message, retry_after):
            raise StepFailed(kind, message, retry_after=retry_after)
        case _:
            assert_never(turn)


def _wraps(schema: Mapping[str, object]) -> bool:
    """Whether the schema is a lone `value`: the wrapper of an answer that is no object."""
    properties = schema.get("properties")
    return isinstance(properties, Mapping) and list(properties) == ["value"] and schema.get("required") == ["value"]


def _alias(tool: str, info: "AgentInfo") -> str:
    plain = re.sub(r"[^a-zA-Z0-9_-]", "_", tool)
    return next((one.name for one in info.function_tools if one.name.startswith(plain)), plain)


def _text_of(message: "ModelMessage") -> str:
    return "\n".join(str(getattr(part, "content", "")) for part in message.parts)
