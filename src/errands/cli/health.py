"""What the doctor found, one line each; where something is wrong, what to do."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from errands.cli.neutral import one_line, safe
from errands.cli.palette import look_of
from errands.core.outcomes import StepStatus
from errands.services.views import Check

if TYPE_CHECKING:
    from rich.text import Text


def check_lines(checks: Sequence[Check], *, unicode: bool) -> "list[Text]":
    """The findings in columns, then their sum."""
    width = max((len(check.name) for check in checks), default=0)
    lines: list[Text] = []
    for check in checks:
        status = StepStatus.SUCCEEDED if check.ok else StepStatus.FAILED
        sign = look_of(status).sign(unicode=unicode)
        lines.append(safe(sign, f"status.{status.value}") + safe(f" {check.name:<{width}}  {one_line(check.detail)}"))
        if check.hint and not check.ok:
            lines.append(safe(f"  {'':<{width}}  {one_line(check.hint)}", "problem.hint"))
    wrong = sum(not check.ok for check in checks)
    verdict = f"{wrong} of {len(checks)} checks need attention" if wrong else f"All {len(checks)} checks are fine"
    return [*lines, safe(verdict, "status.failed" if wrong else "status.succeeded")]
