"""Makes of an answer's JSON the view that it was written from.

The types of a view's fields say how. What a newer server adds is left out; what an older one leaves out takes the
field's default.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin

from errands.core.values import Json, JsonObject

View = TypeVar("View")
Reader = Callable[[Any], Any]


class Unreadable(Exception):
    """An answer has not the form that this version knows."""


def read(gives: type[View], value: Json) -> View:
    """The view of type `gives`. Raises Unreadable."""
    try:
        return cast(View, reader_of(cast("Hashable", gives))(value))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"{getattr(gives, '__name__', gives)}: {type(error).__name__}: {error}") from error


@cache
def reader_of(annotation: Any) -> Reader:
    """How a value of this type is read."""
    if annotation in (Json, JsonObject, str, bool, object):
        return _as_it_is
    if isinstance(annotation, type):
        return _reader_of_class(annotation)
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _as_it_is
    if origin in (Union, UnionType):
        (some,) = (part for part in inner if part is not NoneType)
        reader = reader_of(some)
        return lambda value: None if value is None else reader(value)
    if isinstance(origin, type) and is_dataclass(origin):
        return _reader_of_view(origin, dict(zip(_parameters(origin), inner, strict=True)))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        reader = reader_of(inner[1])
        return lambda value: {key: reader(item) for key, item in value.items()}
    return _reader_of_items(origin, inner)


def _reader_of_class(kind: type) -> Reader:
    if is_dataclass(kind):
        return _reader_of_view(kind, {})
    if issubclass(kind, Enum):
        return kind
    if issubclass(kind, date):
        return datetime.fromisoformat if issubclass(kind, datetime) else date.fromisoformat
    if issubclass(kind, Decimal):
        return lambda value: Decimal(str(value))
    if kind in (int, float):
        return kind
    raise TypeError(f"no reader for {kind}")


def _reader_of_items(origin: Any, inner: Sequence[Any]) -> Reader:
    """A list, or a tuple of any length."""
    reader = reader_of(inner[0])
    if origin is tuple:
        return lambda value: tuple(reader(item) for item in value)
    if origin in (list, Sequence) or (isinstance(origin, type) and issubclass(origin, Sequence)):
        return lambda value: [reader(item) for item in value]
    raise TypeError(f"no reader for {origin}")


def _reader_of_view(view: type, given: Mapping[TypeVar, Any]) -> Reader:
    # `field.type`, not `get_type_hints`: that would take the recursive alias `Json` apart.
    known = {field.name: field for field in fields(view)}
    readers: dict[str, Reader] = {}

    def read_view(value: Mapping[str, Any]) -> Any:
        if not readers:
            readers.update({name: reader_of(_filled(field.type, given)) for name, field in known.items()})
        found = {name: readers[name](value[name]) for name in known if name in value}
        lacking = [name for name, one in known.items() if name not in found and _needed(one)]
        if lacking:
            raise KeyError(lacking[0])
        return view(**found)

    return read_view


def _needed(one: Any) -> bool:
    return one.default is MISSING and one.default_factory is MISSING


def _filled(annotation: Any, given: Mapping[TypeVar, Any]) -> Any:
    """The annotation with type variables replaced by what they stand for here."""
    if isinstance(annotation, TypeVar):
        return given[annotation]
    open_ones = getattr(annotation, "__parameters__", ())
    return annotation[tuple(given[one] for one in open_ones)] if open_ones else annotation


def _parameters(view: type) -> Sequence[TypeVar]:
    return tuple(getattr(view, "__parameters__", ()))


def _as_it_is(value: Any) -> Any:
    return value
