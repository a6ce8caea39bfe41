"""Plain tables: a head, one line a row, cells cut so that every line fits the screen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from errands.cli.neutral import one_line, safe

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

_CELL = 300
"""Characters of a cell that are looked at; the table cuts further."""
_GAP = 2
_LEAST = 8
"""Columns of the screen below which a cut column does not go."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    title: str
    style: str = ""
    align: Literal["left", "right"] = "left"
    rank: int = 0
    """Columns of the highest rank are cut first where the screen is narrow; below 0 never, such as ids."""


def table(columns: Sequence[Column], rows: "Sequence[Sequence[str | Text]]", width: int) -> "Group":
    """The rows as lines of at most `width` columns; strings are made neutral."""
    from rich.console import Group

    cells = [[_cell(cell, column.style) for cell, column in zip(row, columns, strict=True)] for row in rows]
    head = [safe(column.title, "faint") for column in columns]
    widths = _cut(
        [max(line[index].cell_len for line in [head, *cells]) for index in range(len(columns))],
        [column.rank for column in columns],
        width,
    )
    return Group(*(_line(line, columns, widths, width) for line in [head, *cells]))


def _cell(cell: "str | Text", style: str) -> "Text":
    return safe(one_line(cell, _CELL), style) if isinstance(cell, str) else cell


def _cut(natural: list[int], ranks: list[int], width: int) -> list[int]:
    """Widths that fit: columns of high rank give way first, none below a few characters."""
    widths = list(natural)
    for rank in sorted({rank for rank in ranks if rank >= 0}, reverse=True):
        excess = sum(widths) + _GAP * (len(widths) - 1) - width
        group = [index for index, own in enumerate(ranks) if own == rank]
        while excess > 0 and any(widths[index] > _LEAST for index in group):
            widest = max(group, key=lambda index: widths[index])
            widths[widest] -= 1
            excess -= 1
    return widths


def _line(cells: "list[Text]", columns: Sequence[Column], widths: list[int], width: int) -> "Text":
    line = safe("")
    for cell, column, room in zip(cells, columns, widths, strict=True):
        fitted = cell.copy()
        fitted.truncate(room, overflow="ellipsis")
        fitted.align(column.align, room)
        line = line + fitted + safe(" " * _GAP)
    line.rstrip()
    line.truncate(width, overflow="ellipsis")
    return line
