"""What a webhook's body says: JSON, a form, or plain text."""

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs

from errands.core.values import Json, from_text

_DEEPEST: Final = 100
_MOST_FIELDS: Final = 1_000
_FORM: Final = "application/x-www-form-urlencoded"


class PayloadUnreadable(Exception):
    """The body is not what its content type says, or nothing that can be kept. Says what, without repeating it."""


def read_payload(content_type: str, body: bytes) -> Json:
    """The value of a body. Raises PayloadUnreadable.

    A form's fields become an object, a repeated one a list; a form whose only field `payload` holds JSON (GitHub,
    Slack) stands for that JSON. What names no type that is known here is JSON if it can be read so, else text.
    """
    kind = content_type.partition(";")[0].strip().lower()
    text = _text(body)
    if kind.startswith("multipart/"):
        raise PayloadUnreadable(f"a body of the type {kind[:60]} is not taken; send JSON or {_FORM}")
    if kind == _FORM:
        value = _form(text)
    elif kind == "application/json" or kind.endswith("+json"):
        value = _json(text)
    else:
        try:
            value = _json(text)
        except PayloadUnreadable:
            value = text
    try:
        check_storable(value)
    except ValueError as error:
        raise PayloadUnreadable(str(error)) from None
    return value


def check_storable(value: object, depth: int = 0) -> None:
    """Raises ValueError for text with a NUL or half a surrogate pair, for NaN, and for endless nesting."""
    if depth > _DEEPEST:
        raise ValueError(f"values are nested deeper than {_DEEPEST}")
    match value:
        case str():
            _check_text(value)
        case float() if value - value != 0:
            raise ValueError("NaN and Infinity are no JSON")
        case Mapping():
            for key, inner in value.items():
                check_storable(key, depth)
                check_storable(inner, depth + 1)
        case Sequence():
            for inner in value:
                check_storable(inner, depth + 1)
        case _:
            pass


def _check_text(text: str) -> None:
    if "\0" in text:
        raise ValueError("a text holds a NUL character, which cannot be kept")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("a text holds half a surrogate pair, which is no character") from None


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PayloadUnreadable(f"the body is not UTF-8 (byte {error.start})") from None


def _json(text: str) -> Json:
    try:
        return from_text(text)
    except (ValueError, RecursionError):
        raise PayloadUnreadable("the body is not JSON") from None


def _form(text: str) -> Json:
    try:
        fields = parse_qs(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise PayloadUnreadable("the body is not a form") from None
    if list(fields) == ["payload"] and len(fields["payload"]) == 1:
        try:
            return _json(fields["payload"][0])
        except PayloadUnreadable:
            pass
    return {name: values[0] if len(values) == 1 else list(values) for name, values in fields.items()}
