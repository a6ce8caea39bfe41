"""What a run waits for, in a sentence that says how it goes on."""

from datetime import datetime

from errands.cli.figures import duration, moment
from errands.cli.neutral import one_line
from errands.services.views import WaitView


def waiting_for(wait: WaitView, run: str, now: datetime) -> str:
    """Such as `waiting for an answer: errands approve run_...`."""
    limit = "" if wait.due_at is None or wait.kind == "timer" else f" (until {_due(wait.due_at, now)})"
    match wait.kind:
        case "approval":
            return f"waiting for an answer: errands approve {wait.approval or run}{limit}"
        case "event":
            key = f" with the key {one_line(wait.key, 80)}" if wait.key else ""
            return f"waiting for the event {one_line(wait.event or '', 80)}{key}{limit}"
        case "child":
            return f"waiting for the run {wait.child}{limit}"
        case "timer":
            return f"waiting until {_due(wait.due_at, now)}" if wait.due_at else "waiting"


def _due(at: datetime, now: datetime) -> str:
    left = (at - now).total_seconds()
    return f"{moment(at, now)}, in {duration(left)}" if left > 0 else moment(at, now)
