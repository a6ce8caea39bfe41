"""The views of services as JSON, and the same as schemas for the document.

A view is written out as it is, by pydantic's serializer; no second set of classes repeats its fields. The schema is
drawn from the view's annotations, and from the docstrings below its fields.
"""

import ast
import inspect
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import GenericAlias, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, JsonValue, create_model
from pydantic import Field as Described
from pydantic_core import to_json

from errands.core.values import Json, JsonObject


def json_bytes(value: object) -> bytes:
    """The JSON of a view, or of anything made of views."""
    return to_json(value, inf_nan_mode="constants")


@cache
def schema_of(annotation: Any) -> Any:
    """The annotation with every dataclass in it replaced by a pydantic model of the same shape."""
    if annotation == Json:
        return JsonValue
    if annotation == JsonObject:
        return dict[str, JsonValue]
    if isinstance(annotation, type) and is_dataclass(annotation):
        return _model(annotation, {}, annotation.__name__)
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is None or origin is Literal:
        return annotation
    if isinstance(origin, type) and is_dataclass(origin):
        name = "".join(part.__name__ for part in inner) + origin.__name__
        return _model(origin, dict(zip(_parameters(origin), inner, strict=True)), name)
    parts = tuple(part if part is Ellipsis else schema_of(part) for part in inner)
    if origin in (Union, UnionType):
        return Union[parts]  # noqa: UP007 - the parts are only known now
    if origin is Sequence:
        return GenericAlias(list, parts)
    return GenericAlias(dict if origin is Mapping else origin, parts)


def _model(view: type, given: Mapping[TypeVar, Any], name: str) -> type[BaseModel]:
    told = _told(view)
    # `field.type`, not `get_type_hints`: that would take the recursive alias `Json` apart.
    wanted: dict[str, Any] = {
        field.name: (
            schema_of(_filled(field.type, given)),
            Described(_default(field), description=told.get(field.name)),
        )
        for field in fields(view)
    }
    config = ConfigDict(json_schema_serialization_defaults_required=True)
    return create_model(name, __config__=config, __doc__=inspect.getdoc(view), **wanted)


def _filled(annotation: Any, given: Mapping[TypeVar, Any]) -> Any:
    """The annotation with type variables replaced by what they stand for here."""
    if isinstance(annotation, TypeVar):
        return given[annotation]
    open_ones = getattr(annotation, "__parameters__", ())
    return annotation[tuple(given[one] for one in open_ones)] if open_ones else annotation


def _parameters(view: type) -> Sequence[TypeVar]:
    return tuple(getattr(view, "__parameters__", ()))


def _default(field: "Field[Any]") -> Any:
    return ... if field.default is MISSING else field.default


def _told(view: type) -> Mapping[str, str]:
    """The docstrings that stand below the fields of a class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(view))).body[0]
    assert isinstance(tree, ast.ClassDef)
    told = {}
    for before, after in zip(tree.body, tree.body[1:], strict=False):
        match before, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                told[name] = " ".join(inspect.cleandoc(text).split())
            case _:
                pass
    return told
