"""JSON Schema (2020-12), the safe way: nothing is fetched, formats count, and errors are plain words.

One module stands between us and jsonschema-rs, because its defaults fetch `$ref`s from the network and from disk.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NoReturn, cast

import jsonschema_rs
from jsonschema_rs import ValidationErrorKind as Kind

from errands.core.definition.nodes import Path
from errands.core.definition.wording import did_you_mean, one_of, shown
from errands.core.values import Json, JsonObject, from_text, to_text

_TYPES: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}
_FORMATS: Final = {
    "date": "a date such as 2026-12-24",
    "time": "a time with an offset such as 09:30:00Z",
    "date-time": "a moment such as 2026-12-24T09:30:00Z",
    "duration": "an ISO 8601 duration such as P1D or PT2H",
    "email": "a mail address such as ana@example.com",
    "uri": "an address such as https://example.com/page",
    "uuid": "a UUID",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "hostname": "a host name",
    "regex": "a regular expression",
}
_MOST_ERRORS: Final = 50
_DEEPEST: Final = 64


class SchemaInvalid(Exception):
    """A schema that is none. `path` leads to the part at fault, as far as it is known."""

    def __init__(self, message: str, hint: str | None = None, path: Path = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.path = path


@dataclass(frozen=True, slots=True)
class Misfit:
    """One way in which a value does not fit a schema."""

    path: Path
    """Where in the value. For an unknown or missing key the path ends with that key."""
    message: str
    hint: str | None
    keyword: str
    """The JSON Schema keyword that it breaks, such as `enum`."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A compiled schema."""

    schema: JsonObject
    _validator: jsonschema_rs.Validator

    def misfits(self, value: Json, *, subject: str = "the value") -> list[Misfit]:
        """Every way in which the value does not fit, at most fifty. `subject` names the whole value in messages."""
        found: list[Misfit] = []
        for error in self._validator.iter_errors(value):
            found += _word(error, self.schema, subject)
            if len(found) >= _MOST_ERRORS:
                break
        return found

    def fits(self, value: Json) -> bool:
        """Whether the value fits."""
        return self._validator.is_valid(value)


def compile_schema(schema: Json) -> Fit:
    """The schema, ready to judge values. Raises SchemaInvalid: not a JSON Schema, or it refers to somewhere outside."""
    if isinstance(schema, bool):
        schema = {} if schema else {"not": {}}
    if not isinstance(schema, Mapping):
        raise SchemaInvalid(f"a JSON Schema is a mapping, not {shown(schema)}", "write {type: string}, for example")
    _refuse_outside(schema, (), 0)
    try:
        return _compile(to_text(schema))
    except ValueError as error:
        raise _schema_invalid(error) from None


@lru_cache(1024)
def _compile(text: str) -> Fit:
    schema = cast(dict[str, Json], from_text(text))
    options = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000)
    validator = jsonschema_rs.validator_for(schema, validate_formats=True, retriever=_refuse, pattern_options=options)
    return Fit(schema, validator)


def _refuse(uri: str) -> NoReturn:
    raise ValueError(f"{uri} is outside this file")


def _refuse_outside(schema: Json, path: Path, depth: int) -> None:
    """A `$ref` may only point into its own schema, and nobody may choose another dialect."""
    if depth > _DEEPEST:
        raise SchemaInvalid(f"the schema is nested deeper than {_DEEPEST} levels", "use $defs and $ref", path)
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            here = (*path, key)
            if key in ("$ref", "$dynamicRef") and isinstance(value, str) and not value.startswith("#"):
                hint = "put the schema under $defs and refer to it as #/$defs/name"
                raise SchemaInvalid(f"`{key}` points to {shown(value)}, outside this schema", hint, here)
            if key == "$schema" and isinstance(value, str) and "json-schema.org/draft" not in value:
                raise SchemaInvalid(f"the dialect {shown(value)} is not known", "remove `$schema`", here)
            _refuse_outside(value, here, depth + 1)
    elif isinstance(schema, Sequence) and not isinstance(schema, str):
        for index, item in enumerate(schema):
            _refuse_outside(item, (*path, index), depth + 1)


def _schema_invalid(error: ValueError) -> SchemaInvalid:
    if not isinstance(error, jsonschema_rs.ValidationError):
        return SchemaInvalid(f"this is no JSON Schema: {str(error)[:200]}")
    path = tuple(error.instance_path)
    name = next((part for part in reversed(path) if isinstance(part, str)), None)
    given = cast(Json, error.instance)
    if name == "type" and isinstance(given, str):
        hint = did_you_mean(given, _TYPES) or f"write one of {one_of(_TYPES)}"
        return SchemaInvalid(f"`type` cannot be {shown(given)}", hint, path)
    if isinstance(error.kind, Kind.Referencing):
        return SchemaInvalid(f"a `$ref` leads nowhere: {error.message[:200]}", "define it under $defs", path)
    misfit = next(iter(_word(error, {}, "the schema")), None)
    reason = misfit.message if misfit else error.message[:200]
    return SchemaInvalid(reason, misfit.hint if misfit else None, path)


def _word(error: jsonschema_rs.ValidationError, schema: JsonObject, subject: str) -> Iterator[Misfit]:
    """An error in plain words; one for each unknown key."""
    path = tuple(error.instance_path)
    name = f"`{_last_key(path)}`" if path else subject
    keyword = error.kind.name
    match error.kind:
        case Kind.AdditionalProperties(unexpected=keys) | Kind.UnevaluatedProperties(unexpected=keys):
            known = _known_keys(schema, tuple(error.schema_path)[:-1])
            for key in keys:
                hint = did_you_mean(key, known) or (f"known here: {one_of(known)}" if known else "remove it")
                yield Misfit((*path, key), f"unknown key `{key}`", hint, keyword)
        case Kind.Required(property=key):
            yield Misfit((*path, key), f"`{key}` is missing", f"add `{key}`", keyword)
        case Kind.AnyOf(context=branches) | Kind.OneOfNotValid(context=branches):
            yield Misfit(path, *_word_branches(branches, name, cast(Json, error.instance)), keyword)
        case _:
            yield Misfit(path, *_word_simple(error, name), keyword)


def _word_simple(error: jsonschema_rs.ValidationError, name: str) -> tuple[str, str | None]:
    """Message and hint of an error about one value."""
    given = cast(Json, error.instance)
    value, size = shown(given), len(given) if isinstance(given, Sequence | Mapping) else 0
    match error.kind:
        case Kind.Type(types=types):
            return f"{name} must be {one_of([_TYPES.get(one, one) for one in types])}, not {value}", _retype(
                given, types
            )
        case Kind.Enum(options=options):
            texts = [str(one) if isinstance(one, str) else shown(cast(Json, one)) for one in options]
            hint = did_you_mean(given, texts) if isinstance(given, str) else None
            return f"{name} must be {one_of(texts)}, not {value}", hint
        case Kind.Constant(expected_value=wanted):
            return f"{name} must be {shown(cast(Json, wanted))}, not {value}", None
        case Kind.Format(format=wanted):
            return f"{name} must be {_FORMATS.get(wanted, f'a {wanted}')}, not {value}", None
        case Kind.Minimum(limit=limit):
            return f"{name} must be at least {limit}, not {value}", None
        case Kind.Maximum(limit=limit):
            return f"{name} must be at most {limit}, not {value}", None
        case Kind.ExclusiveMinimum(limit=limit):
            return f"{name} must be more than {limit}, not {value}", None
        case Kind.ExclusiveMaximum(limit=limit):
            return f"{name} must be less than {limit}, not {value}", None
        case Kind.MultipleOf(multiple_of=step):
            return f"{name} must be a multiple of {step}, not {value}", None
        case Kind.MinLength(limit=length):
            return f"{name} must have at least {length} characters, not {size}", None
        case Kind.MaxLength(limit=length):
            return f"{name} must have at most {length} characters, not {size}", None
        case Kind.MinItems(limit=length):
            return f"{name} must have at least {length} items, not {size}", None
        case Kind.MaxItems(limit=length):
            return f"{name} must have at most {length} items, not {size}", None
        case Kind.UniqueItems():
            return f"{name} holds the same item twice", "remove one of them"
        case Kind.Pattern(pattern=pattern):
            return f"{name} must match the pattern {pattern[:80]}, but is {value}", None
        case Kind.FalseSchema():
            return f"{name} is not allowed", "remove it"
        case _:
            return f"{name}: {error.message[:200]}", None


def _word_branches(
    branches: Sequence[Sequence[jsonschema_rs.ValidationError]], name: str, given: Json
) -> tuple[str, str | None]:
    """What a value could have been. If only types were wrong, the types; else what the nearest branch says."""
    flat = [error for branch in branches for error in branch]
    if flat and all(isinstance(error.kind, Kind.Type) and not error.instance_path for error in flat):
        kinds = [one for error in flat if isinstance(error.kind, Kind.Type) for one in error.kind.types]
        return (
            f"{name} must be {one_of(dict.fromkeys(_TYPES.get(one, one) for one in kinds))}, not {shown(given)}",
            None,
        )
    meant = [branch for branch in branches if not any(isinstance(error.kind, Kind.Type) for error in branch)]
    nearest = min(meant or branches, key=len, default=())
    first = next((misfit for error in nearest for misfit in _word(error, {}, name)), None)
    if first is None:
        return f"{name} fits none of the allowed forms, being {shown(given)}", None
    return first.message, first.hint


def _known_keys(schema: JsonObject, path: tuple[str | int, ...]) -> list[str]:
    """The properties beside the keyword at a path of the schema. A path through a `$ref` is not followed."""
    node: Json = schema
    for part in path:
        if isinstance(node, Mapping) and isinstance(part, str):
            node = node.get(part)
        elif isinstance(node, Sequence) and not isinstance(node, str) and isinstance(part, int) and part < len(node):
            node = node[part]
        else:
            return []
    properties = node.get("properties") if isinstance(node, Mapping) else None
    return list(properties) if isinstance(properties, Mapping) else []


def _last_key(path: Path) -> str:
    """`limit`, `items[2]`."""
    tail = ""
    for part in reversed(path):
        if isinstance(part, str):
            return part + tail
        tail = f"[{part}]{tail}"
    return tail


def _retype(given: Json, types: Sequence[str]) -> str | None:
    """How a value of the wrong type may have been meant."""
    if isinstance(given, str) and _reads_as(given, types):
        return "write it without quotes"
    if isinstance(given, str) and "array" in types:
        return f"write [{given[:40]}]"
    if isinstance(given, bool | int | float) and "string" in types:
        return "put it in quotes"
    return None


def _reads_as(text: str, types: Sequence[str]) -> bool:
    """Whether the text is what another type's value looks like."""
    try:
        value = from_text(text)
    except ValueError:
        return False
    return (isinstance(value, bool) and "boolean" in types) or (
        isinstance(value, int | float) and not isinstance(value, bool) and bool({"integer", "number"} & set(types))
    )
