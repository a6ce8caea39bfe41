"""Steps that wait: a while, an event, people, a sub-task. While nothing else in the run can move, it holds nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from errands.core.definition.steps import ApproveStep, EventStep, Step, SubtaskStep, WaitStep
from errands.core.definition.units import parse_duration, show_duration
from errands.core.expressions.templates import compile_template
from errands.core.outcomes import ErrorKind, StepError, StepFailed, StepStatus
from errands.core.values import Json, JsonObject, from_text
from errands.engine import leaves
from errands.engine.lanes import Lane
from errands.engine.ledger import AnswerHold, ChildHold, EventHold, TimerHold
from errands.engine.program import CompiledStep
from errands.engine.records import Record, Stored
from errands.engine.scope import MARKED_ARGUMENTS, MARKED_CONDITION, Scope

if TYPE_CHECKING:
    from errands.engine.walk import Walk


async def wait(walk: "Walk", compiled: CompiledStep, step: WaitStep, scope: Scope, path: str, lane: Lane) -> Record:
    """`wait:` for a while, or until a moment. No output."""
    started = walk.since(path)
    rendered = await walk.object(compiled.main, scope, path)
    taken = await leaves.inherit(walk, scope, path, rendered)
    if taken is not None:
        return taken
    walk.watcher.began(path, step, 1)
    if walk.stubs is None:
        await walk.ledger.hold(f"{path}/wait", TimerHold(_due(rendered, started)), lane)
    return await _passed(walk, compiled, scope, path, rendered, None, started)


def _due(rendered: JsonObject, now: datetime) -> datetime:
    until, duration = rendered.get("until"), rendered.get("duration")
    if until is not None:
        return _moment(until, "wait")
    if isinstance(duration, int | float):
        return now + timedelta(seconds=duration)
    try:
        return now + parse_duration(str(duration))
    except ValueError as error:
        raise StepFailed(ErrorKind.INPUT, f"`wait:` gave {error}") from None


def _moment(until: Json, kind: str) -> datetime:
    try:
        moment = datetime.fromisoformat(str(until))
    except ValueError:
        raise StepFailed(
            ErrorKind.INPUT,
            f"`{kind}: {{until: ...}}` gave {until!r}, which is not a moment",
            hint="write it like 2026-12-01T09:00+01:00",
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


async def event(walk: "Walk", compiled: CompiledStep, step: EventStep, scope: Scope, path: str, lane: Lane) -> Record:
    """`wait_for:` an event. Output: its payload; fails as timed out when it does not come in time."""
    started = walk.since(path)
    rendered = await walk.object(compiled.main, scope, path)
    taken = await leaves.inherit(walk, scope, path, rendered)
    if taken is not None:
        return taken
    walk.watcher.began(path, step, 1)
    stubbed = _stub(walk, step, path)
    if stubbed is not None:
        return await _passed(walk, compiled, scope, path, rendered, stubbed.output, started, _facts(stubbed))
    due = _latest(step, rendered, started)
    name, key = str(rendered["event"]), rendered.get("key")
    result = await walk.ledger.hold(f"{path}/wait", EventHold(name, None if key is None else str(key), due), lane)
    came = _came(result)
    if came["by"] != "event":
        keyed = f" with key `{key}`" if key is not None else ""
        within = f" within {show_duration(step.expires)}" if step.expires is not None else " in time"
        error = StepError(ErrorKind.TIMEOUT, f"no event `{name}`{keyed} came{within}", step=path)
        return await walk.failed(path, error, untrusted=scope.untrusted, started_at=started)
    return await _passed(walk, compiled, scope, path, rendered, came.get("payload"), started)


def _latest(step: EventStep, rendered: JsonObject, started: datetime) -> datetime | None:
    """When an event that has not come is not waited for any more: the earlier of `timeout` and `until`."""
    ends = [] if step.expires is None else [started + step.expires]
    if rendered.get("until") is not None:
        ends.append(_moment(rendered["until"], "wait_for"))
    return min(ends, default=None)


async def approve(
    walk: "Walk", compiled: CompiledStep, step: ApproveStep, scope: Scope, path: str, lane: Lane
) -> Record:
    """`approve:` ask people. Output: `{choice, form, by, at}`."""
    started = walk.since(path)
    rendered = await walk.object(compiled.main, scope, path)
    taken = await leaves.inherit(walk, scope, path, rendered) if _still_counts(walk, step, path) else None
    if taken is not None:
        return taken
    walk.watcher.began(path, step, 1)
    stubbed = _stub(walk, step, path)
    if stubbed is not None:
        return await _passed(walk, compiled, scope, path, rendered, stubbed.output, started, _facts(stubbed))
    form = rendered.get("form")
    due = started + step.deadline.after if step.deadline is not None else None
    hold = AnswerHold(str(rendered["question"]), form if isinstance(form, Mapping) else None, step.choices, step, due)
    came = _came(await walk.ledger.hold(f"{path}/wait", hold, lane))
    if came["by"] == "answer":
        answer: JsonObject = {name: came.get(name) for name in ("choice", "form", "by", "at")}
        answer = {**answer, "by": came.get("person")}
        return await _passed(walk, compiled, scope, path, rendered, answer, started)
    choice = step.deadline.choose if step.deadline is not None else None
    if choice is None:
        error = StepError(ErrorKind.TIMEOUT, f"nobody answered `{path}` in time", step=path)
        return await walk.failed(path, error, untrusted=scope.untrusted, started_at=started)
    answer = {"choice": choice, "form": defaults_of(hold.form), "by": None, "at": came.get("at")}
    return await _passed(walk, compiled, scope, path, rendered, answer, started)


def _still_counts(walk: "Walk", step: ApproveStep, path: str) -> bool:
    """Whether what was answered in the run that is repeated may be taken over, if the very same is asked.

    An answer covers what was shown to whoever gave it. What nobody answered in time is asked again; and where the task
    lets nobody approve the own run, the answer of somebody who starts it now does not count, nor one of several people:
    the record names only the last of them.
    """
    earlier = walk.ledger.inherited(path)
    answer = earlier.output if earlier is not None else None
    by = answer.get("by") if isinstance(answer, Mapping) else None
    if by is None:
        return False
    return "starter" not in step.not_ or (step.quorum == 1 and by != walk.run.starter)


def defaults_of(form: JsonObject | None) -> JsonObject:
    """What a form holds before anybody fills it in."""
    fields = form.get("properties") if form is not None else None
    if not isinstance(fields, Mapping):
        return {}
    return {
        name: field["default"] for name, field in fields.items() if isinstance(field, Mapping) and "default" in field
    }


async def subtask(
    walk: "Walk", compiled: CompiledStep, step: SubtaskStep, scope: Scope, path: str, lane: Lane
) -> Record:
    """`run:` another task. Output: its output, or `{run: id}` where it is not waited for."""
    started = walk.since(path)
    rendered = await walk.object(compiled.main, scope, path)
    taken = await leaves.inherit(walk, scope, path, rendered)
    if taken is not None:
        return taken
    walk.watcher.began(path, step, 1)
    stubbed = _stub(walk, step, path)
    if stubbed is not None:
        return await _passed(walk, compiled, scope, path, rendered, stubbed.output, started, _facts(stubbed))
    hold = ChildHold(step.task, rendered, step.wait, _marked_for_child(step, scope))
    came = _came(await walk.ledger.hold(f"{path}/wait", hold, lane))
    outside = came.get("untrusted") is True
    facts: JsonObject = {"child": came.get("run"), **({"untrusted": True} if outside else {})}
    if not step.wait:
        return await _passed(walk, compiled, scope, path, rendered, {"run": came.get("run")}, started, facts)
    if came.get("status") != "succeeded":
        error = _child_error(step, came, path)
        return await walk.failed(path, error, untrusted=scope.untrusted or outside, started_at=started)
    ref, size = came.get("output_ref"), came.get("output_size")
    output: Json | Stored = came.get("output")
    if isinstance(ref, str):
        output = Stored(ref, size if isinstance(size, int) else 0)
    return await _passed(walk, compiled, scope, path, rendered, output, started, facts)


def _marked_for_child(step: SubtaskStep, scope: Scope) -> JsonObject:
    """What the sub-task's trigger says of data from outside."""
    if not scope.untrusted:
        return {}
    marked: list[Json] = [
        name
        for name, template in step.with_.items()
        if any(scope.marked(used) for used in compile_template(template).free)
    ]
    return {"untrusted": True, MARKED_ARGUMENTS: marked, MARKED_CONDITION: scope.condition}


def _child_error(step: SubtaskStep, came: JsonObject, path: str) -> StepError:
    error = came.get("error")
    inner = StepError.from_json(error) if isinstance(error, Mapping) else None
    kind = inner.kind if inner is not None else ErrorKind.TOOL
    reason = inner.message if inner is not None else str(came.get("reason") or "no reason was recorded")
    return StepError(kind, f"sub-task `{step.task}` {came.get('status')}: {reason}", step=path, detail=came.get("run"))


def _stub(walk: "Walk", step: Step, path: str) -> leaves.Stub | None:
    if walk.stubs is None:
        return None
    return walk.stubs.answer(step, path) or walk.stubs.missing(step, path, None)


def _facts(stub: leaves.Stub) -> JsonObject | None:
    return {"untrusted": True} if stub.made_up else None


def _came(result: Json) -> JsonObject:
    """A hold's result as an object."""
    value = from_text(result) if isinstance(result, str) else result
    return value if isinstance(value, Mapping) else {"by": "timer"}


async def _passed(
    walk: "Walk",
    compiled: CompiledStep,
    scope: Scope,
    path: str,
    rendered: JsonObject,
    output: Json | Stored,
    started: datetime,
    facts: JsonObject | None = None,
) -> Record:
    """The outcome of a hold that came to its end. It rides along: the closed wait says the same to a replay."""
    record = Record(path, "outcome", StepStatus.SUCCEEDED, rendered, output, None, facts, started, walk.clock())
    return await leaves.recorded(walk, compiled, scope, record.carrying(scope.untrusted), ride=True)
