"""JSON values: their type, their canonical text and their digest."""

import hashlib
from collections.abc import Mapping, Sequence

from pydantic import JsonValue as JsonValue
from pydantic_core import from_json, to_json

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""What steps pass on: exactly what JSON can carry. Treat it as frozen; nobody writes into a value."""

JsonObject = Mapping[str, Json]
# `JsonValue` is the same set of values as pydantic validates it in the fields of a definition.
_SCALARS = frozenset((str, int, float, bool, type(None)))
"""Most values, told by their type before anything slower is asked."""


def to_text(value: Json) -> str:
    """The JSON text of a value, keys in their own order.

    Raises ValueError for a value that JSON cannot carry (a set, bytes, NaN, an object).
    """
    text = to_json(value, inf_nan_mode="constants")
    if b"NaN" in text or b"Infinity" in text:
        from_text(text)  # Raises for the constants, not for the same letters within a text.
    return text.decode()


def from_text(text: str | bytes) -> Json:
    """The value of a JSON text. Raises ValueError where the text is not JSON."""
    value: Json = from_json(text, allow_inf_nan=False, cache_strings="keys")
    return value


def digest(value: Json) -> str:
    """32 hex digits that name a value: equal values (whatever the order of keys) have equal digests."""
    return digest_of_text(canonical(value))


def digest_of_text(text: str) -> str:
    """The digest of the value whose canonical text this is."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def canonical(value: Json) -> str:
    """The JSON text that equal values share: the keys of every object sorted."""
    return to_text(ordered(value))


def ordered(value: Json) -> Json:
    """The same value with the keys of every object sorted."""
    if type(value) in _SCALARS:
        return value
    if isinstance(value, Mapping):
        return {key: ordered(value[key]) for key in sorted(value)}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [ordered(item) for item in value]
    return value
