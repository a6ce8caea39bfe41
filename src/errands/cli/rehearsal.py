"""What came of a dry run, as text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from errands.cli.displays import local_now
from errands.cli.neutral import one_line, safe
from errands.cli.outline import Outline
from errands.cli.palette import look_of
from errands.cli.progress import Progress
from errands.cli.rows import Canvas, draw, rows
from errands.cli.screen import Screen
from errands.cli.tree import grow
from errands.cli.values import value_lines
from errands.services.rehearsal_views import DryRunView, LoggedView

if TYPE_CHECKING:
    from rich.text import Text


def rehearsal_lines(done: DryRunView, screen: Screen) -> "list[Text]":
    """The steps that were reached, and the outcome with its output or error."""
    progress = Progress(Outline(), status=done.status, steps={step.path: step for step in done.steps}, ended=True)
    tree = draw(rows(grow(progress, local_now())), Canvas(screen.out.width, screen.unicode))
    look = look_of(done.status)
    style = f"status.{done.status.value}"
    lines = [
        *tree,
        *logged_lines(done.logs),
        safe(f"{look.sign(unicode=screen.unicode)} {look.word} in a rehearsal; nothing left this machine", style),
    ]
    if done.error is not None:
        lines.append(safe(one_line(done.error.message), style))
        lines += [safe(one_line(done.error.hint), "problem.hint")] if done.error.hint else []
    elif done.output is not None:
        lines += [safe(line) for line in value_lines(done.output, limit=40)]
    return lines


def logged_lines(logs: Sequence[LoggedView]) -> "list[Text]":
    """What was logged, what transforms have printed included: `totals: 3 orders`."""
    return [
        safe(f"{one_line(one.path)}: ", "faint")
        + safe("" if one.level == "info" else f"{one.level} ", "faint")
        + safe(one_line(one.message))
        for one in logs
    ]
