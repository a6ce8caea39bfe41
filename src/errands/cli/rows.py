"""Draws a tree of steps: one line of text a row, cut to the width, collapsed to the height.

Names, details and figures stand in columns of their own. What is under way is kept longest; what has ended well goes
first. Nothing that a user or a model wrote can break a row: texts come in neutral and on one line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from errands.cli.figures import plural
from errands.cli.neutral import safe
from errands.cli.palette import look_of
from errands.cli.tree import Node
from errands.core.outcomes import StepStatus

if TYPE_CHECKING:
    from rich.text import Text

_INDENT = "  "
_GAP = 2
_NARROWEST = 20
_NOT_REACHED = ("○", ".")
_SHEEN = 4
"""Characters of the light that moves over the name of a step at work."""
_OPEN_ROUNDS = 3
"""Ended rounds that a loop shows before they are folded into one row."""
_SHOWN_FAILED_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a node, a note below one, or the sum of what was folded."""

    depth: int
    node: Node | None
    note: str = ""
    style: str = "faint"


@dataclass(frozen=True, slots=True)
class Canvas:
    """What rows are drawn for."""

    width: int
    unicode: bool = True
    tick: int | None = None
    """Position of the moving light. `None`: nothing moves."""


def rows(nodes: Sequence[Node], *, fold: bool = True) -> list[Row]:
    """All rows of a tree. With `fold`, the ended rounds of a loop become one row."""
    return list(_rows(nodes, 0, fold))


def fit(nodes: Sequence[Node], height: int) -> list[Row]:
    """At most `height` rows: what is inside of ended steps goes first, then ended steps, then what is still to come."""
    drawn = rows(nodes)
    if len(drawn) > height:
        drawn = rows([node if node.live else replace(node, children=[]) for node in nodes])
    if len(drawn) <= height:
        return drawn
    drawn = _fold_ended(drawn, len(drawn) - height)
    if len(drawn) > height:
        hidden = len(drawn) - height + 1
        drawn = [*drawn[: height - 1], Row(0, None, f"and {hidden} more")]
    return drawn


def draw(drawn: Sequence[Row], canvas: Canvas) -> "list[Text]":
    """The rows as text, none wider than the canvas."""
    from rich.cells import cell_len

    named = [2 * row.depth + 2 + cell_len(_name(row.node)) for row in drawn if row.node is not None]
    column = min(max(named, default=0), max(canvas.width * 2 // 5, 12))
    figures = [cell_len(row.node.figures) for row in drawn if row.node is not None]
    details = [cell_len(row.node.detail) for row in drawn if row.node is not None]
    needed = column + max(details, default=0) + max(figures, default=0) + 2 * _GAP
    fitted = replace(canvas, width=min(canvas.width, max(needed, _NARROWEST)))
    return [_draw_row(row, canvas if row.node is None else fitted, column) for row in drawn]


def _rows(nodes: Sequence[Node], depth: int, fold: bool) -> Iterator[Row]:
    kept = [node for node in nodes if not (fold and _foldable(node, nodes))]
    folded = len(nodes) - len(kept)
    if folded:
        yield Row(depth, None, f"{plural(folded, 'round')} succeeded", "status.succeeded")
    failed = 0
    for node in kept:
        if fold and node.is_round and node.status is StepStatus.FAILED:
            failed += 1
            if failed > _SHOWN_FAILED_ROUNDS:
                continue
        yield Row(depth, node)
        for style, note in node.notes:
            yield Row(depth + 1, None, note, style)
        yield from _rows(node.children, depth + 1, fold)
    if failed > _SHOWN_FAILED_ROUNDS:
        yield Row(depth, None, f"and {failed - _SHOWN_FAILED_ROUNDS} more failed", "status.failed")


def _foldable(node: Node, siblings: Sequence[Node]) -> bool:
    ended = (one for one in siblings if one.is_round and one.status is StepStatus.SUCCEEDED)
    return node.is_round and node.status is StepStatus.SUCCEEDED and sum(1 for _ in ended) > _OPEN_ROUNDS


def _fold_ended(drawn: list[Row], excess: int) -> list[Row]:
    """Fold the first ended rows of the outermost level into one, as many as it takes."""
    folded, kept, steps = 0, [], 0
    for row in drawn:
        ended = row.node is not None and row.node.status is not None and not row.node.live
        if folded <= excess and row.depth == 0 and ended and row.node and row.node.status is StepStatus.SUCCEEDED:
            folded, steps = folded + 1, steps + 1
        else:
            kept.append(row)
    return [Row(0, None, f"{plural(steps, 'step')} succeeded", "status.succeeded"), *kept] if steps else drawn


def _draw_row(row: Row, canvas: Canvas, column: int) -> "Text":
    from rich.cells import cell_len

    indent = _INDENT * row.depth
    if row.node is None:
        text = safe(indent + _INDENT) + safe(row.note, row.style)
        text.truncate(canvas.width, overflow="ellipsis")
        return text
    node = row.node
    left = safe(indent) + _sign(node.status, canvas) + safe(" ") + _titled(node, canvas)
    left.truncate(column, overflow="ellipsis", pad=True)
    figures = safe(node.figures, "" if node.live else "faint")
    room = canvas.width - column - 4 - cell_len(node.figures)
    if room < 0:
        figures.truncate(max(canvas.width - column - 2, 0), overflow="ellipsis")
    detail = safe(node.detail, "faint")
    detail.truncate(max(room, 0), overflow="ellipsis", pad=True)
    line = left + safe("  ") + detail + safe("  ") + figures
    line.truncate(canvas.width, overflow="ellipsis")
    line.rstrip()
    return line


def _sign(status: StepStatus | None, canvas: Canvas) -> "Text":
    if status is None:
        return safe(_NOT_REACHED[0 if canvas.unicode else 1], "status.queued")
    return safe(look_of(status).sign(unicode=canvas.unicode), f"status.{status.value}")


def _titled(node: Node, canvas: Canvas) -> "Text":
    text = safe(_name(node), "faint" if node.status in (None, StepStatus.SKIPPED) else "")
    if node.branch:
        text.stylize("faint", 0, len(node.branch) + 1)
    if node.status is StepStatus.RUNNING and canvas.tick is not None:
        start = canvas.tick % (len(text) + _SHEEN) - _SHEEN
        text.stylize("light", max(start, 0), max(start + _SHEEN, 0))
    return text


def _name(node: Node | None) -> str:
    if node is None:
        return ""
    return f"{node.branch}: {node.label}" if node.branch else node.label
