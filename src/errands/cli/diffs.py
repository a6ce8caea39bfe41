"""A unified diff, coloured; signs stay, so colour is never alone."""

from typing import TYPE_CHECKING

from errands.cli.neutral import neutral, safe

if TYPE_CHECKING:
    from rich.text import Text


def diff_text(diff: str) -> "Text":
    """The lines of a unified diff, each in the style of its sign."""
    text = safe("")
    for line in neutral(diff).splitlines():
        text.append(line + "\n", style=_style(line))
    text.rstrip()
    return text


def _style(line: str) -> str:
    if line.startswith(("+++", "---", "@@")):
        return "diff.place"
    if line.startswith("+"):
        return "diff.added"
    return "diff.removed" if line.startswith("-") else ""
