"""Where a command's words go: results to stdout, remarks and errors to stderr, or JSON and nothing else to stdout."""

import dataclasses
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, TextIO
from uuid import UUID

from errands.core.values import Json

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_PIPE_WIDTH = 200
"""Columns of a table that goes to a file or a pipe, unless COLUMNS says otherwise."""
# What JSON may carry raw, but a terminal would obey or a reader of lines would stumble over.
_UNSAFE_IN_JSON = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


@dataclass(frozen=True, slots=True)
class Screen:
    """The two outputs of one command."""

    out: "Console"
    err: "Console"
    as_json: bool = False

    @property
    def live(self) -> bool:
        """Whether stdout can redraw itself: a terminal that knows how to, and no JSON asked for."""
        return self.out.is_terminal and not self.out.is_dumb_terminal and not self.as_json

    @property
    def unicode(self) -> bool:
        """Whether stdout can show more than ASCII."""
        return self.out.encoding.lower().startswith("utf")

    @property
    def asks(self) -> bool:
        """Whether somebody is there to answer a question."""
        return not self.as_json and sys.stdin.isatty() and sys.stderr.isatty()

    def show(self, *parts: "RenderableType") -> None:
        """Print a result for people; silent where JSON was asked for. Strings are never read as markup."""
        if not self.as_json:
            for part in parts:
                self.out.print(part)

    def say(self, text: str, style: str = "") -> None:
        """Print one line of a result for people, whole, however narrow the terminal is."""
        from errands.cli.neutral import safe

        if not self.as_json:
            self.out.print(safe(text, style), soft_wrap=True)

    def remark(self, text: str, style: str = "faint") -> None:
        """Print a remark beside the result, on stderr."""
        from errands.cli.neutral import safe

        self.err.print(safe(text, style), soft_wrap=True)

    def document(self, value: object) -> None:
        """Print the one JSON document of a command, where JSON was asked for."""
        if self.as_json:
            self._write(json_text(value, indent=2))

    def record(self, value: object) -> None:
        """Print one line of JSON lines, where JSON was asked for, and let a reader have it at once."""
        if self.as_json:
            self._write(json_text(value))

    def _write(self, text: str) -> None:
        self.out.file.write(text + "\n")
        self.out.file.flush()


def make_screen(*, as_json: bool = False) -> Screen:
    """The screen of this process. Honours NO_COLOR, FORCE_COLOR, COLUMNS and TERM."""
    return Screen(console_for(sys.stdout), console_for(sys.stderr), as_json)


def console_for(stream: TextIO) -> "Console":
    """A console that takes text as it is: no markup, no emoji codes, no guesses at what to colour."""
    from rich.console import Console

    from errands.cli.palette import theme

    width = None if stream.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH
    return Console(file=stream, theme=theme(), markup=False, emoji=False, highlight=False, width=width)


def json_text(value: object, *, indent: int | None = None) -> str:
    """A view as JSON text that is safe to print: control and direction characters are escaped."""
    text = json.dumps(as_json(value), ensure_ascii=False, indent=indent, allow_nan=False)
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def as_json(value: object) -> Json:
    """A view (a dataclass, or anything made of them) as JSON: moments as ISO 8601, spans as seconds, money as text.

    Raises TypeError for a value that has no JSON form.
    """
    match value:
        case Enum():
            return as_json(value.value)
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            return {str(as_json(key)): as_json(item) for key, item in value.items()}
        case Sequence() | Set():
            return [as_json(item) for item in value]
        case date() | datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal() | UUID() | PurePath():
            return str(value)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: as_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON form")
