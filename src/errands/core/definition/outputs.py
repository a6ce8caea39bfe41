"""What is known of a step's output before it runs: JSON Schemas, and how they combine."""

from collections.abc import Mapping, Sequence
from typing import Final

from errands.core.catalog import Surroundings
from errands.core.definition.steps import (
    AgentStep,
    ApproveStep,
    EventStep,
    FinishStep,
    ForEachStep,
    IfStep,
    NotifyStep,
    ParallelStep,
    RepeatStep,
    Step,
    SubtaskStep,
    SwitchStep,
    ToolStep,
    TransformStep,
    WaitStep,
)
from errands.core.values import Json, JsonObject

Shape = JsonObject | None
"""JSON Schema of a value. `None`: nothing is known of it."""

ERROR_SHAPE: Final[JsonObject] = {
    "type": "object",
    "properties": {
        "kind": {"type": "string"},
        "message": {"type": "string"},
        "hint": {"type": ["string", "null"]},
        "step": {"type": ["string", "null"]},
        "retry_after": {"type": ["number", "null"]},
        "detail": {},
    },
    "required": ["kind", "message", "hint", "step", "retry_after", "detail"],
    "additionalProperties": False,
}
"""The name `error`, as `StepError.as_json` writes it."""

RUN_SHAPE: Final[JsonObject] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "task": {"type": "string"},
        "project": {"type": "string"},
        "version": {"type": "integer"},
        "started_at": {"type": "string"},
        "starter": {"type": ["string", "null"]},
    },
    "required": ["id", "task", "project", "version", "started_at", "starter"],
    "additionalProperties": False,
}
"""The name `run`, as the engine puts it in scope."""


def leaf_shape(step: Step, surroundings: Surroundings) -> Shape:
    """The output of a step that holds no blocks, if nothing goes wrong."""
    match step:
        case ToolStep():
            tool = surroundings.tools.get(step.tool)
            return tool.output_schema if tool else None
        case AgentStep():
            return step.output if step.output is not None else {"type": "string"}
        case SubtaskStep():
            return _subtask_shape(step, surroundings)
        case ApproveStep():
            return _answer_shape(step)
        case WaitStep() | IfStep() | SwitchStep():
            return {"type": "null"}
        case TransformStep() | EventStep() | NotifyStep() | FinishStep():
            return None
        case ForEachStep() | RepeatStep() | ParallelStep():
            return None


def listed(item: Shape) -> JsonObject:
    """A list of such values."""
    return {"type": "array", "items": {} if item is None else item}


def keyed(members: Mapping[str, Shape]) -> JsonObject:
    """An object with exactly these members."""
    properties: dict[str, Json] = {name: {} if shape is None else shape for name, shape in members.items()}
    return {
        "type": "object",
        "properties": properties,
        "required": list(members),
        "additionalProperties": False,
    }


def nullable(shape: Shape) -> Shape:
    """Such a value, or null."""
    if shape is None or shape.get("type") == "null":
        return shape
    return {"anyOf": [shape, {"type": "null"}]}


def part_of(shape: Shape, keys: Sequence[str | int]) -> Shape:
    """What constant subscripts of such a value give."""
    for key in keys:
        if shape is None:
            return None
        below: Json = None
        if isinstance(key, str):
            properties = shape.get("properties")
            below = properties.get(key) if isinstance(properties, Mapping) else None
        elif "prefixItems" not in shape:
            below = shape.get("items")
        shape = below if isinstance(below, Mapping) and below and not _refers(below) else None
    return shape


def _refers(schema: Json) -> bool:
    """A `$ref` means nothing without the schema around it."""
    if isinstance(schema, Mapping):
        return "$ref" in schema or any(_refers(value) for value in schema.values())
    if isinstance(schema, Sequence) and not isinstance(schema, str):
        return any(_refers(item) for item in schema)
    return False


def _subtask_shape(step: SubtaskStep, surroundings: Surroundings) -> Shape:
    if not step.wait:
        return keyed({"run": {"type": "string"}})
    called = (surroundings.tasks or {}).get(step.task)
    return called.output_schema or None if called else None


def _answer_shape(step: ApproveStep) -> JsonObject:
    choice: JsonObject = {"type": "string", "enum": list(step.choices)}
    return keyed({"choice": choice, "form": step.form, "by": None, "at": {"type": "string"}})
