"""The interpreter: a walk over a definition that asks the journal before it does anything.

Each step has an address. Is its outcome recorded, it is taken; is it not, the step is performed and recorded. So a
run is a fold over its journal, and a replay after a crash or a wait is the same walk again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol, assert_never

from errands.core.definition.steps import (
    AgentStep,
    ApproveStep,
    EventStep,
    FinishStep,
    ForEachStep,
    IfStep,
    NotifyStep,
    ParallelStep,
    RepeatStep,
    Step,
    SubtaskStep,
    SwitchStep,
    ToolStep,
    TransformStep,
    WaitStep,
)
from errands.core.expressions.templates import Template, try_lookup
from errands.core.outcomes import ErrorKind, RunStatus, StepError, StepFailed, StepStatus
from errands.core.ports import Evaluation, Evaluator, LeafCall, Performer, RunIdentity, SandboxLimits, StepContext
from errands.core.values import Json, JsonObject, to_text
from errands.engine import branches, holds, leaves, loops
from errands.engine.flow import Broke, Finished, Flow, Went
from errands.engine.lanes import Lane, Pulse
from errands.engine.ledger import Ledger
from errands.engine.limits import EngineLimits
from errands.engine.names import marked_within, restore_names
from errands.engine.program import CompiledStep, Program
from errands.engine.records import Record, Stored
from errands.engine.scope import Scope

_LONGEST_REASON: Final = 300
"""Characters of an output that stand for the message of a `finish` which gives none."""


class Watcher(Protocol):
    """Is told of steps as they begin and end, for whoever follows the run live."""

    def began(self, path: str, step: Step, attempt: int) -> None: ...

    def ended(self, record: Record) -> None: ...


@dataclass(slots=True)
class Walk:
    """One walk over one run's steps. All state that must last is in the ledger."""

    run: RunIdentity
    program: Program
    ledger: Ledger
    performer: Performer
    evaluate: Evaluator
    context: "Callable[[CompiledStep, leaves.Reached, LeafCall], StepContext]"
    """Makes a leaf step's context."""
    limits: EngineLimits
    clock: Callable[[], datetime]
    watcher: Watcher
    log: Callable[[str, str], None]
    """Takes a line for the run's log: the address of the step that says it, and the text."""
    stubs: "leaves.Stubs | None" = None
    """Answers in place of the world, in a dry run."""
    secret_params: frozenset[str] = frozenset()
    """Params that may hold a reference to a secret: all, unless the run's arguments come from outside."""
    pulse: Pulse = field(default_factory=Pulse)

    async def block(self, steps: tuple[Step, ...], scope: Scope, prefix: str, lane: Lane) -> Flow:
        """Walk the steps of a block in order; stops at the first that ends the run or fails."""
        flow: Flow = Went()
        for step in steps:
            lane.check()
            flow = await self.step(step, scope, prefix, lane)
            if not isinstance(flow, Went):
                return flow
        return flow

    async def step(self, step: Step, scope: Scope, prefix: str, lane: Lane) -> Flow:
        """Take a step's outcome from the journal, or bring it about; then go on as its outcome says."""
        path = prefix + step.key
        compiled = self.program.steps[step.key]
        record = self.ledger.find(path)
        if record is None:
            reached = await self._reach(compiled, scope, path, lane)
            if not isinstance(reached, Record):
                return reached
            record = reached
        else:
            restore_names(self.ledger.find, (step,), scope, prefix)
        return await self._conclude(step, record, scope, prefix, lane)

    async def _reach(self, compiled: CompiledStep, scope: Scope, path: str, lane: Lane) -> Record | Finished:
        """Skip it, or do what the step's kind says; errors in its own expressions become its failed outcome."""
        here = scope
        try:
            if compiled.when is not None:
                here = await self.judged(compiled.when, scope, condition=True)
                if not await self.holds_true(compiled.when, scope, path):
                    return await self.ride_outcome(Record(path, "outcome", StepStatus.SKIPPED).carrying(here.untrusted))
            if not isinstance(compiled.step, RepeatStep):  # Its condition is looked at after each round.
                decides = isinstance(compiled.step, IfStep | SwitchStep | ForEachStep)
                here = await self.judged(compiled.main, here, condition=decides)
            return await self._by_kind(compiled, here, path, lane)
        except StepFailed as failure:
            return await self.failed(path, failure.error, untrusted=here.untrusted)

    async def judged(self, template: Template, scope: Scope, *, condition: bool) -> Scope:
        """The scope for what is computed of a template: under the mark if a name that it uses carries it."""
        marked = not scope.untrusted and await self.marks(template, scope)
        return scope.under_mark(condition=condition) if marked or (condition and scope.untrusted) else scope

    async def marks(self, template: Template, scope: Scope) -> bool:
        """Whether what is computed of a template carries the mark of data from outside."""
        if scope.untrusted or any(scope.marked(name) for name in template.free):
            return True
        if "state" not in template.free or scope.has("state"):
            return False
        await self.ledger.state()
        record = self.ledger.find("@state")
        return record is not None and record.untrusted

    async def _by_kind(self, compiled: CompiledStep, scope: Scope, path: str, lane: Lane) -> Record | Finished:
        step = compiled.step
        match step:
            case ToolStep() | AgentStep() | NotifyStep():
                return await leaves.call(self, compiled, scope, path, lane)
            case TransformStep():
                return await leaves.transform(self, compiled, scope, path)
            case IfStep() | SwitchStep():
                return await branches.choose(self, compiled, scope, path, lane)
            case ParallelStep():
                return await branches.parallel(self, compiled, step, scope, path, lane)
            case ForEachStep():
                return await loops.for_each(self, compiled, step, scope, path, lane)
            case RepeatStep():
                return await loops.repeat(self, compiled, step, scope, path, lane)
            case SubtaskStep():
                return await holds.subtask(self, compiled, step, scope, path, lane)
            case WaitStep():
                return await holds.wait(self, compiled, step, scope, path, lane)
            case EventStep():
                return await holds.event(self, compiled, step, scope, path, lane)
            case ApproveStep():
                return await holds.approve(self, compiled, step, scope, path, lane)
            case FinishStep():
                return await self._finish(compiled, step, scope, path)
            case _:
                assert_never(step)

    async def _finish(self, compiled: CompiledStep, step: FinishStep, scope: Scope, path: str) -> Record:
        said = await self.object(compiled.main, scope, path)
        error = None
        if step.status == "failed":
            error = StepError(ErrorKind.REFUSED, _why_failed(said.get("message"), said["output"]), step=path)
        record = Record(path, "outcome", StepStatus.SUCCEEDED, output=said["output"], error=error)
        return await self.ride_outcome(record.carrying(scope.untrusted))

    async def _conclude(self, step: Step, record: Record, scope: Scope, prefix: str, lane: Lane) -> Flow:
        """From a recorded outcome to what the block does next."""
        if isinstance(step, FinishStep) and record.status is StepStatus.SUCCEEDED:
            return Finished(RunStatus(step.status), record.output, record.error, record.untrusted)
        scope.mark(marked_within(step, record))
        if record.status in (StepStatus.SUCCEEDED, StepStatus.SKIPPED):
            if step.id is not None:
                scope.set(step.id, record.output, untrusted=record.untrusted)
            return Went(record.output, record.untrusted)
        error = record.error or StepError(ErrorKind.INTERNAL, "the step failed and left no reason", step=record.path)
        if step.on_error == "fail":
            return Broke(error, record.untrusted)
        if step.on_error == "continue":
            flow: Flow = Went(None)
        else:
            flow = await self.block(step.on_error, error_scope(scope, error, record.untrusted), prefix, lane)
        if isinstance(flow, Went):
            flow = Went(flow.output, flow.untrusted or record.untrusted)
            if step.id is not None:
                scope.set(step.id, flow.output, untrusted=flow.untrusted)
        return flow

    async def values(self, template: Template, scope: Scope, path: str, limits: SandboxLimits | None = None) -> Json:
        """A template's value in a scope. Raises StepFailed (expression, limit)."""
        if template.literal:
            return template.fill(())
        names = await self.names(template.free, scope)
        found = try_lookup(template, names)
        if found is None:
            moment = await self.clock_now(path) if "clock" in template.names else None
            bounds = limits or SandboxLimits(self.limits.expression_seconds, self.limits.expression_memory_bytes)
            found = await self.evaluate(
                Evaluation(template.expressions, names, self.run.started_at, moment, limits=bounds)
            )
        return template.fill(found)

    async def object(self, template: Template, scope: Scope, path: str) -> JsonObject:
        """The value of a template that is known to be an object."""
        value = await self.values(template, scope, path)
        assert isinstance(value, dict)
        return value

    async def holds_true(self, condition: Template, scope: Scope, path: str) -> bool:
        """Whether a bare expression is true, by Python's rules."""
        return bool(await self.values(condition, scope, path))

    async def names(self, wanted: frozenset[str], scope: Scope) -> dict[str, Json]:
        """The values of the wanted names, large ones fetched; an id that was not reached is None."""
        found: dict[str, Json] = {}
        for name in wanted:
            try:
                value = scope.get(name)
            except KeyError:
                if name in self.program.ids:
                    found[name] = None
                elif name == "state":
                    found[name] = await self.ledger.state()
                continue
            found[name] = await self.plain(value)
        return found

    async def plain(self, output: Json | Stored) -> Json:
        """An output's value, fetched if it is large."""
        return await self.ledger.read(output) if isinstance(output, Stored) else output

    async def clock_now(self, path: str) -> datetime:
        """The moment at which the step is reached: read once, then taken from the journal."""
        record = self.ledger.find(f"{path}/clock")
        if record is None:
            text = self.clock().astimezone(UTC).isoformat()
            record = await self.ledger.ride(Record(f"{path}/clock", "reading", output=text))
        return datetime.fromisoformat(str(record.output))

    def since(self, path: str) -> datetime:
        """When a step that holds others, or waits, was first reached: a replay must not start its clock anew."""
        for mark in ("taken", "items", "began", "wait"):
            record = self.ledger.find(f"{path}/{mark}")
            if record is not None and record.started_at is not None:
                return record.started_at
        return self.clock()

    async def begin(self, path: str, step: Step, started: datetime) -> None:
        """Note that a step has begun which leaves no other mark before its end."""
        self.watcher.began(path, step, 1)
        if self.ledger.find(f"{path}/began") is None:
            await self.ledger.ride(Record(f"{path}/began", "reading", started_at=started))

    async def ride_outcome(self, record: Record) -> Record:
        """Record the outcome of a step that a replay would compute again."""
        stamped = Record(
            record.path,
            record.kind,
            record.status,
            record.input,
            record.output,
            record.error,
            record.facts,
            record.started_at,
            record.finished_at or self.clock(),
        )
        written = await self.ledger.ride(stamped)
        self.watcher.ended(written)
        return written

    async def failed(
        self, path: str, error: StepError, *, untrusted: bool, started_at: datetime | None = None
    ) -> Record:
        """Record a failed outcome and wait for the commit."""
        placed = error if error.step is not None else at_step(error, path)
        status = StepStatus.TIMED_OUT if error.kind is ErrorKind.TIMEOUT else StepStatus.FAILED
        record = Record(path, "outcome", status, error=placed, started_at=started_at, finished_at=self.clock())
        written = await self.ledger.write(record.carrying(untrusted))
        self.watcher.ended(written)
        return written


def error_scope(scope: Scope, error: StepError | None, untrusted: bool) -> Scope:
    """The scope of steps that see what went wrong as `error`."""
    inner = scope.inner(error=error.as_json() if error is not None else None)
    if untrusted:
        inner.mark(("error",))
    return inner


def _why_failed(message: Json, output: Json) -> str:
    """What a `finish` says of the failure: its message, or else what it gives as output, in one line."""
    if message:
        return str(message)
    if output in (None, ""):
        return "the task ended itself as failed"
    text = output if isinstance(output, str) else to_text(output)
    line = " ".join(text[: _LONGEST_REASON * 4].split())
    return line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON]}…"


def at_step(error: StepError, path: str) -> StepError:
    """The same error with the address of the step in which it happened."""
    return StepError(error.kind, error.message, error.hint, path, error.retry_after, error.detail)
