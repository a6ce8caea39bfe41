"""What counts as an agent's answer, text or an object that fits a schema, and what a model is told that misses it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import jsonschema_rs
from pydantic import TypeAdapter, ValidationError
from pydantic_ai import StructuredDict
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import InstructionPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.tools import ToolDefinition
from pydantic_core import ErrorDetails, SchemaValidator, core_schema

from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.values import Json, JsonObject, JsonValue

ANSWER_TOOL = "final_result"
"""The tool by which a model gives an answer that is no text."""
_OBJECT = SchemaValidator(core_schema.dict_schema(core_schema.str_schema(), core_schema.any_schema()))
_FENCED = re.compile(r"```\w*\s+(\{.*?\})\s*(?:```|\Z)", re.DOTALL)
"""An object as models like to dress it up in text."""
_PROBLEMS_TOLD = 5
_WRAPPED = "value"
"""Models answer with objects; any other type is wrapped under this key."""


@dataclass(frozen=True, slots=True)
class Fits:
    """What a model gave, read."""

    value: Json


@dataclass(frozen=True, slots=True)
class Misses:
    """Why what a model gave cannot be used, in the form in which the model is told."""

    told: str | list[ErrorDetails]
    cause: Literal["validation_error", "model_retry", "unknown_tool", "no_output"]


class Answers(Protocol):
    """The kind of answer that a step asks for."""

    by_tool: bool
    """It may be given by a call of `ANSWER_TOOL`."""

    def asked(self, tools: list[ToolDefinition], instructions: str) -> ModelRequestParameters:
        """What goes along with each request."""
        ...

    def take(self, given: str | Mapping[str, Any] | None) -> Fits | Misses:
        """The answer that a text, or the arguments of the call, hold."""
        ...


class TextAnswers:
    """Whatever a model says, unless it calls a tool."""

    by_tool = False

    def asked(self, tools: list[ToolDefinition], instructions: str) -> ModelRequestParameters:
        return ModelRequestParameters(function_tools=tools, instruction_parts=_parts(instructions))

    def take(self, given: str | Mapping[str, Any] | None) -> Fits | Misses:
        return Fits(given)


class ObjectAnswers:
    """An object that fits a JSON Schema, by tool or, where a model does it so, as JSON in its text."""

    by_tool = True

    def __init__(self, schema: JsonObject) -> None:
        """Raises StepFailed (input) for a schema that is none, or that cannot be given to a model."""
        self._bare = schema.get("type") == "object"
        schema = schema if self._bare else _wrapped(schema)
        try:
            self._validator = jsonschema_rs.validator_for(
                dict(schema), validate_formats=True, retriever=_refuse_reference
            )
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            raise StepFailed(
                ErrorKind.INPUT, f"the output schema is not a valid JSON Schema: {error}", hint="mend `output:`"
            ) from error
        self._given = _given_to_models(schema)

    def asked(self, tools: list[ToolDefinition], instructions: str) -> ModelRequestParameters:
        schema = dict(self._given)
        description = schema.pop("description", None)
        answer = ToolDefinition(
            name=ANSWER_TOOL,
            description=description or "The final response which ends this conversation",
            parameters_json_schema=schema,
            kind="output",
        )
        return ModelRequestParameters(
            function_tools=tools,
            output_mode="auto",
            output_tools=[answer],
            output_object=OutputObjectDefinition(schema, name="answer", description=description),
            instruction_parts=_parts(instructions),
        )

    def take(self, given: str | Mapping[str, Any] | None) -> Fits | Misses:
        read = object_of(_undressed(given) if isinstance(given, str) else given)
        if isinstance(read, Misses):
            return read
        problems = [
            f"{'/'.join(str(key) for key in problem.instance_path) or 'the answer'}: {problem.message}"
            for problem, _ in zip(self._validator.iter_errors(read.value), range(_PROBLEMS_TOLD), strict=False)
        ]
        if problems:
            return Misses("The answer does not fit the schema. " + "; ".join(problems), "model_retry")
        return read if self._bare or not isinstance(read.value, Mapping) else Fits(read.value[_WRAPPED])


def answers_of(schema: JsonObject | None) -> Answers:
    """The kind of answer that fits `schema`; `None`: text. Raises StepFailed (input) for one that cannot be used."""
    return TextAnswers() if schema is None else ObjectAnswers(schema)


def object_of(given: str | Mapping[str, Any] | None) -> Fits | Misses:
    """The arguments of a call, which come as JSON text or read already. No arguments are an empty object."""
    try:
        if isinstance(given, str):
            return Fits(_OBJECT.validate_json(given or "{}"))
        return Fits(_OBJECT.validate_python(given or {}))
    except ValidationError as error:
        return Misses(error.errors(include_url=False, include_context=False), "validation_error")


def _given_to_models(schema: JsonObject) -> dict[str, Any]:
    """The schema without references, which not every provider follows."""
    try:
        return TypeAdapter(StructuredDict(dict(schema), name="answer")).json_schema()
    except UserError as error:
        raise StepFailed(
            ErrorKind.INPUT, f"the output schema cannot be given to a model: {error}", hint="avoid recursive $ref"
        ) from error


def _wrapped(schema: JsonObject) -> JsonObject:
    """An object with the schema under one key; what references point to stays at the root."""
    shared = {key: schema[key] for key in ("$defs", "definitions") if key in schema}
    inner = {key: value for key, value in schema.items() if key not in shared}
    return {"type": "object", "properties": {_WRAPPED: inner}, "required": [_WRAPPED], **shared}


def _undressed(text: str) -> str:
    found = None if text.startswith("{") else _FENCED.search(text)
    return text if found is None else found.group(1)


def _parts(instructions: str) -> list[InstructionPart] | None:
    return [InstructionPart(content=instructions)] if instructions else None


def _refuse_reference(uri: str) -> JsonValue:
    raise ValueError(f"a reference to {uri} is not followed")
