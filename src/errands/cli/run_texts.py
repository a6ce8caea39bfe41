"""Lists of runs and of approvals as tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from errands.cli.figures import count, duration, moment, money
from errands.cli.headline import cause
from errands.cli.neutral import safe
from errands.cli.palette import look_of
from errands.cli.screen import Screen
from errands.cli.tables import Column, table
from errands.services.views import ApprovalView, RunLine

if TYPE_CHECKING:
    from rich.console import Group


def run_table(runs: Sequence[RunLine], now: datetime, screen: Screen) -> "Group":
    """One run a row: state, id, task, when, how long, what it cost, why it stands there."""
    rows = []
    for run in runs:
        look = look_of(run.status)
        state = safe(f"{look.sign(unicode=screen.unicode)} {look.word}", f"status.{run.status.value}")
        rows.append(
            (
                state,
                run.id,
                run.task,
                f"v{run.version}",
                moment(run.queued_at, now),
                _took(run, now),
                count(run.usage.tokens) if run.usage.tokens else "",
                money(run.usage.usd) if run.usage.usd else "",
                _note(run),
            )
        )
    columns = [
        Column("State"),
        Column("Run", "accent", rank=-1),
        Column("Task", rank=1),
        Column("Ver"),
        Column("Queued"),
        Column("Took", align="right"),
        Column("Tokens", align="right"),
        Column("Cost", align="right"),
        Column("Why", rank=2),
    ]
    return table(columns, rows, screen.out.width)


def approval_table(approvals: Sequence[ApprovalView], now: datetime, screen: Screen) -> "Group":
    """One open question a row."""
    columns = [
        Column("Approval", "accent", rank=-1),
        Column("Task", rank=1),
        Column("Asked"),
        Column("Until"),
        Column("Choices", rank=1),
        Column("Question", rank=2),
    ]
    rows = [
        (
            approval.id,
            approval.task,
            moment(approval.created_at, now),
            moment(approval.due_at, now) if approval.due_at else "",
            " | ".join(approval.choices),
            approval.question,
        )
        for approval in approvals
    ]
    return table(columns, rows, screen.out.width)


def _took(run: RunLine, now: datetime) -> str:
    return "" if run.started_at is None else duration((run.finished_at or now) - run.started_at)


def _note(run: RunLine) -> str:
    """The error or the reason, else what started it."""
    if run.error is not None:
        return f"{run.error.step}: {run.error.message}" if run.error.step else run.error.message
    return run.reason or cause(run.trigger, run.starter)
