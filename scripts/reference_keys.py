"""Every key of the file format, as the page docs/reference/keys.md tells it."""

import re
from collections.abc import Iterator, Mapping

from errands.core.definition.schema import format_schema
from errands.core.values import Json
from scripts.reference_parts import default, part, table, text, type_name


def keys_page() -> str:
    """One section for each mapping of a file, with its keys."""
    sections = []
    parts = format_schema()["$defs"]
    assert isinstance(parts, Mapping)
    for name, schema in parts.items():
        for title, keys in mappings(heading(name), schema):
            sections.append(
                "\n\n".join(filter(None, [f"## {title}", text(part(keys, "description")), key_table(keys)]))
            )
    return "\n\n".join(sections)


WORDS = {
    "duration": "duration",
    "size": "size",
    "expression": "expression",
    "schema": "JSON Schema",
    "ErrorKind": "[kind of failure](errors.md#failures-of-a-step)",
    "steps": "list of steps",
    "trigger": "[trigger](#trigger-by-schedule)",
}
"""Parts of the format that are no single mapping of keys, in words."""


def heading(name: str) -> str:
    """`Alarm rules` for `AlarmRules`, `Step tool` for `step-tool`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|-", " ", name.removesuffix("Definition")).capitalize()


def key_type(schema: Json) -> str:
    """The type of a key's value; what has a section of its own is linked."""
    named = text(part(schema, "$ref")).rpartition("/")[2]
    if named in WORDS:
        return WORDS[named]
    if named:
        title = heading(named)
        return f"[{title.lower()}](#{title.lower().replace(' ', '-')})"
    options, items = part(schema, "anyOf") or part(schema, "oneOf"), part(schema, "items")
    if isinstance(options, list):
        return " or ".join(dict.fromkeys(key_type(one) for one in options))
    if items and part(items, "enum") is None:
        return f"list of {key_type(items)}"
    return type_name(schema)


def mappings(title: str, schema: Json) -> Iterator[tuple[str, Json]]:
    """The mapping that a schema describes; each of a trigger's alternatives, and the schedule in one of them."""
    if title == "Trigger":
        kinds = part(schema, "oneOf")
        assert isinstance(kinds, list)
        for kind in kinds:
            name = next(key for key in keys_of(kind) if key not in ("id", "arguments", "enabled", "note"))
            yield f"Trigger by {name}", kind
            inner = part(part(kind, "properties"), name)
            if part(inner, "properties"):
                yield name.capitalize(), inner
    elif keys_of(schema):
        yield title, schema


def keys_of(schema: Json) -> list[str]:
    properties = part(schema, "properties")
    return list(properties) if isinstance(properties, Mapping) else []


def key_table(schema: Json) -> str:
    properties, needed = part(schema, "properties"), part(schema, "required")
    assert isinstance(properties, Mapping)
    required = needed if isinstance(needed, list) else []
    rows = [
        (
            f"`{key}`",
            key_type(inner),
            "required" if key in required else default(inner),
            text(part(inner, "description")),
        )
        for key, inner in properties.items()
    ]
    return table(("Key", "Type", "Default", "Meaning"), rows)
