"""Problems of a file as a good compiler shows them: place, message, the line with a caret under it, a hint."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from errands.cli.figures import plural
from errands.cli.neutral import neutral, one_line, safe
from errands.core.problems import Problem

if TYPE_CHECKING:
    from rich.text import Text

_TAB = "    "
_CONTEXT = 24
"""Columns kept visible left of the caret when a line is too long for the screen."""


def problem_lines(file: str, source: str, problem: Problem, *, width: int) -> "list[Text]":
    """One problem; the lines fit `width` where they quote the file, and are whole where they speak."""
    lines = [_headline(file, problem)]
    source_lines = source.splitlines()
    if 1 <= problem.line <= len(source_lines):
        lines += _quotation(source_lines[problem.line - 1], problem.line, problem.column, width)
    if problem.hint:
        lines.append(safe(f"{_gutter(problem.line)} = ", "faint") + safe(one_line(problem.hint), "problem.hint"))
    return lines


def summary(problems: Sequence[Problem], files: int) -> str:
    """`2 errors and 1 warning in 3 files`, or `3 files without a problem`."""
    if not problems:
        return f"{plural(files, 'file')} without a problem"
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    counts = [plural(errors, "error")] if errors or not warnings else []
    counts += [plural(warnings, "warning")] if warnings else []
    return f"{' and '.join(counts)} in {plural(files, 'file')}"


def _headline(file: str, problem: Problem) -> "Text":
    place = f"{file}:{problem.line}:{problem.column}" if problem.line else file
    return (
        safe(one_line(place), "strong")
        + safe(": ")
        + safe(problem.severity, f"problem.{problem.severity}")
        + safe(f": {one_line(problem.message)}")
        + safe(f" [{problem.code}]", "faint")
    )


def _quotation(line: str, number: int, column: int, width: int) -> "list[Text]":
    """The source line and a caret below the column, both cut to what the screen holds."""
    from rich.cells import cell_len

    before = neutral(line[: column - 1]).replace("\t", _TAB)
    after = neutral(line[column - 1 :]).replace("\t", _TAB)
    room = max(width - len(_gutter(number)) - 4, 2 * _CONTEXT)
    if cell_len(before) + cell_len(after) > room and len(before) > _CONTEXT:
        before = "…" + before[-(_CONTEXT - 1) :]
    quoted = safe(before + after)
    quoted.truncate(room, overflow="ellipsis")
    return [
        safe(f"{number:>{len(_gutter(number))}} | ", "faint") + quoted,
        safe(f"{_gutter(number)} | ", "faint") + safe(" " * cell_len(before) + "^", "problem.error"),
    ]


def _gutter(number: int) -> str:
    return " " * max(5, len(str(number)))
