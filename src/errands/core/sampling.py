"""Values made up from a JSON Schema, for a dry run that has no stub: plain, and the same each time."""

from collections.abc import Mapping, Sequence

from errands.core.values import Json, JsonObject

_DEEPEST = 12
_BY_FORMAT = {
    "date": "2000-01-01",
    "date-time": "2000-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-0000-0000-000000000000",
}


def sample(schema: JsonObject, *, depth: int = 0, root: JsonObject | None = None) -> Json:
    """A value that fits the schema, as far as plain keywords go (patterns and conditions are not looked at)."""
    root = root or schema
    if depth > _DEEPEST:
        return None
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("enum", "examples"):
        choices = schema.get(key)
        if isinstance(choices, Sequence) and not isinstance(choices, str) and choices:
            first: Json = choices[0]
            return first
    for key in ("anyOf", "oneOf", "allOf"):
        options = schema.get(key)
        if isinstance(options, list) and options and isinstance(options[0], Mapping):
            return sample(options[0], depth=depth + 1, root=root)
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return sample(_resolved(reference, root), depth=depth + 1, root=root)
    return _by_type(schema, depth, root)


def _resolved(reference: str, root: JsonObject) -> JsonObject:
    found: Json = root
    for part in reference.removeprefix("#/").split("/"):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _by_type(schema: JsonObject, depth: int, root: JsonObject) -> Json:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0] if kind else None
    match kind:
        case "object":
            fields = schema.get("properties")
            if not isinstance(fields, Mapping):
                return {}
            return {
                name: sample(field, depth=depth + 1, root=root)
                for name, field in fields.items()
                if isinstance(field, Mapping)
            }
        case "array":
            items = schema.get("items")
            few = schema.get("minItems")
            wanted = few if isinstance(few, int) else 0
            return [sample(items, depth=depth + 1, root=root)] * wanted if isinstance(items, Mapping) else []
        case "string":
            return _BY_FORMAT.get(str(schema.get("format")), "(text)")
        case "integer" | "number":
            least = schema.get("minimum")
            number: Json = least if isinstance(least, int | float) else 0
            return number
        case "boolean":
            return False
        case _:
            return None
