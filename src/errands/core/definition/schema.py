"""The JSON Schema of the file format, for completion and first checks in editors (`errands schema`).

It describes what stands in a file, not the models: a step's kind is told by its keys. Whatever it accepts is still
checked by `checks.py`, which knows more.
"""

import re
from functools import cache
from typing import Final

from errands.core.definition.agents import AgentDefinition, Example, ModelDefinition, Price, Rate
from errands.core.definition.alarms import AlarmRules, LongRun
from errands.core.definition.policies import (
    Budget,
    BudgetAmounts,
    Cache,
    Grants,
    Limits,
    Retry,
    ToolGrant,
)
from errands.core.definition.reading_steps import COMMON_KEYS, MAX_STEPS, NESTED, STEP_CLASSES
from errands.core.definition.reading_task import EXPECT_KEYS, TRIGGER_CLASSES
from errands.core.definition.schema_parts import (
    EXPRESSION,
    STEPS,
    Part,
    definitions,
    field_words,
    mapping_of,
    properties_of,
)
from errands.core.definition.schema_schedule import SCHEDULE
from errands.core.definition.steps import ApprovalTimeout, Escalation
from errands.core.definition.task import Expectation, TaskDefinition, TaskTest
from errands.core.definition.triggers import Email, Event, Signature, Webhook
from errands.core.outcomes import ErrorKind
from errands.core.values import Json, JsonObject

FORMAT_ID: Final = "https://errands.example/schema/v1.json"
_DURATION_PATTERN: Final = r"^( *\d+(\.\d+)? *(ms|s|m|h|d|w))+ *$"
_SIZE_PATTERN: Final = r"^ *\d+(\.\d+)? *(B|KB|MB|GB|KiB|MiB|GiB) *$"
_REMARK: Final = re.compile(r" \(`(key|timeout):`[^)]*\)")
_EXPRESSIONS: Final = frozenset(("when", "if", "switch", "for_each", "until", "python"))


@cache
def format_schema() -> JsonObject:
    """JSON Schema (2020-12) of task, agent and model files."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": FORMAT_ID,
        "title": "Errands file",
        "description": "A task (`task:`), an agent (`agent:`) or a model (`model:`).",
        "type": "object",
        "if": {"required": ["task"]},
        "then": {"$ref": "#/$defs/task"},
        "else": {
            "if": {"required": ["agent"]},
            "then": {"$ref": "#/$defs/AgentDefinition"},
            "else": {"$ref": "#/$defs/ModelDefinition"},
        },
        "$defs": _definitions(),
    }


def _definitions() -> dict[str, Json]:
    small = definitions(
        (
            AgentDefinition,
            AlarmRules,
            ApprovalTimeout,
            Budget,
            BudgetAmounts,
            Cache,
            Email,
            Escalation,
            Event,
            Grants,
            Limits,
            LongRun,
            ModelDefinition,
            Price,
            Rate,
            Example,
            Retry,
            Signature,
            ToolGrant,
            Webhook,
        )
    )
    return {
        "task": _task(),
        "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}, "maxItems": MAX_STEPS},
        "step": {
            "type": "object",
            "oneOf": [{"$ref": f"#/$defs/step-{kind}"} for kind in STEP_CLASSES],
            "description": "One instruction. The key that it carries tells what it does.",
        },
        **{f"step-{kind}": _step(kind) for kind in STEP_CLASSES},
        "param": _param(),
        "trigger": {"type": "object", "oneOf": [_trigger(kind) for kind in TRIGGER_CLASSES]},
        "test": _test(),
        "duration": {"type": "string", "pattern": _DURATION_PATTERN, "examples": ["30s", "15m", "1h30m", "2d"]},
        "size": {
            "anyOf": [{"type": "string", "pattern": _SIZE_PATTERN}, {"type": "integer", "minimum": 0}],
            "examples": ["64KiB", "512MiB"],
        },
        "expression": {"type": ["string", "boolean", "number"], "description": "A Python expression, without {{ }}."},
        "schema": {"type": "object", "description": "A JSON Schema."},
        "ErrorKind": {"enum": [kind.value for kind in ErrorKind]},
        **small,
    }


def _task() -> Part:
    own = properties_of(TaskDefinition, ("has_output", "params", "triggers", "tests", "steps", "on_error", "finally"))
    words = field_words(TaskDefinition)
    own["task"] = {"type": "string", "pattern": "^[a-z][a-z0-9-]*$", "description": words["task"]}
    own["description"] = {"type": "string", "description": "What the task does, in a sentence."}
    names: Part = {"pattern": "^[a-z][a-z0-9_]*$"}
    own["params"] = {
        "type": "object",
        "propertyNames": names,
        "additionalProperties": {"$ref": "#/$defs/param"},
        "description": "Declared inputs, by name.",
    }
    own["steps"] = STEPS | {"minItems": 1, "description": "What a run does, in order."}
    own["on_error"] = STEPS | {"description": words["on_error"]}
    own["finally"] = STEPS | {"description": words["finally_"]}
    own["triggers"] = _list("trigger", "What starts runs, beside people.")
    own["tests"] = _list("test", "Dry runs with stubs, and what must come of them.")
    return {
        "type": "object",
        "description": "A task: named automation in a project.",
        "properties": own,
        "required": ["task", "description", "steps"],
        "additionalProperties": False,
    }


def _step(kind: str) -> Part:
    """A step of one kind, told by the key that it requires."""
    model = STEP_CLASSES[kind]
    part = mapping_of(model, ("key", "kind"))
    own = part["properties"]
    assert isinstance(own, dict)
    if kind in NESTED:
        below = {name: _described(own[field]) for name, field in NESTED[kind].items()}
        common = properties_of(model.__mro__[1], ("key",))
        own = {kind: _nested(kind, below, model.__doc__ or ""), **common}
    for key in _EXPRESSIONS & own.keys():
        own[key] = _as_expression(own[key])
    needed = {"if": ["if", "then"], "switch": ["switch", "cases"], "repeat": ["repeat", "until", "max"]}
    required: list[Json] = [*needed.get(kind, [kind, "do"] if kind == "for_each" else [kind])]
    ordered = {kind: own[kind], **{key: value for key, value in own.items() if key not in (kind, *COMMON_KEYS)}}
    return part | {"properties": ordered | {key: own[key] for key in COMMON_KEYS}, "required": required}


def _nested(kind: str, below: Part, words: str) -> Part:
    """The mapping below a kind's key, where the kind has one."""
    needed = {"wait": ["until"], "wait_for": ["event"], "approve": ["question"], "notify": ["to", "body"]}
    required: list[Json] = [*needed.get(kind, [])]
    part: Part = {"type": "object", "properties": below, "additionalProperties": False, "required": required}
    if kind == "wait":
        return {"anyOf": [{"type": "string", "examples": ["2h"]}, part], "description": words}
    if kind == "finish":
        return {"anyOf": [part, {"type": "null"}], "description": words}
    return part | {"description": words}


def _described(part: Json) -> Json:
    """Without the remark that tells how the file's name differs from the model's."""
    words = part.get("description") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(words, str):
        return part
    return part | {"description": _REMARK.sub("", words)}


def _as_expression(part: Json) -> Json:
    words = part.get("description") if isinstance(part, dict) else None
    return EXPRESSION | ({"description": words} if words else {})


def _param() -> Part:
    """A JSON Schema with three keys of ours beside its own."""
    template: Part = {"description": "Taken if no argument is given; a template. Without it the param is required."}
    types: Part = {"enum": ["string", "integer", "number", "boolean", "array", "object", "null"]}
    number: Part = {"type": "number"}
    count: Part = {"type": "integer", "minimum": 0}
    return {
        "type": "object",
        "description": "A JSON Schema of the argument, and where its value comes from if none is given.",
        "properties": {
            "type": _worded("What kind of value it is.", {"anyOf": [types, {"type": "array", "items": types}]}),
            "description": _worded("What it means, for whoever fills in the form.", {"type": "string"}),
            "title": _worded("How a form calls it.", {"type": "string"}),
            "enum": _worded("The only values.", {"type": "array", "minItems": 1}),
            "format": _worded(
                "What kind of text; `file` takes a file.",
                {"type": "string", "examples": ["date", "date-time", "email", "uri", "textarea", "file"]},
            ),
            "minimum": _worded("Least number.", number),
            "maximum": _worded("Greatest number.", number),
            "minLength": _worded("Least length of a text.", count),
            "maxLength": _worded("Greatest length of a text.", count),
            "pattern": _worded("Regular expression that a text must match.", {"type": "string", "format": "regex"}),
            "items": _worded("Schema of each item of a list.", {"type": ["object", "boolean"]}),
            "properties": _worded("Schema of each key of an object.", {"type": "object"}),
            "required": _worded("Keys that an object must have.", {"type": "array", "items": {"type": "string"}}),
            "default": template,
            "from": _worded(
                "Where the value comes from if no argument is given, instead of `default`.",
                {"oneOf": [_source("last_run"), _source("tool"), _source("expression")]},
            ),
            "options": _source("tool") | {"description": "Choices that a form offers, drawn from a tool."},
        },
        "not": {"required": ["default", "from"]},
    }


def _worded(words: str, part: Part) -> Part:
    return part | {"description": words}


def _source(kind: str) -> Part:
    properties: dict[str, Json] = {
        "last_run": {
            "last_run": EXPRESSION | {"description": "Over `output` and `arguments` of the last succeeded run."},
            "else": {"description": "Taken where there is no such run."},
        },
        "tool": {
            "tool": {"type": "string"},
            "with": {"type": "object"},
            "value": EXPRESSION | {"description": "Over `result`, the tool's output."},
        },
        "expression": {"expression": EXPRESSION | {"description": "Over the other params, `now` and `state`."}},
    }
    return {"type": "object", "properties": properties[kind], "required": [kind], "additionalProperties": False}


def _trigger(kind: str) -> Part:
    part = mapping_of(TRIGGER_CLASSES[kind], ("kind",))
    own = part["properties"]
    assert isinstance(own, dict)
    if kind == "schedule":
        own["schedule"] = SCHEDULE
    own["id"] = {"type": "string", "pattern": "^[a-z][a-z0-9_-]*$", "description": "Name, unique in the task."}
    return part


def _test() -> Part:
    part = mapping_of(TaskTest)
    own = part["properties"]
    assert isinstance(own, dict)
    expect = properties_of(Expectation, ("has_output",))
    own["expect"] = {
        "type": "object",
        "properties": {key: expect[key] for key in EXPECT_KEYS},
        "additionalProperties": False,
        "description": "What must come of the run; what is absent is not compared.",
    }
    return part


def _list(name: str, words: str) -> Part:
    return {"type": "array", "items": {"$ref": f"#/$defs/{name}"}, "description": words}
