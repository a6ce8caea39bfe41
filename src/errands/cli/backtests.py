"""What a backtest has shown: one line for each run, below it what differs, and the sum."""

from collections import Counter
from typing import TYPE_CHECKING

from errands.cli.figures import plural
from errands.cli.neutral import neutral, one_line, safe
from errands.cli.palette import look_of
from errands.core.outcomes import StepStatus, Usage
from errands.services.backtest_views import Backtest, BacktestedRun, PublishGateView

if TYPE_CHECKING:
    from rich.text import Text

_LOOKS = {
    "same": StepStatus.SUCCEEDED,
    "changed": StepStatus.FAILED,
    "unknown": StepStatus.WAITING,
    "refused": StepStatus.FAILED,
}


def backtest_lines(found: Backtest, *, unicode: bool) -> "list[Text]":
    """The result for every run, and their sum."""
    if not found.runs:
        return [safe(f"{one_line(found.task)} has no run yet that ended; there is nothing to compare with.")]
    lines = [line for run in found.runs for line in _run(run, unicode)]
    counted = Counter(run.verdict for run in found.runs)
    said = ", ".join(f"{count} {verdict}" for verdict, count in counted.items())
    lines.append(safe(f"{plural(len(found.runs), 'run')}: {said}", "status.succeeded" if found.clean else ""))
    if found.live is not None:
        paid = found.live.paid
        asked = f"Real models: {plural(paid.requests, 'request')}, {paid.tokens:,} tokens, ${paid.usd:.4f}."
        more = " The budget is used up: what is unanswered was not asked." if found.live.used_up else ""
        lines.append(safe(asked + more, "status.waiting" if found.live.used_up else ""))
    return lines


def gate_text(view: PublishGateView) -> str:
    """What must hold before a version is published."""
    if not view.runs:
        return "Nothing holds a version back."
    allowed = f"at most {plural(view.may_differ, 'run')}" if view.may_differ else "none"
    unknown = "" if view.unknown == "differs" else "; what is unknown passes"
    return (
        f"Of the last {plural(view.runs, 'run')} {allowed} may come out otherwise{unknown} (set for the {view.whose})."
    )


def _run(run: BacktestedRun, unicode: bool) -> "list[Text]":
    status = _LOOKS[run.verdict]
    sign = safe(look_of(status).sign(unicode=unicode) + " ", f"status.{status.value}")
    outcome = run.status.value if run.status is not None else run.verdict
    head = sign + safe(f"{run.run}  {run.verdict}  {run.status_before.value} -> {outcome}  {_spent(run)}")
    lines = [head]
    lines += [safe(f"    {one_line(path)}: changed, unanswered") for path in run.unanswered]
    lines += [safe(f"    {one_line(path)}: asked of the real model") for path in run.asked]
    told = {*run.unanswered, *run.asked}
    lines += [safe(f"    {one_line(path)}: not called any more") for path in run.dropped if path not in told]
    if run.error is not None:
        lines.append(safe(f"    {one_line(run.error.message)}"))
    for difference in run.differences:
        lines += [safe(f"    {line}") for line in neutral(difference).splitlines()]
    return lines


def _spent(run: BacktestedRun) -> str:
    """Calls, tokens and money, before and after; at least so much, where calls are unanswered."""
    least = "at least " if run.unanswered else ""
    calls = plural(len(run.same) + len(run.unanswered) + len(run.asked), "call")
    return f"{calls}  {_used(run.usage_before)} -> {least}{_used(run.usage)}"


def _used(usage: Usage) -> str:
    return f"{usage.tokens} tok ${usage.usd:.4f}" if usage.usd else f"{usage.tokens} tok"
