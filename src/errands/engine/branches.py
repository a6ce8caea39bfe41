"""Decisions and parallel branches."""

from functools import partial
from typing import TYPE_CHECKING

from errands.core.definition.steps import IfStep, ParallelStep, Step, SwitchStep
from errands.core.outcomes import StepStatus
from errands.core.values import Json, to_text
from errands.engine.flow import Broke, Finished, Flow, Went
from errands.engine.lanes import Lane, run_branches
from errands.engine.program import CompiledStep
from errands.engine.records import Record
from errands.engine.scope import Scope

if TYPE_CHECKING:
    from errands.engine.walk import Walk


async def choose(walk: "Walk", compiled: CompiledStep, scope: Scope, path: str, lane: Lane) -> Record | Finished:
    """`if` and `switch`: record the branch that is taken, walk it in the same scope. The outcome has no output."""
    started = walk.since(path)
    decision = walk.ledger.find(f"{path}/taken")
    if decision is None:
        walk.watcher.began(path, compiled.step, 1)
        value = await walk.values(compiled.main, scope, path)
        taken = _branch_for(compiled.step, value)
        skipped: list[Json] = [name for name in _branches(compiled.step) if name != taken]
        record = Record(f"{path}/taken", "decision", output={"taken": taken, "skipped": skipped}, started_at=started)
        decision = await walk.ledger.ride(record.carrying(scope.untrusted))
    chosen = decision.output["taken"] if isinstance(decision.output, dict) else None
    flow = await walk.block(_branches(compiled.step).get(str(chosen), ()), scope, _prefix(path), lane)
    match flow:
        case Finished():
            return flow
        case Broke(error, untrusted):
            return await walk.failed(path, error, untrusted=untrusted or scope.untrusted, started_at=started)
        case Went():
            record = Record(path, "outcome", StepStatus.SUCCEEDED, facts={"taken": chosen}, started_at=started)
            return await walk.ride_outcome(record.carrying(scope.untrusted))


async def parallel(
    walk: "Walk", compiled: CompiledStep, step: ParallelStep, scope: Scope, path: str, lane: Lane
) -> Record | Finished:
    """Walk all branches side by side. The first failure or `finish` lets the others end the step they are in."""
    started = walk.since(path)
    await walk.begin(path, step, started)
    inner = Lane(lane)
    scopes = {name: scope.inner() for name in step.parallel}
    flows: dict[str, Flow] = {}

    async def branch(name: str) -> None:
        flow = await walk.block(step.parallel[name], scopes[name], _prefix(path), inner)
        flows[name] = flow
        if not isinstance(flow, Went):
            inner.stop()

    await run_branches(walk.pulse, [partial(branch, name) for name in step.parallel])
    lane.check()
    ended = _first_that_ended(flows)
    if isinstance(ended, Finished):
        return ended
    if isinstance(ended, Broke):
        return await walk.failed(path, ended.error, untrusted=ended.untrusted or scope.untrusted, started_at=started)
    for name in step.parallel:
        scope.take(scopes[name])
    output = {name: await walk.plain(flow.output) for name, flow in flows.items() if isinstance(flow, Went)}
    ordered: dict[str, Json] = {name: output[name] for name in step.parallel}
    untrusted = scope.untrusted or any(isinstance(flow, Went) and flow.untrusted for flow in flows.values())
    record = Record(path, "outcome", StepStatus.SUCCEEDED, output=ordered, started_at=started)
    return await walk.ride_outcome(record.carrying(untrusted))


def _first_that_ended(flows: dict[str, Flow]) -> Flow | None:
    """A failure before a `finish`: of two branches that end the run, the one that needs attention counts."""
    broken = [flow for flow in flows.values() if isinstance(flow, Broke)]
    finished = [flow for flow in flows.values() if isinstance(flow, Finished)]
    if broken:
        return broken[0]
    return finished[0] if finished else None


def _branch_for(step: Step, value: Json) -> str:
    if isinstance(step, SwitchStep):
        text = value if isinstance(value, str) else to_text(value)
        return text if text in step.cases else "default"
    return "then" if value else "else"


def _branches(step: Step) -> dict[str, tuple[Step, ...]]:
    if isinstance(step, SwitchStep):
        return {**step.cases, "default": step.default}
    assert isinstance(step, IfStep)
    return {"then": step.then, "else": step.else_}


def _prefix(path: str) -> str:
    """Steps in a branch share the address of their block: ids are unique, so no further segment is needed."""
    head, dot, _ = path.rpartition(".")
    return head + dot
