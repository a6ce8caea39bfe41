"""Pieces of the format's JSON Schema, drawn from the models: types and bounds from pydantic, words from docstrings."""

import ast
import inspect
import itertools
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Final, Literal, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import models_json_schema

from errands.core.definition.units import Duration, Size, show_duration
from errands.core.values import Json

Part = dict[str, Json]

STEPS: Final[Part] = {"$ref": "#/$defs/steps"}
EXPRESSION: Final[Part] = {"$ref": "#/$defs/expression"}
DURATION: Final[Part] = {"$ref": "#/$defs/duration"}
SIZE: Final[Part] = {"$ref": "#/$defs/size"}
SCHEMA: Final[Part] = {"$ref": "#/$defs/schema"}
_SCHEMAS: Final = frozenset(("output", "form", "payload"))
"""Fields of models that hold a JSON Schema, if they hold a mapping."""


def definitions(models: Iterable[type[BaseModel]]) -> dict[str, Part]:
    """Schemas of the small models (retry, cache, budget, ...) as the file writes them, by name."""
    listed = list(models)
    return {model.__name__: mapping_of(model) for model in listed}


def mapping_of(model: type[BaseModel], without: Sequence[str] = ()) -> Part:
    """A mapping with the model's fields as keys; nothing else is allowed in it."""
    properties = properties_of(model, without)
    required: list[Json] = [
        field.alias or name
        for name, field in model.model_fields.items()
        if field.is_required() and (field.alias or name) in properties
    ]
    part: Part = {"type": "object", "additionalProperties": False, "properties": properties}
    if model.__doc__:
        part["description"] = _in_file_words(model.__doc__)
    return part | ({"required": required} if required else {})


def properties_of(model: type[BaseModel], without: Sequence[str] = ()) -> dict[str, Json]:
    """The schema of each of the model's fields, under its name in the file."""
    raw = _raw_schemas(model)
    words = field_words(model)
    found: dict[str, Json] = {}
    for name, field in model.model_fields.items():
        shown = field.alias or name
        if shown in without or name in without:
            continue
        part = _field_part(name, field, cast(Part, raw[shown]))
        found[shown] = part | ({"description": words[name]} if name in words else {})
    return found


@lru_cache(64)
def field_words(model: type[BaseModel]) -> Mapping[str, str]:
    """The docstring below each field, also of inherited ones. Empty where the source is not at hand."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if not (isinstance(one, type) and issubclass(one, BaseModel)) or one is BaseModel:
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(one)))
        except (OSError, TypeError, SyntaxError):
            continue
        body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
        for statement, following in itertools.pairwise(body):
            match statement, following:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = _in_file_words(text)
                case _:
                    pass
    return found


def _in_file_words(text: str) -> str:
    """A file has no None: what is None in a model is absent from it."""
    return " ".join(text.split()).replace("`None`:", "Absent:").replace("`None`", "absent")


@lru_cache(64)
def _raw_schemas(model: type[BaseModel]) -> Mapping[str, Json]:
    """What pydantic says of each field."""
    _, schema = models_json_schema([(model, "validation")], by_alias=True)
    return cast(Mapping[str, Json], schema["$defs"][model.__name__]["properties"])


def _field_part(name: str, field: FieldInfo, raw: Part) -> Part:
    default = field.default
    words = _words(field)
    if words and _has(field, timedelta):
        return {"anyOf": [dict(DURATION), {"enum": words}]}
    if _has(field, timedelta) or field.annotation is Duration:
        return DURATION | ({"default": show_duration(default)} if isinstance(default, timedelta) else {})
    if any(item in field.metadata for item in get_args(Size)[1:]) or _mentions_size(field):
        return dict(SIZE)
    if name in _SCHEMAS and _is_mapping(raw):
        return dict(SCHEMA)
    part = cast(Part, _cleaned(raw))
    if isinstance(default, bool | int | float | str) and default != "":
        part = part | {"default": default}
    return part


def _has(field: FieldInfo, wanted: type) -> bool:
    return field.annotation is wanted or wanted in _types_in(field.annotation)


def _words(field: FieldInfo) -> list[Json]:
    """Words that a field takes beside values of its type."""
    return [word for one in _types_in(field.annotation) if get_origin(one) is Literal for word in get_args(one)]


def _types_in(annotation: object) -> list[object]:
    return [annotation, *(found for part in get_args(annotation) for found in _types_in(part))]


def _mentions_size(field: FieldInfo) -> bool:
    return Size in _types_in(field.annotation)


def _is_mapping(raw: Part) -> bool:
    choices = raw.get("anyOf")
    listed = choices if isinstance(choices, list) else [raw]
    return any(isinstance(one, Mapping) and one.get("type") == "object" for one in listed)


def _cleaned(raw: Json) -> Json:
    """Without pydantic's titles, nulls and defaults, and with our own definition of a list of steps."""
    if isinstance(raw, list):
        return [_cleaned(item) for item in raw]
    if not isinstance(raw, Mapping):
        return raw
    if (
        raw.get("type") == "array"
        and isinstance(raw.get("items"), Mapping)
        and "discriminator" in cast(Part, raw["items"])
    ):
        return dict(STEPS)
    if raw.get("$ref") == "#/$defs/JsonValue":
        return {}
    kept = {key: _cleaned(value) for key, value in raw.items() if key not in ("title", "default", "propertyName")}
    choices = kept.get("anyOf")
    if isinstance(choices, list):
        real = [one for one in choices if one != {"type": "null"}]
        if len(real) == 1:
            rest = {key: value for key, value in kept.items() if key != "anyOf"}
            return rest | cast(Part, real[0])
        kept["anyOf"] = real
    return kept
