"""Leaf steps: tool, agent, notify, transform. Attempts, retries, intents, cache, stubs."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from errands.core.definition.steps import AgentStep, NotifyStep, Step, ToolStep
from errands.core.gates import approving, why_ask
from errands.core.outcomes import ErrorKind, Performed, StepError, StepFailed, StepStatus
from errands.core.ports import AgentCall, Effect, Evaluation, LeafCall, SandboxLimits, ToolCall
from errands.core.retry import retry_after
from errands.core.values import Json, JsonObject, digest
from errands.engine.gates import refusal
from errands.engine.lanes import Deadline, Lane
from errands.engine.ledger import AnswerHold, Cached, Kept, TimerHold
from errands.engine.program import CompiledStep, template_of
from errands.engine.records import LeaseLostError, Record, RecordRefusedError
from errands.engine.references import refuse_computed
from errands.engine.scope import Scope

if TYPE_CHECKING:
    from errands.engine.walk import Walk

log = structlog.get_logger()

_MOST_PRINTED: Final = 100
"""Lines that one transform may add to the run's log."""


@dataclass(frozen=True, slots=True)
class Stub:
    """An answer in place of the world."""

    output: Json
    made_up: bool = False
    """Nobody knows what would have come. In a backtest what follows from it carries the mark, and reads as unknown."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Where and how a leaf step is reached."""

    path: str
    attempt: int
    lane: Lane
    untrusted: bool
    """What it was handed, or a condition above it, carries the mark of data from outside."""
    deadline: Deadline


class Stubs(Protocol):
    """Answers leaf steps and holds of a dry run."""

    def answer(self, step: Step, path: str) -> Stub | None:
        """The stub for a step, by path or id. `None`: do it for real, which only calls without effect may."""
        ...

    async def ask(self, step: Step, path: str, call: LeafCall) -> Stub | None:
        """What somebody real answers to a call that has no stub. `None`: nobody is asked."""
        ...

    def missing(self, step: Step, path: str, call: LeafCall | None) -> Stub:
        """Stand in for a step that would touch the world and has no stub, or raise StepFailed that asks for one."""
        ...


@dataclass(slots=True)
class Attempts:
    """Where a step stands: what the journal says of its earlier attempts."""

    number: int
    crashed: bool
    last: Record | None
    outside: bool = False
    """The last one, made by this worker, has seen data from outside before it failed."""


async def call(walk: "Walk", compiled: CompiledStep, scope: Scope, path: str, lane: Lane) -> Record:
    """Bring a tool, agent or notify step to its outcome: render, take from an earlier run or cache, or perform."""
    step = compiled.step
    rendered = await walk.object(compiled.main, scope, path)
    taken = await inherit(walk, scope, path, rendered)
    if taken is not None:
        return taken
    if not compiled.main.literal and not isinstance(step, AgentStep):
        refuse_computed(template_of(step), rendered, walk.secret_params)
    request = _request(step, walk.program.definition.agent, rendered)
    found = await _stubbed(walk, step, scope, path, request, rendered)
    if found is not None:
        return found
    key = await _cache_key(walk, compiled, request, scope, path)
    if key is not None:
        cached = await walk.ledger.cached(key)
        if cached is not None:
            performed = Performed(cached.output, untrusted=cached.untrusted)
            return await _succeeded(walk, compiled, scope, path, rendered, performed, {"cached": True}, walk.clock())
    record = await _attempt(walk, compiled, scope, path, lane, request, rendered)
    if key is not None and step.cache is not None and record.status is StepStatus.SUCCEEDED:
        entry = Cached(await walk.plain(record.output), record.untrusted)
        await walk.ledger.remember(key, entry, step.cache.ttl)
    return record


async def transform(walk: "Walk", compiled: CompiledStep, scope: Scope, path: str) -> Record:
    """Compute a transform in the sandbox. Its record rides along, for a replay would compute the same."""
    step = compiled.step
    started = walk.clock()
    walk.watcher.began(path, step, 1)
    template = compiled.main
    names = await walk.names(template.free, scope)
    moment = await walk.clock_now(path) if "clock" in template.names else None
    seconds = (step.timeout or walk.limits.transform_timeout).total_seconds()
    memory = walk.program.definition.limits.memory or walk.limits.memory_bytes
    bounds = SandboxLimits(seconds, memory)
    printed = partial(_log_printed, walk, path)
    now = walk.run.started_at
    values = await walk.evaluate(
        Evaluation(template.expressions, names, now, moment, program=True, limits=bounds, printed=printed)
    )
    record = Record(path, "outcome", StepStatus.SUCCEEDED, None, values[0], None, None, started, walk.clock())
    return await recorded(walk, compiled, scope, record.carrying(scope.untrusted), ride=True)


def _log_printed(walk: "Walk", path: str, text: str) -> None:
    """A line of the run's log for each line that was printed. A replay takes the record and prints nothing."""
    lines = text.splitlines()
    for line in lines[:_MOST_PRINTED]:
        walk.log(path, line)
    if len(lines) > _MOST_PRINTED:
        walk.log(path, f"… what it printed after {_MOST_PRINTED} lines is not kept")


async def inherit(walk: "Walk", scope: Scope, path: str, rendered: JsonObject) -> Record | None:
    """In a rerun: the earlier run's outcome, if it came of the very same input."""
    earlier = walk.ledger.inherited(path)
    if earlier is None or digest(earlier.input) != digest(rendered):
        return None
    record = await walk.ledger.ride(earlier.carrying(scope.untrusted))
    walk.watcher.ended(record)
    return record


def _request(step: Step, default_agent: str | None, rendered: JsonObject) -> LeafCall:
    match step:
        case ToolStep():
            return ToolCall(step.tool, rendered)
        case NotifyStep():
            return ToolCall("notify.send", rendered)
        case AgentStep():
            files = rendered.get("files")
            return AgentCall(
                prompt=str(rendered["prompt"]),
                agent=step.agent or default_agent,
                model=step.model,
                tools=step.tools,
                output=step.output,
                files=tuple(str(name) for name in files) if isinstance(files, list) else (),
                budget=step.budget,
                approve_tools=step.approve_tools,
            )
        case _:
            raise AssertionError(step.kind)


async def _stubbed(
    walk: "Walk", step: Step, scope: Scope, path: str, request: LeafCall, rendered: JsonObject
) -> Record | None:
    """In a dry run: the stub's answer. A call without any effect outside is made for real."""
    if walk.stubs is None:
        return None
    stub = walk.stubs.answer(step, path)
    if stub is None:
        if isinstance(request, ToolCall) and await walk.performer.effect(request, walk.run) is Effect.NONE:
            return None
        stub = await walk.stubs.ask(step, path, request) or walk.stubs.missing(step, path, request)
    facts: JsonObject = {"stubbed": True}
    record = Record(path, "outcome", StepStatus.SUCCEEDED, rendered, stub.output, None, facts, walk.clock())
    return await walk.ride_outcome(record.carrying(scope.untrusted or stub.made_up))


async def _cache_key(walk: "Walk", compiled: CompiledStep, request: LeafCall, scope: Scope, path: str) -> str | None:
    """Where an earlier output would lie: tool, arguments and version, or what the author says."""
    if compiled.step.cache is None:
        return None
    if compiled.cache_key is not None:
        said = await walk.values(compiled.cache_key, scope, path)
        return digest([walk.run.task, compiled.step.key, said])
    match request:
        case ToolCall():
            return digest([request.tool, await walk.performer.version(request, walk.run), request.arguments])
        case AgentCall():
            parts: list[Json] = [request.agent, request.model, request.prompt, request.output, list(request.files)]
            return digest([walk.run.project, "agent", await walk.performer.version(request, walk.run), parts])


async def _attempt(
    walk: "Walk",
    compiled: CompiledStep,
    scope: Scope,
    path: str,
    lane: Lane,
    request: LeafCall,
    rendered: JsonObject,
) -> Record:
    """Try until it succeeds, the retry policy is used up, or the error is not one to try again."""
    step = compiled.step
    so_far = _attempts(walk, step, path)
    refused = await _refusal(walk, scope, path, lane, request)
    if refused is not None:
        return await _failed(walk, path, rendered, refused, 1, walk.clock(), untrusted=scope.untrusted)
    if so_far.last is not None:
        await _rest(walk, so_far, path, lane)
    while True:
        started = walk.clock()
        walk.watcher.began(path, step, so_far.number)
        try:
            performed = await _perform(walk, compiled, path, lane, request, rendered, so_far, untrusted=scope.untrusted)
            facts: dict[str, Json] = {"attempts": so_far.number} if so_far.number > 1 else {}
            return await _succeeded(walk, compiled, scope, path, rendered, performed, facts, started)
        except StepFailed as failure:
            error = failure.error
        delay = retry_after(step.retry, so_far.number, error)
        if delay is None:
            outside = scope.untrusted or so_far.outside or await walk.performer.outside(request, walk.run)
            return await _failed(walk, path, rendered, error, so_far.number, started, untrusted=outside)
        so_far = await _note_attempt(walk, path, error, so_far.number, delay, started)
        await _rest(walk, so_far, path, lane)


async def _refusal(walk: "Walk", scope: Scope, path: str, lane: Lane, request: LeafCall) -> StepError | None:
    """Ask people where a tool's call is gated. A dry run makes no call that could be."""
    grants = walk.program.definition.grants
    if not isinstance(request, ToolCall) or walk.stubs is not None:
        return None
    if not scope.untrusted and not approving(grants):
        return None
    effect = await walk.performer.effect(request, walk.run)
    why = why_ask(grants, request.tool, effect, untrusted=scope.untrusted)
    return await refusal(walk.ledger, path, request, why, lane) if why else None


def _attempts(walk: "Walk", step: Step, path: str) -> Attempts:
    number, last = 1, None
    while step.retry is not None and (record := walk.ledger.find(f"{path}/attempt[{number}]")) is not None:
        number, last = number + 1, record
    return Attempts(number, walk.ledger.find(f"{path}/intent[{number}]") is not None, last)


async def _note_attempt(
    walk: "Walk", path: str, error: StepError, number: int, delay: timedelta, started: datetime
) -> Attempts:
    """Record a failed attempt that will be tried again."""
    again = walk.clock() + delay
    facts: JsonObject = {"retry_at": again.isoformat()}
    record = Record(f"{path}/attempt[{number}]", "attempt", StepStatus.FAILED, error=error, facts=facts)
    stamped = Record(
        record.path, record.kind, record.status, None, None, error, facts, started_at=started, finished_at=walk.clock()
    )
    written = await walk.ledger.write(stamped)
    walk.watcher.ended(written)
    return Attempts(number + 1, crashed=False, last=written)


async def _rest(walk: "Walk", so_far: Attempts, path: str, lane: Lane) -> None:
    """Wait until the next attempt is due: a short while in place, a longer one holding nothing."""
    due = datetime.fromisoformat(str(so_far.last.fact("retry_at"))) if so_far.last is not None else walk.clock()
    left = due - walk.clock()
    if left > walk.limits.held_delay:
        await walk.ledger.hold(f"{path}/retry[{so_far.number}]", TimerHold(due), lane)
    elif left > timedelta(0):
        await asyncio.sleep(left.total_seconds())


async def _perform(
    walk: "Walk",
    compiled: CompiledStep,
    path: str,
    lane: Lane,
    request: LeafCall,
    rendered: JsonObject,
    so_far: Attempts,
    *,
    untrusted: bool,
) -> Performed:
    """One attempt. A call that changes the outside is announced in the journal first."""
    step = compiled.step
    deadline = Deadline()
    context = walk.context(compiled, Reached(path, so_far.number, lane, untrusted, deadline), request)
    if await walk.performer.effect(request, walk.run) is Effect.CHANGES:
        if so_far.crashed:
            await _after_crash(walk, step, path, so_far, lane)
        else:
            intent = f"{path}/intent[{so_far.number}]"
            facts: JsonObject = {"effect_key": context.effect_key}
            await walk.ledger.write(Record(intent, "intent", input=rendered, facts=facts, started_at=walk.clock()))
    try:
        performed = await _within(step.timeout, deadline, request, walk.performer.perform(request, context))
        return replace(performed, untrusted=performed.untrusted or context.untrusted, files=context.touched_files)
    except TimeoutError as error:
        raise StepFailed(ErrorKind.TIMEOUT, f"`{_name(request)}` timed out") from error
    except StepFailed:
        so_far.outside = context.untrusted
        raise
    except LeaseLostError:
        raise
    except RecordRefusedError as error:
        raise StepFailed(ErrorKind.STORAGE, str(error)) from error
    except asyncio.CancelledError as error:
        if _being_cancelled():
            raise
        raise _defect(walk, request, path, error) from error
    except Exception as error:
        raise _defect(walk, request, path, error) from error


def _being_cancelled() -> bool:
    """Whether somebody wants this step to stop; a library may also let a cancel of its own escape."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _defect(walk: "Walk", request: LeafCall, path: str, error: BaseException) -> StepFailed:
    log.error("step.defect", run=walk.run.run_id, step=path, exc_info=error)
    return StepFailed(
        ErrorKind.INTERNAL,
        f"`{_name(request)}` failed in a way it should not: {type(error).__name__}",
        hint=f"this is a defect of Errands; the server's log has it under {walk.run.run_id}",
    )


async def _within(
    limit: timedelta | None, deadline: Deadline, request: LeafCall, call: Awaitable[Performed]
) -> Performed:
    if limit is None:
        return await call
    seconds = limit.total_seconds()
    try:
        async with asyncio.timeout(seconds) as bound:
            deadline.start(bound)
            return await call
    except TimeoutError as error:
        if not bound.expired():
            raise
        raise StepFailed(
            ErrorKind.TIMEOUT,
            f"`{_name(request)}` gave no answer within {seconds:g} s",
            hint="raise the step's `timeout:`, or let it try again with `retry:`",
        ) from error


async def _after_crash(walk: "Walk", step: Step, path: str, so_far: Attempts, lane: Lane) -> None:
    """An effect was in flight when a worker died: repeat it with the same key, or ask first."""
    so_far.crashed = False
    if step.on_crash == "repeat":
        return
    question = (
        f"A worker stopped while `{path}` was changing something outside. It may or may not have happened. "
        "Do it again, with the same effect key?"
    )
    hold = AnswerHold(question, None, ("repeat", "fail"), None, None)
    answer = await walk.ledger.hold(f"{path}/crash[{so_far.number}]", hold, lane)
    if not isinstance(answer, Mapping) or answer.get("choice") != "repeat":
        raise StepFailed(ErrorKind.REFUSED, f"`{path}` was interrupted by a crash, and the answer was not to repeat it")


def _name(request: LeafCall) -> str:
    return request.tool if isinstance(request, ToolCall) else f"agent {request.agent or 'default'}"


async def _succeeded(
    walk: "Walk",
    compiled: CompiledStep,
    scope: Scope,
    path: str,
    rendered: JsonObject,
    performed: Performed,
    facts: dict[str, Json],
    started: datetime,
) -> Record:
    if performed.usage:
        facts["usage"] = performed.usage.as_json()
    record = Record(
        path, "outcome", StepStatus.SUCCEEDED, rendered, performed.output, None, facts or None, started, walk.clock()
    )
    marked = record.carrying(performed.untrusted or scope.untrusted)
    if marked.untrusted and performed.files:
        marked = replace(marked, facts={**(marked.facts or {}), "files": True})
    return await recorded(walk, compiled, scope, marked, ride=False)


async def recorded(walk: "Walk", compiled: CompiledStep, scope: Scope, record: Record, *, ride: bool) -> Record:
    """Write a successful outcome, with what it keeps for later runs."""
    if compiled.keep is not None:
        inner = scope.inner()
        if compiled.step.id is not None:
            inner.set(compiled.step.id, record.output, untrusted=record.untrusted)
        values = await walk.object(compiled.keep, inner, record.path)
        written = await walk.ledger.write(record, keep=Kept(values, await walk.marks(compiled.keep, inner)))
    elif ride:
        written = await walk.ledger.ride(record)
    else:
        written = await walk.ledger.write(record)
    walk.watcher.ended(written)
    return written


async def _failed(
    walk: "Walk",
    path: str,
    rendered: JsonObject,
    error: StepError,
    attempts: int,
    started: datetime,
    *,
    untrusted: bool,
) -> Record:
    placed = StepError(error.kind, error.message, error.hint, error.step or path, error.retry_after, error.detail)
    status = StepStatus.TIMED_OUT if error.kind is ErrorKind.TIMEOUT else StepStatus.FAILED
    facts: JsonObject | None = {"attempts": attempts} if attempts > 1 else None
    record = Record(path, "outcome", status, rendered, None, placed, facts, started, walk.clock())
    written = await walk.ledger.write(record.carrying(untrusted))
    walk.watcher.ended(written)
    return written
