"""Templates as text: their table, what one asks and needs, what a trial has made, what adopting has changed."""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from errands.cli.forms import fields_of, fill_in
from errands.cli.given import BadInput, named_values, object_from_file
from errands.cli.neutral import one_line, safe
from errands.cli.prompts import ask_line
from errands.cli.screen import Screen
from errands.cli.tables import Column, table
from errands.cli.task_texts import applied_text
from errands.core.values import Json, JsonObject, to_text
from errands.services.rehearsal_views import MadeFileView
from errands.services.template_views import Adopted, TemplateLine, TemplateView

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text


def template_table(lines: Sequence[TemplateLine], width: int) -> "Group":
    """One template a row."""
    columns = [Column("Template", "accent"), Column("What it does", rank=1)]
    return table(columns, [(line.name, line.summary) for line in lines], width)


def template_lines(view: TemplateView) -> "list[Text]":
    """What a template does, asks and needs."""
    lines = [safe(f"{one_line(view.title)}: {one_line(view.summary)}", "strong"), safe("")]
    for task in view.tasks:
        lines.append(safe(f"task {task.task}: {one_line(task.description)}"))
    if view.schedule:
        lines.append(safe(f"runs {one_line(view.schedule)}"))
    asks = _properties(view.asks)
    for heading, rows in (
        ("asks", [(name, _asked(asks[name])) for name in asks]),
        ("secrets", [(one.name, one.about) for one in view.secrets]),
        ("grants", [("tools", ", ".join(view.grants.tools)), ("hosts", ", ".join(view.grants.hosts))]),
    ):
        found = [(name, about) for name, about in rows if about]
        if found:
            lines += [safe(""), safe(heading, "accent")]
            lines += [safe(f"  {name}: {one_line(about)}") for name, about in found]
    lines += [safe(""), safe(f"Try it: errands templates try {view.name}")]
    return [*lines, safe(f"Adopt it: errands templates use {view.name}")]


def made_lines(files: Sequence[MadeFileView]) -> "list[Text]":
    """The files that a trial has made."""
    return [safe(f"file {one_line(one.name)}, {one.media_type}, {one.size:,} bytes") for one in files]


def save_files(files: Sequence[MadeFileView], folder: Path) -> list[Path]:
    """Write the files of a trial. Raises BadInput where the folder cannot be written."""
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one in files:
            if one.base64 is not None:
                path = folder / Path(one.name).name
                path.write_bytes(b64decode(one.base64))
                written.append(path)
    except OSError as error:
        raise BadInput(f"Cannot write to {folder}: {(error.strerror or str(error)).lower()}") from None
    return written


async def answered(
    screen: Screen, view: TemplateView, pairs: Sequence[str], file: str | None, *, ask: bool
) -> dict[str, Json]:
    """The answers of the command line, and with `ask` those that a person types for what is left. Raises BadInput."""
    schemas = _properties(view.asks)
    given = {**(object_from_file(file) if file else {}), **named_values(pairs, schemas)}
    left = {name: schema for name, schema in schemas.items() if name not in given}
    if not ask or not left:
        return given

    async def asked(prompt: str) -> str:
        return await ask_line(screen, prompt)

    def say(text: str) -> None:
        screen.remark(text, "")

    fields = fields_of({**view.asks, "properties": left})
    return {**given, **await fill_in(fields, asked, say)}


def adopted_text(adopted: Adopted, *, dry_run: bool, width: int) -> "Group":
    """A line on each file, and the diff of what changes."""
    from rich.console import Group

    texts = {file.name: file.source for file in adopted.files}
    return Group(*(applied_text(one, texts.get(one.file, ""), dry_run=dry_run, width=width) for one in adopted.applied))


def _properties(schema: JsonObject) -> dict[str, JsonObject]:
    found = schema.get("properties")
    if not isinstance(found, Mapping):
        return {}
    return {name: one for name, one in found.items() if isinstance(one, Mapping)}


def _asked(schema: JsonObject) -> str:
    default = f" [{to_text(schema['default'])}]" if "default" in schema else ""
    return f"{schema.get('description', '')}{default}"
