"""The lines above and below a run's steps: what it is, how it stands, where its time and money went."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from errands.cli.figures import duration, money, tokens
from errands.cli.neutral import one_line, safe
from errands.cli.palette import look_of
from errands.cli.rerunning import begun
from errands.core.outcomes import RunStatus, Usage
from errands.core.values import JsonObject
from errands.services.views import RunView, Timings

if TYPE_CHECKING:
    from rich.text import Text

_NAME = 80


def headline(run: RunView) -> "Text":
    """`regional-report  v7  run_...  by schedule monday`."""
    return (
        safe(one_line(run.task, _NAME), "strong")
        + safe(f"  v{run.version}  ")
        + safe(run.id, "accent")
        + safe(f"  {cause(run.trigger, run.starter)}", "faint")
    )


def cause(trigger: JsonObject, starter: str | None) -> str:
    """What started a run: `by schedule monday`, `on demand by user:ana`, `as a sub-task`."""
    kind, name = str(trigger.get("kind", "on_demand")), trigger.get("id")
    by = f" by {one_line(starter, _NAME)}" if starter else ""
    if kind == "on_demand":
        return f"on demand{by}"
    return f"by {one_line(kind.replace('_', ' '))}{f' {one_line(str(name), _NAME)}' if name else ''}"


def standing(status: RunStatus, timings: Timings, usage: Usage, *, unicode: bool = True) -> "Text":
    """`✓ succeeded  queued 0.2s  running 41s  waiting 3h02m  12.4k tokens  $0.031`; what is zero is left out."""
    look = look_of(status)
    parts = [
        f"{word} {duration(seconds)}"
        for word, seconds in (("queued", timings.queued), ("running", timings.running), ("waiting", timings.waiting))
        if seconds >= 0.05 or (word == "running" and seconds)
    ]
    parts += [tokens(usage.tokens)] if usage.tokens else []
    parts += [money(usage.usd)] if usage.usd else []
    return safe(f"{look.sign(unicode=unicode)} {look.word}", f"status.{status.value}") + safe(
        "".join(f"  {part}" for part in parts), "faint"
    )


def why(run: RunView, now: datetime) -> list[str]:
    """Sentences on how the run came to be and why it stands where it stands."""
    lines = [f"Started {cause(run.trigger, run.starter)}, {run.queued_at.astimezone(now.tzinfo):%Y-%m-%d %H:%M:%S}."]
    if isinstance(payload := run.trigger.get("payload"), Mapping) and payload:
        lines.append(f"The trigger brought {one_line(', '.join(map(str, payload)), 200)}.")
    if run.parent:
        lines.append(f"It is a sub-task of {run.parent}.")
    if run.rerun_of:
        lines.append(f"It is a rerun of {run.rerun_of}{begun(run.rerun_from)}.")
    if run.untrusted:
        lines.append("It carries data from outside.")
    if run.cancel_requested_at:
        lines.append(f"Cancelled by {one_line(run.cancel_by or 'somebody', _NAME)}.")
    if run.reason:
        lines.append(f"{look_of(run.status).word.capitalize()}: {one_line(run.reason, 500)}")
    return lines
