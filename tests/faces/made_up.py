"""Made-up views of runs, for the renderers: no database, no engine."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from errands.cli.outline import Outline
from errands.core.definition.parsing import parse_task
from errands.core.definition.task import TaskDefinition
from errands.core.outcomes import ErrorKind, RunStatus, StepError, StepStatus, Usage
from errands.core.values import Json
from errands.services.views import BelowView, RunView, StepView, Timings, WaitView

NOW = datetime(2026, 11, 23, 9, 0, 10, tzinfo=UTC)
RUN_ID = "run_0192f3c4a1b27c3e8d5f6a7b8c9d0e1f"
APPROVAL_ID = "apr_0192f3c4a1b27c3e8d5f6a7b8c9d0e20"

REPORT = """
task: report
description: Sums up orders.
agent: analyst
grants: {tools: [sql.query, mail.send], secrets: [DB, SMTP]}
steps:
  - {id: orders, title: Last week's orders, tool: sql.query, with: {connection: "secret:DB", sql: select 1}}
  - {id: totals, python: "[1, 2, 3, 4, 5]"}
  - if: not totals
    then:
      - {id: nothing, finish: {output: none}}
    else:
      - {id: summary, prompt: "Sum up {{ totals }}"}
  - id: notes
    for_each: totals
    as: item
    max_parallel: 3
    do:
      - {id: note, agent: scribe, prompt: "A line on {{ item }}"}
  - {id: ok, approve: {question: "Send it?", choices: [send, drop]}}
  - {id: mail, tool: mail.send, with: {to: [a@example.com], subject: s, text: t}}
"""


def definition(source: str = REPORT) -> TaskDefinition:
    """A parsed task. Fails the test with its problems where it is not valid."""
    parsed = parse_task(source)
    assert parsed.definition is not None, parsed.problems
    return parsed.definition


def outline(source: str = REPORT) -> Outline:
    """The outline of a task's source."""
    return Outline.of(definition(source))


def step(path: str, status: StepStatus = StepStatus.SUCCEEDED, **changes: object) -> StepView:
    """A step that took a second, unless said otherwise."""
    key = path.rpartition(".")[2].partition("[")[0]
    ended = status not in (StepStatus.RUNNING, StepStatus.WAITING)
    view = StepView(
        path=path,
        key=key,
        kind="tool",
        title=None,
        status=status,
        input=None,
        output=None,
        output_size=None,
        error=None,
        attempts=1,
        usage=Usage(),
        started_at=NOW - timedelta(seconds=5),
        finished_at=NOW - timedelta(seconds=4) if ended else None,
        cached=False,
        effect_key=None,
        depth=path.count("."),
    )
    return replace(view, **changes)  # type: ignore[arg-type]


def failed(path: str, message: str, hint: str | None = None) -> StepView:
    """A step that failed with this message."""
    return step(path, StepStatus.FAILED, error=StepError(ErrorKind.NETWORK, message, hint, path))


def turn(path: str, output: Json, tokens: int = 100) -> BelowView:
    """A model request below a step."""
    return BelowView(
        path,
        "turn",
        StepStatus.SUCCEEDED,
        {"messages": 1},
        output,
        None,
        Usage(input_tokens=tokens, usd=Decimal("0.004"), requests=1),
        None,
        NOW - timedelta(seconds=4),
        NOW - timedelta(seconds=3),
    )


def call(path: str, output: Json, error: StepError | None = None) -> BelowView:
    """A tool call of an agent below a step."""
    status = StepStatus.SUCCEEDED if error is None else StepStatus.FAILED
    return BelowView(path, "call", status, {"q": 1}, output, error, Usage(tool_calls=1), "key-1", NOW, NOW)


def approval_wait(path: str = "ok") -> WaitView:
    """A wait for an answer."""
    since = NOW - timedelta(minutes=3)
    return WaitView(path, "approval", since, None, approval=APPROVAL_ID, question="Send it?", choices=("send", "drop"))


def run(status: RunStatus = RunStatus.SUCCEEDED, steps: Sequence[StepView] = (), **changes: object) -> RunView:
    """A run of the report."""
    view = RunView(
        id=RUN_ID,
        status=status,
        project="default",
        task="report",
        version=7,
        trigger={"kind": "schedule", "id": "monday"},
        starter=None,
        arguments={"region": "emea"},
        reason=None,
        output={"sent": True} if status is RunStatus.SUCCEEDED else None,
        output_size=None,
        error=None,
        usage=Usage(input_tokens=12_000, output_tokens=400, usd=Decimal("0.031"), requests=3),
        queued_at=NOW - timedelta(seconds=50),
        started_at=NOW - timedelta(seconds=49),
        finished_at=NOW if status.final else None,
        timings=Timings(queued=0.2, running=41, waiting=10_920),
        cancel_requested_at=None,
        cancel_by=None,
        parent=None,
        rerun_of=None,
        rerun_from=None,
        untrusted=False,
        steps=tuple(steps),
    )
    return replace(view, **changes)  # type: ignore[arg-type]
