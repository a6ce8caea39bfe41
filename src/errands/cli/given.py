"""Reads what a caller gives on the command line: arguments, stubs, payloads, files, moments.

Everything that is wrong with it raises `BadInput`, which says what was given and what would be right.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from errands.core.definition.units import parse_duration
from errands.core.values import Json, JsonObject, from_text

_MAX_FILE_BYTES = 50 * 2**20


class BadInput(Exception):
    """What was typed cannot be used. Carries a hint for the next try."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def named_values(pairs: Sequence[str], schemas: Mapping[str, JsonObject] | None = None) -> dict[str, Json]:
    """`name=value` pairs. A value is read by its schema where there is one, else as JSON if it is JSON, else as text.

    Raises BadInput for a pair without `=` or a name that is given twice.
    """
    values: dict[str, Json] = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator or not name:
            raise BadInput(f"{pair!r} is not name=value", hint="Write for example: -p region=emea")
        if name in values:
            raise BadInput(
                f"{name!r} is given twice", hint='Give each argument once; a list is -p \'names=["a", "b"]\''
            )
        values[name] = read_value(text, (schemas or {}).get(name))
    return values


def read_value(text: str, schema: JsonObject | None = None) -> Json:
    """One typed value: text stays text where the schema asks for it, so that `-p code=007` keeps its zeros."""
    if schema is not None and _wants(schema) == {"string"}:
        return text
    try:
        return from_text(text)
    except ValueError:
        return text


def json_values(
    pairs: Sequence[str], *, what: str = "the stub for", example: str = """--stub 'orders={"rows": []}'"""
) -> dict[str, Json]:
    """`id=json` pairs, such as stubs. Raises BadInput where the right side is not JSON."""
    values: dict[str, Json] = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator or not name:
            raise BadInput(f"{pair!r} is not id=json", hint=f"Write for example: {example}")
        values[name] = read_json(text, what=f"{what} {name!r}")
    return values


def json_or_file(text: str, *, what: str) -> Json:
    """JSON as it is typed, or `@FILE` (JSON or YAML; `@-` is stdin). Raises BadInput."""
    return read_file(text[1:]) if text.startswith("@") else read_json(text, what=what)


def read_json(text: str, *, what: str) -> Json:
    """Raises BadInput that shows where the JSON breaks off."""
    try:
        return from_text(text)
    except ValueError:
        raise BadInput(f"{what} is not JSON: {_where(text)}", hint="Text needs quotes of its own: '\"text\"'") from None


def object_from_file(name: str) -> dict[str, Json]:
    """A file of arguments: one JSON or YAML object; `-` is stdin. Raises BadInput."""
    value = read_file(name)
    if not isinstance(value, Mapping):
        raise BadInput(f"{name} holds {_kind(value)}, not an object", hint="Write one name: value pair a line")
    return dict(value)


def read_file(name: str) -> Json:
    """A JSON or YAML file; `-` is stdin. Raises BadInput where it cannot be read or is neither."""
    text = sys.stdin.read() if name == "-" else read_text(Path(name))
    if name.endswith(".json"):
        return read_json(text, what=name)
    return _from_yaml(text, name)


def read_text(path: Path) -> str:
    """The text of a file. Raises BadInput where it is missing, too big or not UTF-8."""
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise BadInput(f"{path} has {path.stat().st_size} bytes; the limit is {_MAX_FILE_BYTES}")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}") from None
    except OSError as error:
        raise BadInput(f"Cannot read {path}: {(error.strerror or str(error)).lower()}") from None


def since(text: str, now: datetime) -> datetime:
    """A span back from `now` (`2h`, `3d`) or a date or moment, ISO 8601, local unless it has an offset; aware, UTC."""
    try:
        return (now - parse_duration(text)).astimezone(UTC)
    except (ValueError, OverflowError):
        return moment(text, now, "Write 2h, 3d, 2026-11-20 or 2026-11-20T09:00")


def moment(text: str, now: datetime, hint: str = "Write 2026-11-20 or 2026-11-20T09:00") -> datetime:
    """A date (its beginning) or moment, ISO 8601, in the zone of `now` unless it has an offset; aware, UTC."""
    try:
        return _localised(datetime.fromisoformat(text), now).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"{text!r} is no moment", hint=hint) from None


def span(text: str) -> timedelta:
    """A duration such as `90s` or `2h30m`. Raises BadInput."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise BadInput(str(error)) from None


def _localised(at: datetime, now: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=now.tzinfo)


def _wants(schema: JsonObject) -> set[str]:
    kinds = schema.get("type")
    if isinstance(kinds, str):
        return {kinds}
    return {str(kind) for kind in kinds} if isinstance(kinds, Sequence) else set()


def _from_yaml(text: str, name: str) -> Json:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        value = YAML(typ="safe", pure=True).load(text)
        return from_text(json.dumps(value, default=str))
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise BadInput(f"{name}{place} is not YAML: {error.problem}") from None
    except (YAMLError, ValueError, TypeError, RecursionError) as error:
        raise BadInput(f"{name} cannot be read as YAML or JSON: {error}") from None


def _where(text: str) -> str:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return "it holds a number that JSON has no word for"


def _kind(value: Json) -> str:
    match value:
        case None:
            return "nothing"
        case str():
            return "text"
        case bool() | int() | float():
            return "a single value"
        case _:
            return "a list"
