"""Runs: listed, explained, started, ended by a card."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, JsonValue

from errands.chat.desk import Card, Desk, Told
from errands.chat.operations.operation import Arguments, operation, refused
from errands.core.outcomes import RunStatus, StepStatus
from errands.core.params import ArgumentsInvalid, arguments_schema, check_given
from errands.core.values import Json, to_text
from errands.services.errors import Invalid
from errands.services.views import RunLine, RunView

_LONGEST = 2000
_MOST_STEPS = 60


class RunsWanted(Arguments):
    task: str | None = None
    """Only runs of this task."""
    status: RunStatus | None = None
    """Only runs in this state."""
    limit: Annotated[int, Field(ge=1, le=50)] = 10


class RunName(Arguments):
    run: str
    """Id of a run, or the last six digits of it."""


class RunToEnd(RunName):
    reason: str | None = None


class RunWanted(Arguments):
    task: str
    """Name of a published task."""
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    """By the names of its params."""


@operation
async def list_runs(desk: Desk, arguments: RunsWanted) -> Told:
    """The latest runs, newest first."""
    page = await desk.services.runs.list(
        desk.caller, desk.project, task=arguments.task, status=arguments.status, limit=arguments.limit
    )
    if not page.items:
        return Told([], "There is no such run yet.")
    lines: list[Json] = [_line(one) for one in page.items]
    said = "\n".join(_sentence(one) for one in page.items)
    return Told(lines, said, (Card("runs", {"runs": lines}),), outside=any(one.error for one in page.items))


@operation
async def explain_run(desk: Desk, arguments: RunName) -> Told:
    """What a run did, step by step, and why it failed, waits or was skipped."""
    run = await desk.services.runs.get(desk.caller, arguments.run)
    facts: dict[str, Json] = {
        "run": run.id,
        "task": run.task,
        "version": run.version,
        "status": run.status.value,
        "trigger": run.trigger,
        "starter": run.starter,
        "arguments": run.arguments,
        "reason": run.reason,
        "output": _short(run.output),
        "error": None if run.error is None else run.error.as_json(),
        "waits_for": [{"kind": one.kind, "step": one.path, "question": one.question} for one in run.waiting],
        "steps": [
            {
                "step": step.path,
                "kind": step.kind,
                "status": step.status.value,
                "output": _short(step.output),
                "error": None if step.error is None else step.error.message,
            }
            for step in run.steps[:_MOST_STEPS]
        ],
    }
    return Told(facts, story(run), (Card("run", run_card(run.id, run.task, run.status)),), outside=True)


@operation
async def start_run(desk: Desk, arguments: RunWanted) -> Told:
    """Start a published task. Where arguments are missing, or the conversation has read something from outside, the
    person is shown a form first."""
    definition = await desk.services.tasks.definition(desk.caller, desk.project, arguments.task)
    given: Mapping[str, Json] = arguments.arguments
    problem: str | None = None
    try:
        check_given(definition.params, given)
    except ArgumentsInvalid as invalid:
        problem = refused(invalid)
    if problem is None and not desk.untrusted:
        started = await desk.services.runs.start(desk.caller, desk.project, arguments.task, given)
        card = Card("run", run_card(started.id, arguments.task, started.status))
        because = f": {started.reason}" if started.reason else ""
        said = f"`{started.id}` of **{arguments.task}** is {started.status.value}{because}."
        return Told({"run": started.id, "status": started.status.value, "reason": started.reason}, said, (card,))
    why = problem or "This conversation has read something from outside, so the run starts with your click."
    form: dict[str, Json] = {
        "task": arguments.task,
        "arguments": dict(given),
        "schema": arguments_schema(definition.params),
        # The form itself marks what is missing.
        "text": "Fill in what it needs, then start it." if problem is not None and not given else why,
    }
    facts: Json = {"not_started": why, "the_person_is_asked_by": "a form"}
    return Told(facts, why, (Card("form", form),))


@operation
async def cancel_run(desk: Desk, arguments: RunToEnd) -> Told:
    """Offer to end a run. The person clicks."""
    run = await desk.services.runs.get(desk.caller, arguments.run)
    if run.status.final:
        raise Invalid(f"{run.id} has {run.status.value} already.", "There is nothing to end.")
    said = f"End {run.id} of {run.task}?"
    data: dict[str, Json] = {"act": "cancel", "name": run.id, "note": arguments.reason, "text": said}
    return Told("The person is asked by a card.", said, (Card("act", data),))


def run_card(run: str, task: str, status: RunStatus) -> Mapping[str, Json]:
    """What the page follows a run by."""
    return {"run": run, "task": task, "status": status.value, "events": f"/api/v1/runs/{run}/events"}


def _line(run: RunLine) -> dict[str, Json]:
    return {
        "run": run.id,
        "task": run.task,
        "status": run.status.value,
        "reason": run.reason,
        "error": None if run.error is None else run.error.message,
        "queued_at": run.queued_at.isoformat(),
    }


def _sentence(run: RunLine) -> str:
    why = run.reason or (run.error.message if run.error is not None else "")
    return f"- `{run.id}` **{run.task}** {run.status.value}{f': {why}' if why else ''}"


def story(run: RunView) -> str:
    """The run in words."""
    lines = [f"`{run.id}` of **{run.task}** (version {run.version}) has the state **{run.status.value}**."]
    if run.reason:
        lines.append(f"Because: {run.reason}.")
    if run.error is not None:
        where = f" in step `{run.error.step}`" if run.error.step else ""
        lines.append(f"It failed{where} ({run.error.kind.value}): {run.error.message}")
        lines += [f"What to do: {run.error.hint}."] if run.error.hint else []
    lines += [f"It waits at `{one.path}` for {one.question or f'a {one.kind}'}." for one in run.waiting]
    done = [step for step in run.steps if step.status is StepStatus.SUCCEEDED]
    lines.append(f"{len(done)} of {len(run.steps)} steps that were reached succeeded.")
    if run.output is not None:
        shown = _short(run.output)
        lines.append(f"Output: `{shown if isinstance(shown, str) else to_text(shown)}`")
    return "\n\n".join(lines)


def _short(value: Json) -> Json:
    text = value if isinstance(value, str) else to_text(value)
    return value if len(text) <= _LONGEST else f"{text[:_LONGEST]} [cut; {len(text):,} characters]"
