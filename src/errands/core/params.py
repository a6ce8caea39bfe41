"""The inputs of a run: the schema that they make together, and arguments bound to it.

Defaults that hold expressions are computed elsewhere; here they are only told apart and put in.
"""

import contextlib
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from errands.core.definition.nodes import show_path
from errands.core.definition.task import ExpressionSource, LastRunSource, Param, ToolSource
from errands.core.definition.wording import one_of, shown
from errands.core.expressions.templates import TemplateInvalid, compile_expression, compile_template
from errands.core.json_schema import Misfit, compile_schema
from errands.core.values import Json, JsonObject, from_text

_TRUE = frozenset(("true", "yes", "on", "1"))
_FALSE = frozenset(("false", "no", "off", "0"))

Arguments = Mapping[str, Json]
"""Every param's value, in the order of the params."""


@dataclass(frozen=True, slots=True)
class ArgumentProblem:
    """One thing wrong with the arguments of a run."""

    path: str
    """Such as `limit` or `filter.days[0]`."""
    message: str
    hint: str | None = None


class ArgumentsInvalid(Exception):
    """Arguments were refused. Carries every problem; no run was made."""

    def __init__(self, problems: list[ArgumentProblem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


def arguments_schema(params: Sequence[Param]) -> JsonObject:
    """JSON Schema of the arguments as a caller may give them. Defaults that are literals are in it; a form draws it."""
    properties: dict[str, Json] = {}
    for param in params:
        schema: dict[str, Json] = dict(param.schema_)
        if param.has_default and is_literal(param.default):
            schema["default"] = param.default
        properties[param.name] = schema
    required: list[Json] = [param.name for param in params if param.required]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def bind(params: Sequence[Param], given: JsonObject, defaults: Mapping[str, Json] | None = None) -> Arguments:
    """The arguments of a run: what was given, else `defaults` (computed ones), else literal defaults.

    Raises ArgumentsInvalid with every problem: unknown, missing, wrong type, format, choice or range.
    """
    known = {param.name: param for param in params}
    problems = [_unknown(name, known) for name in given if name not in known]
    arguments: dict[str, Json] = {}
    for param in params:
        if param.name in given:
            arguments[param.name] = given[param.name]
        elif defaults is not None and param.name in defaults:
            arguments[param.name] = defaults[param.name]
        elif param.has_default and is_literal(param.default):
            arguments[param.name] = param.default
        else:
            problems.append(_missing(param))
            continue
        problems += _misfits(param, arguments[param.name], computed=param.name not in given)
    if problems:
        raise ArgumentsInvalid(problems)
    return arguments


def check_given(params: Sequence[Param], given: JsonObject) -> None:
    """Refuse wrong arguments before any default is computed from them. Raises ArgumentsInvalid."""
    open_ended: dict[str, object] = {"has_default": True, "default": None, "source": None, "schema_": {}}
    bind(
        [param if param.required or param.name in given else param.model_copy(update=open_ended) for param in params],
        given,
    )


def template_defaults(params: Sequence[Param]) -> list[Param]:
    """The params whose value must be computed when a run starts (an expression in `default`, or `from`).

    Each stands after those that its expressions use, as far as they do not go in a circle.
    """
    dynamic = {param.name: param for param in params if param.source is not None or not is_literal(param.default)}
    done: dict[str, Param] = {}
    waiting = list(dynamic.values())
    while waiting:
        ready = [one for one in waiting if not ((default_names(one) & dynamic.keys()) - done.keys() - {one.name})]
        for param in ready or waiting:
            done[param.name] = param
        waiting = [param for param in waiting if param.name not in done]
    return list(done.values())


def default_names(param: Param) -> frozenset[str]:
    """The names that a param's computed value reads. An expression that does not parse reads none."""
    try:
        names = compile_template(param.default).free if param.has_default else frozenset()
        match param.source:
            case None:
                return names
            case ToolSource():
                return names | compile_template(param.source.with_).free | compile_expression(param.source.value).free
            case LastRunSource() | ExpressionSource():
                return names | compile_expression(param.source.expression).free
    except TemplateInvalid:
        return frozenset()


def takes_file(param: Param) -> bool:
    """Whether the argument is a file (or several): `{type: string, format: file}`, or a list of these.

    The value that steps see is the file's path in the run's workspace.
    """
    return _is_file(param.schema_) or several_files(param)


def several_files(param: Param) -> bool:
    """Whether the argument is a list of files."""
    items = param.schema_.get("items")
    return "array" in _types(param.schema_) and isinstance(items, Mapping) and _is_file(items)


def _is_file(schema: JsonObject) -> bool:
    return schema.get("format") == "file" and "string" in _types(schema)


def coerce_text(params: Sequence[Param], name: str, text: str) -> Json:
    """What `-p name=text` on a command line means, by the param's schema: `5` is a number where one is wanted.

    A text that cannot be what the schema wants comes back as it is, so that `bind` says what is wrong with it.
    Raises ArgumentsInvalid for a name that is no param.
    """
    param = next((param for param in params if param.name == name), None)
    if param is None:
        raise ArgumentsInvalid([_unknown(name, {param.name: param for param in params})])
    fit = compile_schema(param.schema_)
    types = _types(param.schema_)
    readings = _readings(text)
    if "string" in types:
        readings = [text, *readings]
    elif not types:
        readings = [_scalar(text), text]
    return next((value for value in readings if fit.fits(value)), text)


def is_literal(value: Json) -> bool:
    """Whether a value holds no expression."""
    try:
        return compile_template(value).literal
    except TemplateInvalid:
        return False


def _readings(text: str) -> list[Json]:
    """What a text could stand for, the likeliest first."""
    found: list[Json] = []
    word = text.strip().lower()
    with contextlib.suppress(ValueError):
        found.append(from_text(text))
    if word in _TRUE | _FALSE:
        found.append(word in _TRUE)
    if word == "":
        found.append(None)
    if not text.lstrip().startswith(("[", "{")):
        parts = [part.strip() for part in text.split(",")] if text.strip() else []
        found.append([_scalar(part) for part in parts])
        found.append(list(parts))
    return [*found, text]


def _scalar(text: str) -> Json:
    try:
        return from_text(text)
    except ValueError:
        return text


def _types(schema: Mapping[str, Json]) -> set[str]:
    declared = schema.get("type")
    if isinstance(declared, str):
        return {declared}
    if isinstance(declared, Sequence):
        return {str(one) for one in declared}
    return {"string"} if "enum" not in schema and "format" in schema else set()


def _misfits(param: Param, value: Json, *, computed: bool) -> list[ArgumentProblem]:
    misfits = compile_schema(param.schema_).misfits(value, subject=f"`{param.name}`")
    return [_worded(param, misfit, computed=computed) for misfit in misfits]


def _worded(param: Param, misfit: Misfit, *, computed: bool) -> ArgumentProblem:
    hint = misfit.hint
    if computed:
        hint = "its default was computed so; give the argument, or mend the default in the task"
    elif hint is None and isinstance(param.schema_.get("description"), str):
        hint = f"{param.name}: {param.schema_['description']}"
    return ArgumentProblem(show_path((param.name, *misfit.path)), misfit.message, hint)


def _missing(param: Param) -> ArgumentProblem:
    choices = param.schema_.get("enum")
    described = param.schema_.get("description")
    hint = str(described) if isinstance(described, str) else None
    if isinstance(choices, Sequence) and not isinstance(choices, str):
        texts = [one if isinstance(one, str) else shown(one) for one in choices]
        hint = f"{hint or 'give one of'}: {one_of(texts)}"
    return ArgumentProblem(param.name, f"`{param.name}` is missing", hint or f"give a value for `{param.name}`")


def _unknown(name: str, known: Mapping[str, Param]) -> ArgumentProblem:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    declared = f"the task takes {one_of(known)}" if known else "the task takes no arguments"
    hint = f'did you mean "{near[0]}"?' if near else declared
    return ArgumentProblem(name, f"the task has no param `{name}`", hint)
