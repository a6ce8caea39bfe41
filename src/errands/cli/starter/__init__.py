"""The folder that `errands init` makes: copies of `files/`, and the format's schema for editors."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from errands.cli.given import BadInput
from errands.cli.screen import json_text
from errands.core.definition.schema import format_schema

SCHEMA_FILE = "errands.schema.json"
"""Named in the first line of each file: `# yaml-language-server: $schema=../errands.schema.json`."""


def write_starter(folder: Path) -> tuple[list[Path], list[Path]]:
    """Write what is not there yet; gives the files that were written and those that were left alone.

    The schema is always written anew: it belongs to the version of Errands. Raises BadInput.
    """
    written, kept = [], []
    try:
        for name, text in starter_files():
            path = folder / name
            if path.exists() and name != SCHEMA_FILE:
                kept.append(path)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise BadInput(f"Cannot write {error.filename}: {(error.strerror or str(error)).lower()}") from None
    return written, kept


def starter_files() -> Iterator[tuple[str, str]]:
    """Name and text of every file of the folder."""
    yield from _texts(files(__package__) / "files", "")
    yield SCHEMA_FILE, json_text(format_schema(), indent=2) + "\n"


def _texts(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _texts(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.read_text(encoding="utf-8")
