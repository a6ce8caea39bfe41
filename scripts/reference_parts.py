"""What the generated pages of the reference share: schemas in words, texts below the members of enums, tables."""

import ast
import inspect
import textwrap
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import TypeVar

from errands.core.values import Json, to_text


def type_name(schema: Json) -> str:
    """A schema's type in a few words, such as `list of text` or `text or secret`."""
    choices, options = part(schema, "enum"), part(schema, "anyOf")
    if isinstance(choices, list):
        return ", ".join(code(to_text(choice).strip('"')) for choice in choices)
    if isinstance(options, list):
        names = dict.fromkeys(type_name(option) for option in options if part(option, "type") != "null")
        return " or ".join(names)
    kind = text(part(schema, "type"))
    if kind == "array":
        return f"list of {type_name(part(schema, 'items'))}"
    if kind == "object" and isinstance(properties := part(schema, "properties"), Mapping):
        return f"object ({', '.join(properties)})"
    named = {"string": "text", "": "any"}.get(kind, kind)
    return f"{named} or secret" if part(schema, "x-accepts-secret") else named


def default(schema: Json) -> str:
    value = part(schema, "default")
    return "" if value is None else code(to_text(value).strip('"'))


def part(schema: Json, key: str) -> Json:
    return schema.get(key) if isinstance(schema, Mapping) else None


def text(value: Json) -> str:
    return value if isinstance(value, str) else ""


Member = TypeVar("Member", bound=Enum)


def documented(members: type[Member]) -> list[tuple[Member, str]]:
    """Each member of an enum with the text below it; its name in words where there is none."""
    source = ast.parse(textwrap.dedent(inspect.getsource(members))).body[0]
    assert isinstance(source, ast.ClassDef)
    texts: dict[str, str] = {}
    for line, below in zip(source.body, [*source.body[1:], ast.Pass()], strict=True):
        match line, below:
            case ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(value=ast.Constant(value=str(text))):
                texts[name] = " ".join(text.split())
    return [(member, texts.get(member.name, "")) for member in members]


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *([cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    return f"`{text}`" if text else ""
