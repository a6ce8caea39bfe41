"""Write the reference pages that are made from the code: docs/settings.md, docs/tools.md,
docs/cli.md, docs/api.md.

What stands between the markers `<!-- generated -->` and `<!-- /generated -->` of a page is made here; the rest is
written by hand.

usage: reference_pages.py           write the pages
       reference_pages.py --check   only say which page is out of date, and exit 1 if one is
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast, get_args

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from errands.api.app import make_app as make_api_app
from errands.api.chatting import ChatHere
from errands.api.frame import Parts
from errands.cli.app import make_app
from errands.cli.wiring import Wiring
from errands.core.catalog import ToolSpec
from errands.core.ports import Effect
from errands.core.values import Json, to_text
from errands.services import Services
from errands.settings import Settings
from errands.tools.builtin import builtin_catalog
from errands.tools.hosts import HostPolicy
from errands.tools.limits import ToolLimits

ROOT = Path(__file__).resolve().parent.parent
GENERATED = re.compile(r"(?<=<!-- generated -->\n).*(?=<!-- /generated -->\n)", re.DOTALL)


Document = Mapping[str, Any]
"""An OpenAPI document, or a part of one."""


def main(arguments: list[str]) -> int:
    stale = [
        name for name, make in PAGES.items() if refresh(ROOT / "docs" / name, make(), write="--check" not in arguments)
    ]
    for name in stale:
        print(f"docs/{name} {'is out of date: run `make pages`' if '--check' in arguments else 'written'}")
    print(f"{len(PAGES)} pages made from the code: {', '.join(PAGES)}")
    return 1 if stale and "--check" in arguments else 0


def refresh(page: Path, generated: str, *, write: bool) -> bool:
    """Put the generated part into the page; whether that changed it."""
    old = page.read_text(encoding="utf-8")
    new, found = GENERATED.subn(lambda _: f"\n{generated.strip()}\n\n", old)
    if not found:
        raise SystemExit(f"{page} has no <!-- generated --> part")
    if write and new != old:
        page.write_text(new, encoding="utf-8")
    return new != old


def settings_page() -> str:
    """One row for each setting, in the order of the class."""
    rows = ((f"`{doc.variable}`", doc.kind, code(doc.default), doc.description) for doc in Settings.describe())
    return table(("Variable", "Kind", "Default", "Meaning"), rows)


def tools_page() -> str:
    """One section for each built-in tool."""
    specs = builtin_catalog(HostPolicy(), ToolLimits()).specs()
    return "\n\n".join(tool_section(specs[name]) for name in sorted(specs))


def tool_section(spec: ToolSpec) -> str:
    """Heading, description, what it does to the outside, arguments, output, errors."""
    parts = [f"## {spec.name}", spec.description, f"{EFFECTS[spec.effect]}."]
    if spec.returns_outside_data:
        parts[-1] += " Its output counts as data from outside."
    inputs, outputs = fields(spec.input_schema), fields(spec.output_schema)
    parts.append(table(("Argument", "Type", "Default", "Meaning"), inputs))
    parts.append(table(("Output", "Type", "Meaning"), ((name, kind, meaning) for name, kind, _, meaning in outputs)))
    if spec.errors:
        parts.append(f"Errors besides `input` and `denied`: {', '.join(f'`{kind.value}`' for kind in spec.errors)}.")
    return "\n\n".join(parts)


EFFECTS = {
    Effect.NONE: "Touches nothing outside the run",
    Effect.READS: "Reads the outside",
    Effect.CHANGES: "May change the outside",
}


def fields(schema: Json) -> list[tuple[str, str, str, str]]:
    """Name, type, default and description of each property of an object's schema."""
    properties, required = part(schema, "properties"), part(schema, "required")
    assert isinstance(properties, Mapping)
    needed = required if isinstance(required, list) else []
    return [
        (
            f"`{name}`",
            type_name(inner),
            "required" if name in needed else default(inner),
            text(part(inner, "description")),
        )
        for name, inner in properties.items()
    ]


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


def cli_page() -> str:
    """The commands by chapter, each with its arguments and options."""
    app = get_command(make_app(cast(Wiring, None)))  # described, never called
    assert isinstance(app, TyperGroup)
    chapters: dict[str, list[str]] = {}
    for name, command in app.commands.items():
        inner = command.commands.items() if isinstance(command, TyperGroup) else [("", command)]
        sections = [command_section(f"errands {name} {sub}".strip(), each) for sub, each in inner]
        chapters.setdefault(str(getattr(command, "rich_help_panel", "")), []).extend(sections)
    return "\n\n".join("\n\n".join([f"## {chapter}", *sections]) for chapter, sections in chapters.items())


def command_section(name: str, command: object) -> str:
    """Heading, usage, help, and a table of what can be given."""
    assert isinstance(command, TyperCommand)
    arguments = [param for param in command.params if isinstance(param, TyperArgument)]
    usage = " ".join([name, "[OPTIONS]", *(shown_argument(argument) for argument in arguments)])
    rows = [(code(shown_argument(argument)), argument.help or "") for argument in arguments]
    rows += [(shown_option(param), param.help or "") for param in command.params if isinstance(param, TyperOption)]
    parts = [f"### {name}", f"```text\n{usage}\n```", "\n\n".join(paragraphs(command.help or ""))]
    return "\n\n".join([*parts, table(("Given", "Meaning"), rows)] if rows else parts)


def shown_argument(argument: TyperArgument) -> str:
    metavar = argument.metavar or (argument.name or "").upper()
    return metavar if argument.required or metavar.startswith("[") else f"[{metavar}]"


def shown_option(option: TyperOption) -> str:
    names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    if option.is_flag or option.secondary_opts:
        return names
    choices = [str(choice) for choice in get_args(option.type_descriptor.annotation) if isinstance(choice, str)]
    return f"{names} {option.metavar or '|'.join(choices) or 'VALUE'}"


def paragraphs(help_text: str) -> list[str]:
    return [" ".join(paragraph.split()) for paragraph in help_text.split("\n\n") if paragraph.strip()]


def api_page() -> str:
    """One section for each noun of the API, one table row for each operation."""
    parts = Parts(cast(Services, None), lambda error: None, "0", lambda callback: None, cast(ChatHere, None))
    document = make_api_app(parts).openapi()
    sections = []
    for tag in document["tags"]:
        found = [one for one in operations(document) if tag["name"] in one[2]["tags"]]
        rows = "\n".join(operation_row(document, *one) for one in found)
        head = "| Request | What it does | Query | Body | Answer |\n| --- | --- | --- | --- | --- |"
        sections.append(f"## {tag['name'].capitalize()}\n\n{tag['description']}\n\n{head}\n{rows}")
    return "\n\n".join(sections)


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, methods in document["paths"].items():
        for method, declared in methods.items():
            yield method.upper(), path, declared


def operation_row(document: Document, method: str, path: str, declared: Document) -> str:
    query = [one["name"] for one in declared.get("parameters", ()) if one["in"] == "query"]
    answers = [
        f"{status} {answer_shape(answer)}".strip()
        for status, answer in declared["responses"].items()
        if status[0] in "23"
    ]
    cells = (
        f"`{method} {path}`",
        declared["summary"],
        ", ".join(f"`{name}`" for name in query),
        body_fields(document, declared),
        "; ".join(answers),
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def body_fields(document: Document, declared: Document) -> str:
    """The body's fields; those that must be given are marked with a star."""
    content = declared.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return ""
    schema = content.get("schema", {})
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "properties" not in schema:
        return "anything"
    required = schema.get("required", ())
    return ", ".join(f"`{key}`{'*' if key in required else ''}" for key in schema.get("properties", ()))


def answer_shape(answer: Document) -> str:
    """The name of the answer's schema."""
    content = answer.get("content", {})
    if "application/json" not in content:
        return ", ".join(content)
    schema = content["application/json"].get("schema", {})
    if "items" in schema:
        return f"list of {schema_name(schema['items'])}"
    return schema_name(schema)


def schema_name(schema: Document) -> str:
    return str(schema["$ref"].rpartition("/")[2]) if "$ref" in schema else str(schema.get("type", "JSON"))


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *([cell(text) for text in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    return f"`{text}`" if text else ""


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "tools.md": tools_page,
    "cli.md": cli_page,
    "api.md": api_page,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
