"""Whatever the API writes, the client reads back as it was."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from importlib import import_module
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import pytest
from pydantic_core import from_json

from errands.api.frame import NOUNS
from errands.api.shapes import json_bytes
from errands.cli.client.reading import Unreadable, read
from errands.core.values import Json, JsonObject
from errands.services.views import Page, RunLine, SecretView

_SAMPLES: Mapping[Any, object] = {
    Json: {"a": [1, None, "ü\u2028", {"b": 1.5}]},
    JsonObject: {"kind": "on_demand"},
    str: "text",
    int: 7,
    float: 0.25,
    bool: True,
    datetime: datetime(2026, 3, 1, 8, 0, 0, 120_000, tzinfo=UTC),
    date: date(2026, 3, 1),
    Decimal: Decimal("0.0310"),
}


def sample(annotation: Any, given: Mapping[TypeVar, Any] | None = None, *, full: bool = True) -> Any:
    """A value of this type: with everything that may be there, or with nothing that need not."""
    known = given or {}
    if annotation in _SAMPLES:
        return _SAMPLES[annotation]
    if isinstance(annotation, TypeVar):
        return sample(known[annotation], full=full)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return next(iter(annotation))
    origin, inner = get_origin(annotation), get_args(annotation)
    view = origin or annotation
    if is_dataclass(view):
        names = getattr(view, "__parameters__", ())
        filled = dict(zip(names, inner, strict=True))
        return view(**{field.name: sample(field.type, filled, full=full) for field in fields(view)})  # type: ignore[operator]
    if origin is Literal:
        return inner[0]
    if origin in (Union, UnionType):
        return sample(next(part for part in inner if part is not NoneType), known, full=full) if full else None
    items = [sample(inner[-1] if issubclass(origin, Mapping) else inner[0], known, full=full)] if full else []
    if issubclass(origin, Mapping):
        return {f"key {number}": item for number, item in enumerate(items)}
    return tuple(items) if origin is tuple else items


def given_back() -> Iterator[Any]:
    """Every type that an endpoint gives, but for plain JSON."""
    seen = set()
    for noun in NOUNS:
        for declared in import_module(f"errands.api.{noun}").routes._declared:
            kind = declared.gives
            if kind in (None, Json, JsonObject) or getattr(kind, "__module__", "").startswith("starlette"):
                continue
            if str(kind) not in seen:
                seen.add(str(kind))
                yield kind


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("kind", list(given_back()), ids=str)
def test_every_view_is_read_back_as_it_was_written(kind: Any, full: bool) -> None:
    view = sample(kind, full=full)
    again = read(kind, from_json(json_bytes(view)))
    assert again == view
    assert isinstance(again, Sequence | Mapping) or type(again) is type(view)


def test_what_a_newer_server_adds_is_left_out_and_a_default_stands_for_what_an_older_one_lacks() -> None:
    page = read(Page[RunLine], {"items": [], "next_cursor": None, "total": 3})
    assert page == Page((), None)
    with pytest.raises(Unreadable, match="SecretView: KeyError: 'created_at'"):
        read(SecretView, {"name": "A"})
