"""Dry runs: the same walk over a journal in memory, with stubs in place of the world. Nothing leaves the machine."""

import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from errands.core.definition.steps import AgentStep, ApproveStep, Step, SubtaskStep, ToolStep
from errands.core.definition.task import TaskDefinition
from errands.core.outcomes import ErrorKind, RunStatus, StepError, StepFailed
from errands.core.ports import AgentCall, Evaluator, LeafCall, Performer, RunIdentity, ToolCall
from errands.core.sampling import sample
from errands.core.values import Json, JsonObject, from_text, to_text
from errands.engine.flow import Broke, Finished, Flow, Went
from errands.engine.holds import defaults_of
from errands.engine.lanes import Lane, LaneStopped, Turn
from errands.engine.leaves import Reached, Stub, Stubs
from errands.engine.ledger import Cached, Hold, Kept
from errands.engine.limits import EngineLimits
from errands.engine.loose import Logged, LooseContext, MadeFile
from errands.engine.program import CompiledStep, compile_task
from errands.engine.records import Record, Stored
from errands.engine.scope import Scope, run_scope
from errands.engine.walk import Walk, error_scope

OutputSchema = Callable[[str], JsonObject | None]
"""Gives a tool's output schema by its name."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """What came of a rehearsal."""

    status: RunStatus
    output: Json
    error: StepError | None
    records: list[Record]
    """The journal, in the order in which it was written."""
    kept: JsonObject
    names: Mapping[str, Json]
    """Names and values at the end, for a test's expectations."""
    logs: Sequence[Logged]
    marked: bool = False
    """What came of it carries the mark."""
    made: Sequence[MadeFile] = ()
    """What a real run would have kept as artifacts."""


class MemoryLedger:
    """A journal in memory. Waits are over at once."""

    def __init__(self, state: JsonObject) -> None:
        self.records: dict[str, Record] = {}
        self.kept: dict[str, Json] = {}
        self._state = state

    def find(self, path: str) -> Record | None:
        return self.records.get(path)

    async def write(self, record: Record, *, keep: Kept | None = None) -> Record:
        self.kept |= keep.values if keep is not None else {}
        return await self.ride(record)

    async def ride(self, record: Record) -> Record:
        output = None if isinstance(record.output, Stored) else record.output
        stored = replace(record, output=from_text(to_text(output)))
        self.records[record.path] = stored
        return stored

    async def read(self, stored: Stored) -> Json:
        raise StepFailed(ErrorKind.STORAGE, f"a dry run keeps no large outputs ({stored.ref})")

    async def hold(self, path: str, hold: Hold, lane: Lane, turn: Turn | None = None) -> Json:
        lane.check()
        return {"by": "timer"}

    def inherited(self, path: str) -> Record | None:
        return None

    async def cached(self, key: str) -> Cached | None:
        return None

    async def remember(self, key: str, entry: Cached, ttl: timedelta) -> None:
        return None

    async def state(self) -> JsonObject:
        return self._state


@dataclass(frozen=True, slots=True)
class GivenStubs:
    """Stubs by path or id; for what has none, a value made up from its schema, or a failure that asks for one."""

    given: Mapping[str, Json]
    output_schema: OutputSchema
    make_up: bool

    def answer(self, step: Step, path: str) -> Stub | None:
        for name in (path, step.key):
            if name in self.given:
                return Stub(self.given[name])
        return None

    async def ask(self, step: Step, path: str, call: LeafCall) -> Stub | None:
        return None

    def missing(self, step: Step, path: str, call: LeafCall | None) -> Stub:
        if not self.make_up:
            raise StepFailed(
                ErrorKind.REFUSED,
                f"`{path}` would touch the outside, and the test has no stub for it",
                hint=f"add to the test: `stub: {{{step.key}: ...}}`",
            )
        return Stub(self._made_up(step, call))

    def _made_up(self, step: Step, call: LeafCall | None) -> Json:
        match step:
            case ApproveStep():
                form = defaults_of(step.form)
                return {"choice": step.choices[0], "form": form, "by": "dry-run", "at": None}
            case SubtaskStep():
                return None if step.wait else {"run": None}
            case AgentStep():
                schema = call.output if isinstance(call, AgentCall) else None
                return sample(schema) if schema is not None else f"(what the agent would write for `{step.key}`)"
            case ToolStep():
                return sample(self.output_schema(step.tool) or {})
            case _:
                return sample(self.output_schema(call.tool) or {}) if isinstance(call, ToolCall) else None


class _Quiet:
    def began(self, path: str, step: Step, attempt: int) -> None:
        return None

    def ended(self, record: Record) -> None:
        return None


async def rehearse(
    definition: TaskDefinition,
    arguments: JsonObject,
    *,
    performer: Performer,
    evaluate: Evaluator,
    output_schema: OutputSchema,
    limits: EngineLimits,
    stubs: Mapping[str, Json],
    make_up: bool,
    project: str,
    state: JsonObject | None = None,
    payload: Json = None,
    now: datetime | None = None,
    answers: Stubs | None = None,
    files: Mapping[str, bytes] | None = None,
) -> DryRun:
    """Walk a definition once. `make_up`: steps without a stub get a value made up from their schema.

    `answers` answer in place of `stubs`. `files`: what lies in the workspace at the start, by path.
    """
    program = compile_task(definition)
    moment = now or datetime.now(UTC)
    identity = RunIdentity("run_" + "0" * 32, definition.task, project, "", 0, moment, "dry-run")
    ledger = MemoryLedger(state or {})
    made: list[MadeFile] = []
    logs: list[Logged] = []
    with tempfile.TemporaryDirectory(prefix="errands-dry-") as folder:
        await asyncio.to_thread(_lay_out, Path(folder), files or {})

        def context(_: CompiledStep, reached: Reached, __: LeafCall) -> LooseContext:
            memory, number = limits.memory_bytes, reached.attempt
            path, place = reached.path, Path(folder)
            return LooseContext(identity, definition.grants, path, place, memory, number, made=made, logged=logs)

        walk = Walk(
            identity,
            program,
            ledger,
            performer,
            evaluate,
            context,
            limits,
            lambda: moment,
            _Quiet(),
            lambda path, text: logs.append(Logged(path, "info", text)),
            secret_params=frozenset(param.name for param in definition.params),
            stubs=answers or GivenStubs(stubs, output_schema, make_up),
        )
        scope = run_scope(identity, arguments, {"kind": "dry_run", "payload": payload})
        status, output, error, marked = await _walked(walk, scope, ledger)
        names = {name: value for name, value in scope.own().items() if not isinstance(value, Stored)}
    return DryRun(status, output, error, list(ledger.records.values()), ledger.kept, names, logs, marked, made)


def _lay_out(workspace: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        place = workspace / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


_Came = tuple[RunStatus, Json, StepError | None, bool]
"""Status, output, error, and whether these carry the mark."""


async def _walked(walk: Walk, scope: Scope, ledger: MemoryLedger) -> _Came:
    """Steps, then `on_error` or the task's output, then `finally`: the order of a real run."""
    definition = walk.program.definition
    flow = await _block(walk, definition.steps, scope)
    if isinstance(flow, Broke) and definition.on_error:
        handled = await _block(walk, definition.on_error, error_scope(scope, flow.error, flow.untrusted))
        flow = handled if isinstance(handled, Finished) else flow
    result = await _result(walk, flow, scope, ledger)
    if definition.finally_:
        after = await _block(walk, definition.finally_, scope)
        if isinstance(after, Broke) and result[0] is RunStatus.SUCCEEDED:
            return RunStatus.FAILED, None, after.error, after.untrusted
    return result


async def _block(walk: Walk, steps: tuple[Step, ...], scope: Scope) -> Flow:
    try:
        return await walk.block(steps, scope, "", Lane())
    except LaneStopped:
        return Went(None)


async def _result(walk: Walk, flow: Flow, scope: Scope, ledger: MemoryLedger) -> _Came:
    match flow:
        case Broke(error):
            return RunStatus.FAILED, None, error, flow.untrusted
        case Finished() if flow.status is not RunStatus.SUCCEEDED:
            return flow.status, await walk.plain(flow.output), flow.error, flow.untrusted
        case Finished(output=output) | Went(output=output):
            pass
    program, marked = walk.program, flow.untrusted
    try:
        value = await walk.plain(output)
        given = isinstance(flow, Finished) and value is not None
        if program.output is not None and not given:
            value = await walk.values(program.output, scope, "@output")
            marked = await walk.marks(program.output, scope)
        if program.keep is not None:
            ledger.kept |= dict(await walk.object(program.keep, scope, "@keep"))
    except StepFailed as failure:
        return RunStatus.FAILED, None, failure.error, scope.untrusted
    return RunStatus.SUCCEEDED, value, None, marked
