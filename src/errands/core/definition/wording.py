"""Validation errors of the models, in the words of somebody who writes a task file."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from errands.core.definition.nodes import Path
from errands.core.definition.rules import RuleCode
from errands.core.definition.steps import StepBase
from errands.core.values import Json

_EXPECTED = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "tuple": "a list",
    "list": "a list",
    "dict": "a mapping",
    "model": "a mapping",
    "time": "a duration such as 30s, 15m, 1h30m or 2d",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}


@dataclass(frozen=True, slots=True)
class Worded:
    """One finding about the value at `path`; `at_key` where the key itself is what is wrong."""

    path: Path
    message: str
    hint: str | None
    code: RuleCode
    at_key: bool = False
    expected: str | None = None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """`did you mean "x"?` for the nearest of the known words, if one is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else None


def one_of(words: Iterable[str], limit: int = 12) -> str:
    """`a, b or c`, cut where there are too many to read."""
    listed = list(words)
    if len(listed) > limit:
        return f"{', '.join(listed[:limit])} and {len(listed) - limit} more"
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} or {listed[-1]}" if listed else "nothing"


def suggest(word: str, known: Iterable[str]) -> str:
    """The nearest known word, or else all of them."""
    words = list(known)
    return did_you_mean(word, words) or (f"known here: {one_of(words)}" if words else "none is known here")


def shown(value: Json, limit: int = 60) -> str:
    """A value as a message shows it, cut to a sane length."""
    match value:
        case None:
            return "nothing (null)"
        case bool():
            return "true" if value else "false"
        case int() | float():
            text = str(value) if not isinstance(value, int) or abs(value) < 10**40 else "a very large number"
        case str():
            text = f'"{value}"'
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
    return text if len(text) <= limit else f"{text[: limit - 2]}…{text[-1]}"


def word_errors(errors: Sequence[ErrorDetails], model: type[BaseModel], raw: Mapping[str, object]) -> list[Worded]:
    """Every error as a finding, with paths inside `raw`. Errors about the members of one union become one finding."""
    findings: dict[Path, Worded] = {}
    for error in errors:
        if _of_another_member(error["loc"], raw):
            continue
        found = _word(error, model, raw)
        earlier = findings.get(found.path)
        if earlier is None:
            findings[found.path] = found
        elif earlier.expected and found.expected and found.expected not in earlier.expected:
            both = f"{earlier.expected} or {found.expected}"
            message = earlier.message.replace(earlier.expected, both)
            findings[found.path] = Worded(found.path, message, None, "wrong-type", expected=both)
    return list(findings.values())


def _word(error: ErrorDetails, model: type[BaseModel], raw: Mapping[str, object]) -> Worded:
    kind, context = error["type"], error.get("ctx", {})
    path = _file_path(error["loc"], raw, keep_last=kind in ("missing", "extra_forbidden"))
    name = next((part for part in reversed(path) if isinstance(part, str)), "value")
    given: Json = error["input"]
    if kind == "extra_forbidden":
        return unknown_key(path, field_names(_model_at(model, error["loc"][:-1])))
    if kind == "missing":
        return Worded(path, f"`{name}` is missing", f"add `{name}:`", "missing-key", at_key=True)
    if kind in ("literal_error", "enum"):
        choices = [choice.strip("'") for choice in str(context["expected"]).replace(" or ", ", ").split(", ")]
        hint = did_you_mean(str(given), choices)
        return Worded(path, f"`{name}` must be {one_of(choices, 24)}, not {shown(given)}", hint, "bad-choice")
    if kind in _BOUNDS:
        key, relation = _BOUNDS[kind]
        return Worded(path, f"`{name}` must be {relation} {context[key]}, not {shown(given)}", None, "out-of-range")
    if kind == "value_error":
        reason, _, hint = str(context["error"]).partition("; ")
        return Worded(path, f"`{name}`: {reason}", hint or None, "bad-value")
    expected = _EXPECTED.get(kind.split("_", maxsplit=1)[0])
    if expected is None:
        return Worded(path, f"`{name}`: {error['msg']}", None, "bad-value")
    return wrong_type(path, name, expected, given)


def wrong_type(path: Path, name: str, expected: str, given: Json) -> Worded:
    """A value of another type than the key takes."""
    hint = None
    if expected == "text" and isinstance(given, bool | int | float):
        hint = "put it in quotes"
    elif expected == "a list" and isinstance(given, str):
        hint = f"write [{given[:40]}]"
    elif expected == "a whole number" and isinstance(given, str) and "{{" in given:
        hint = "a template cannot stand here; write the number itself"
    return Worded(path, f"`{name}` must be {expected}, not {shown(given)}", hint, "wrong-type", expected=expected)


def unknown_key(path: Path, known: Iterable[str]) -> Worded:
    """A key that means nothing where it stands."""
    return Worded(path, f"unknown key `{path[-1]}`", suggest(str(path[-1]), known), "unknown-key", at_key=True)


def field_names(model: type[BaseModel] | None) -> list[str]:
    """The keys of a model as the file writes them."""
    if model is None:
        return []
    hidden = ("kind", "key") if issubclass(model, StepBase) else ("kind",)
    return [field.alias or name for name, field in model.model_fields.items() if name not in hidden]


def _file_path(location: tuple[int | str, ...], raw: object, *, keep_last: bool) -> Path:
    """The location without the names of union members, which are not in the file."""
    path: Path = ()
    for index, part in enumerate(location):
        below = _below(raw, part)
        if below is not _NOTHING:
            raw = below
        elif not (keep_last and index == len(location) - 1):
            continue
        path = (*path, part)
    return path


def _of_another_member(location: tuple[int | str, ...], raw: object) -> bool:
    """Whether an error is about the union member that the value was not meant to be."""
    for part in location:
        below = _below(raw, part)
        if below is _NOTHING and part == "str" and isinstance(raw, Mapping):
            return True
        raw = raw if below is _NOTHING else below
    return False


_NOTHING = object()


def _below(raw: object, part: int | str) -> object:
    """What stands at a key or index of a raw value."""
    if isinstance(raw, Mapping) and part in raw:
        found: object = raw[part]
        return found
    if isinstance(raw, list | tuple) and isinstance(part, int) and part < len(raw):
        item: object = raw[part]
        return item
    return _NOTHING


def _model_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model of the mapping at a location."""
    for part in location:
        by_key = {field.alias or name: field for name, field in model.model_fields.items()}
        if isinstance(part, str) and part in by_key:
            inner = _models_in(by_key[part].annotation)
            if not inner:
                return None
            model = inner[0]
    return model


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]
