"""Suggested grants as they would stand in the task file, and what they take away."""

from typing import TYPE_CHECKING

from errands.cli.figures import plural
from errands.cli.neutral import one_line, safe
from errands.core.definition.emitting import emit_lines
from errands.services.grants_views import GrantsSuggested

if TYPE_CHECKING:
    from rich.text import Text


def grants_lines(found: GrantsSuggested) -> "list[Text]":
    """What would be enough, what it leaves out, and what was not seen."""
    looked_at = f"{plural(found.runs, 'run')} of version {found.version} of {one_line(found.task)}"
    if not found.runs:
        return [safe(f"No run of version {found.version} of {one_line(found.task)} has succeeded yet; run it first.")]
    if not (found.unused or found.narrowed):
        return [safe(f"{looked_at} needed everything that is granted.", "status.succeeded"), *_not_reached(found)]
    lines = [safe(f"Enough for {looked_at}:")]
    lines += [safe(line) for line in emit_lines({"grants": found.grants}, 0)] if found.grants else [safe("grants: {}")]
    lines += [safe(f"  never needed   {one_line(one)}", "faint") for one in found.unused]
    lines += [safe(f"  narrower       {one_line(one)}", "faint") for one in found.narrowed]
    return [*lines, *_not_reached(found)]


def _not_reached(found: GrantsSuggested) -> "list[Text]":
    if not found.not_reached:
        return []
    steps = ", ".join(one_line(step) for step in found.not_reached)
    return [safe(f"Not seen at work: {steps}. Their tools stay; check hosts and secrets before you narrow.", "faint")]
