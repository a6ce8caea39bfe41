"""JSON Schemas as types for the sandbox's type checker.

Only what is certain becomes a type; everything else is Any. A wrong type would refuse correct code, a missing one
only leaves a mistake to be found when the step runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from errands.core.values import Json, JsonObject

_SCALARS: Final = {"string": "str", "boolean": "bool", "integer": "int", "null": "None"}
"""`number` is missing: 5 is a number and an int in the sandbox, and `range(5)` is right although 5.5 is not."""
_DEEPEST: Final = 12
ANY: Final = "_Any"


@dataclass(slots=True)
class Stubs:
    """Types made so far, and what is known of them."""

    lines: list[str] = field(default_factory=list)
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Name of an object type to its keys."""
    labels: dict[str, str] = field(default_factory=dict)
    """Name of an object type to what it is in the user's words, such as `orders["rows"][...]`."""
    _made: dict[str, str] = field(default_factory=dict)

    def top(self, schema: JsonObject | None, label: str) -> tuple[str, bool]:
        """The type of a name's value, and whether it may be None."""
        if schema is None or "$result_of" in schema:
            return ANY, False
        inner, nullable = _without_null(schema)
        made = self._type(inner, label, 0)
        if nullable and made not in (ANY, "None"):
            return f"{made} | None", True
        return made, False

    def _type(self, schema: Json, label: str, depth: int) -> str:
        if not isinstance(schema, Mapping) or depth > _DEEPEST or "$ref" in schema or "allOf" in schema:
            return ANY
        if "enum" in schema:
            return _literal(schema["enum"])
        options = schema.get("anyOf", schema.get("oneOf"))
        if options is not None:
            return _scalar_union(options)
        kind = schema.get("type")
        if isinstance(kind, str):
            if kind == "object":
                return self._object(schema, label, depth)
            if kind == "array":
                return self._array(schema, label, depth)
            return _SCALARS.get(kind, ANY)
        return ANY

    def _array(self, schema: JsonObject, label: str, depth: int) -> str:
        items = None if "prefixItems" in schema else schema.get("items")
        return f"list[{self._type(items, label + '[...]', depth + 1)}]"

    def _object(self, schema: JsonObject, label: str, depth: int) -> str:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping) or not properties or _open(schema):
            return f"dict[str, {ANY}]"
        required = schema.get("required")
        needed = required if isinstance(required, Sequence) else ()
        members = []
        for key, inner in properties.items():
            made = self._type(inner, f'{label}["{key}"]', depth + 1)
            members.append(f"{key!r}: {made if key in needed else f'_NotRequired[{made}]'}")
        body = ", ".join(members)
        # The label makes it a type of its own: a message names the object that the author wrote.
        name = self._made.get(label + body)
        if name is None:
            name = self._made[label + body] = f"_T{len(self._made)}"
            self.lines.append(f"{name} = _TypedDict({name!r}, {{{body}}})")
            self.keys[name] = tuple(properties)
            self.labels[name] = label
        return name


def _open(schema: JsonObject) -> bool:
    """Whether the schema says outright that there are other keys, too."""
    more = schema.get("additionalProperties", False)
    return bool(more is True or (isinstance(more, Mapping)) or "patternProperties" in schema)


def _without_null(schema: JsonObject) -> tuple[JsonObject, bool]:
    """The schema of the values other than null, and whether null is allowed."""
    kind = schema.get("type")
    if isinstance(kind, Sequence) and not isinstance(kind, str):
        others = [one for one in kind if one != "null"]
        if len(others) == 1:
            return {**schema, "type": others[0]}, len(others) < len(kind)
    for keyword in ("anyOf", "oneOf"):
        options = schema.get(keyword)
        if isinstance(options, Sequence) and not isinstance(options, str):
            rest = [one for one in options if not (isinstance(one, Mapping) and one.get("type") == "null")]
            if len(rest) == 1 and len(options) > 1 and isinstance(rest[0], Mapping):
                return rest[0], True
    return schema, False


def _scalar_union(options: Json) -> str:
    """A union of texts and numbers. One with an object, a list or null in it depends on the data: Any."""
    if not isinstance(options, Sequence) or isinstance(options, str):
        return ANY
    made = {_SCALARS.get(str(one.get("type")), ANY) if isinstance(one, Mapping) else ANY for one in options}
    return ANY if ANY in made or "None" in made or not made else " | ".join(sorted(made))


def _literal(values: Json) -> str:
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        return ANY
    if all(isinstance(one, str) for one in values):
        return f"_Literal[{', '.join(map(repr, values))}]"
    return ANY
