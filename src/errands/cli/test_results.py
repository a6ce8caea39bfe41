"""What came of a task's tests: one line each; under a failed one what was expected, what came and what was logged."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from errands.cli.figures import plural
from errands.cli.neutral import neutral, one_line, safe
from errands.cli.palette import look_of
from errands.cli.rehearsal import logged_lines
from errands.core.outcomes import StepStatus
from errands.services.rehearsal_views import TestResult

if TYPE_CHECKING:
    from rich.text import Text


def result_lines(results: Sequence[TestResult], subject: str, *, unicode: bool) -> "list[Text]":
    """The results of all tests of a task, and their sum."""
    if not results:
        return [safe(f"{one_line(subject)} has no tests. Write some under tests: in its file.")]
    lines = [line for result in results for line in _result(result, unicode)]
    failed = sum(not result.passed for result in results)
    total = (
        f"{plural(len(results), 'test')} passed" if not failed else f"{failed} of {plural(len(results), 'test')} failed"
    )
    return [*lines, safe(total, "status.failed" if failed else "status.succeeded")]


def _result(result: TestResult, unicode: bool) -> "list[Text]":
    status = StepStatus.SUCCEEDED if result.passed else StepStatus.FAILED
    sign = safe(look_of(status).sign(unicode=unicode) + " ", f"status.{status.value}")
    lines = [sign + safe(one_line(result.name))]
    for difference in result.differences:
        lines += [safe(f"    {line}") for line in neutral(difference).splitlines()]
    if not result.passed and result.run is not None:
        lines += [safe("    ") + line for line in logged_lines(result.run.logs)]
    return lines
