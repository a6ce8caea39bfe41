"""Loops: `for_each` over a list, some at a time; `repeat` until a condition holds."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from errands.core.definition.steps import ForEachStep, RepeatStep
from errands.core.outcomes import ErrorKind, StepError, StepFailed, StepStatus
from errands.core.values import Json
from errands.engine.flow import Broke, Finished, Flow, Went
from errands.engine.lanes import Lane, run_branches
from errands.engine.ledger import TimerHold
from errands.engine.program import CompiledStep
from errands.engine.records import Record, Stored
from errands.engine.scope import Scope

if TYPE_CHECKING:
    from errands.engine.walk import Walk


async def for_each(
    walk: "Walk", compiled: CompiledStep, step: ForEachStep, scope: Scope, path: str, lane: Lane
) -> Record | Finished:
    """Do the steps for each item, `max_parallel` at a time. Output: each round's last output, in the items' order."""
    started = walk.since(path)
    walk.watcher.began(path, step, 1)
    items = await _items(walk, compiled, step, scope, path, started)
    inner = Lane(lane)
    flows: list[Flow | None] = [None] * len(items)

    async def rounds(numbers: Iterator[int]) -> None:
        for number in numbers:
            inner.check()
            flow = await walk.block(step.do, scope.inner(**{step.as_: items[number]}), f"{path}[{number}].", inner)
            flows[number] = flow
            if isinstance(flow, Finished) or (isinstance(flow, Broke) and step.on_item_error == "stop"):
                inner.stop()
                return

    numbers = iter(range(len(items)))
    width = min(step.max_parallel, len(items))
    if width > 1:
        await run_branches(walk.pulse, [partial(rounds, numbers) for _ in range(width)])
        lane.check()
    else:
        await rounds(numbers)
    return await _concluded(walk, compiled, step, scope, path, flows, started)


async def _items(
    walk: "Walk", compiled: CompiledStep, step: ForEachStep, scope: Scope, path: str, started: datetime
) -> list[Json]:
    """The list, recorded once; in lists of `batch` where the step wants them. Raises StepFailed."""
    record = walk.ledger.find(f"{path}/items")
    if record is None:
        value = await walk.values(compiled.main, scope, path)
        checked = _checked(value, step, walk.limits.loop_items)
        facts: dict[str, Json] = {"items": -(-len(checked) // (step.batch or 1))}
        listing = Record(f"{path}/items", "items", output=checked, facts=facts, started_at=started)
        record = await walk.ledger.ride(listing.carrying(scope.untrusted))
    listed = await walk.plain(record.output)
    assert isinstance(listed, list)
    if step.batch is None:
        return listed
    return [listed[start : start + step.batch] for start in range(0, len(listed), step.batch)]


def _checked(value: Json, step: ForEachStep, most: int) -> list[Json]:
    if isinstance(value, dict):
        raise StepFailed(
            ErrorKind.EXPRESSION,
            f"`for_each: {step.items}` gave an object, not a list",
            hint=f"write `for_each: list({step.items}.items())` to go through its keys and values",
        )
    if not isinstance(value, list):
        raise StepFailed(
            ErrorKind.EXPRESSION,
            f"`for_each: {step.items}` gave {_called(value)}, not a list",
            hint="the expression must give a list",
        )
    if step.batch is None and len(value) > most:
        raise StepFailed(
            ErrorKind.LIMIT,
            f"`for_each: {step.items}` gave {len(value):,} items; the limit is {most:,}",
            hint="add `batch: 1000` to hand the steps a thousand items at a time, or filter the list first",
        )
    return value


def _called(value: Json) -> str:
    if value is None:
        return "None"
    return {"str": "text", "int": "a number", "float": "a number", "bool": "a truth value"}[type(value).__name__]


async def _concluded(
    walk: "Walk",
    compiled: CompiledStep,
    step: ForEachStep,
    scope: Scope,
    path: str,
    flows: list[Flow | None],
    started_at: datetime,
) -> Record | Finished:
    """A loop's outcome from those of its rounds."""
    finished = next((flow for flow in flows if isinstance(flow, Finished)), None)
    if finished is not None:
        return finished
    broken = [(number, flow.error) for number, flow in enumerate(flows) if isinstance(flow, Broke)]
    if broken and step.on_item_error == "stop":
        return await walk.failed(path, broken[0][1], untrusted=_any_marked(scope, flows), started_at=started_at)
    facts: dict[str, Json] = {"items": len(flows)}
    if broken:
        facts["failed_items"] = [number for number, _ in broken[:100]]
        facts["failed"] = len(broken)
    outputs = [flow.output if isinstance(flow, Went) else None for flow in flows]
    output = await _gathered(walk, outputs, path) if compiled.output_used else None
    record = Record(path, "outcome", StepStatus.SUCCEEDED, output=output, facts=facts, started_at=started_at)
    return await walk.ride_outcome(record.carrying(_any_marked(scope, flows)))


def _any_marked(scope: Scope, flows: Sequence[Flow | None]) -> bool:
    """Whether a loop's outcome carries the mark: by its list, or by what came of some round."""
    return scope.untrusted or any(flow is not None and flow.untrusted for flow in flows)


async def _gathered(walk: "Walk", outputs: list[Json | Stored], path: str) -> list[Json]:
    """All rounds' outputs as one list, refused before it is fetched if it must be too large."""
    size = sum(output.size for output in outputs if isinstance(output, Stored))
    if size > walk.limits.largest_output_bytes:
        raise StepFailed(
            ErrorKind.LIMIT,
            f"the outputs of the rounds of {path} come to {size:,} bytes; "
            f"the limit is {walk.limits.largest_output_bytes:,}",
            hint="let the last step of each round give less, for example a file's name instead of its content",
        )
    return [await walk.plain(output) for output in outputs]


async def repeat(
    walk: "Walk", compiled: CompiledStep, step: RepeatStep, scope: Scope, path: str, lane: Lane
) -> Record | Finished:
    """Do the steps until the condition holds. Output: each round's last output."""
    started = walk.since(path)
    await walk.begin(path, step, started)
    flows: list[Flow] = []
    here = scope
    for number in range(step.max):
        inner = _after(flows, step, here)
        flow = await walk.block(step.repeat, inner, f"{path}[{number}].", lane)
        flows.append(flow)
        match flow:
            case Finished():
                return flow
            case Broke(error):
                return await walk.failed(path, error, untrusted=_any_marked(here, flows), started_at=started)
            case Went():
                judged = await walk.judged(compiled.main, inner, condition=True)
        if judged.condition:  # Whether there is another round, and that there was none, tells of what `until` saw.
            here = here.under_mark(condition=True)
        if await _done(walk, compiled, judged, f"{path}[{number}]"):
            outputs = [flow.output for flow in flows if isinstance(flow, Went)]
            output = await _gathered(walk, outputs, path) if compiled.output_used else None
            facts: dict[str, Json] = {"rounds": len(outputs)}
            record = Record(path, "outcome", StepStatus.SUCCEEDED, output=output, facts=facts, started_at=started)
            return await walk.ride_outcome(record.carrying(_any_marked(here, flows)))
        if step.delay is not None and number + 1 < step.max:
            await _pause(walk, step.delay, f"{path}[{number}]/delay", lane)
    error = StepError(
        ErrorKind.LIMIT,
        f"`until: {step.until}` did not come true in {step.max} rounds",
        hint="raise `max:`, or handle it with `on_error:`",
        step=path,
    )
    return await walk.failed(path, error, untrusted=_any_marked(here, flows), started_at=started)


def _after(flows: Sequence[Flow], step: RepeatStep, scope: Scope) -> Scope:
    """The scope of the next round, which may look at what the last one gave."""
    inner = scope.inner()
    if step.as_ is not None:
        before = flows[-1] if flows else None
        inner.set(step.as_, None)
        if isinstance(before, Went):
            inner.set(step.as_, before.output, untrusted=before.untrusted)
    return inner


async def _done(walk: "Walk", compiled: CompiledStep, scope: Scope, path: str) -> bool:
    """Whether `until` holds after a round; recorded, so that a replay does not ask again."""
    record = walk.ledger.find(f"{path}/until")
    if record is None:
        met = await walk.holds_true(compiled.main, scope, path)
        record = await walk.ledger.ride(Record(f"{path}/until", "decision", output=met).carrying(scope.condition))
    return record.output is True


async def _pause(walk: "Walk", delay: timedelta, path: str, lane: Lane) -> None:
    """Wait between two rounds."""
    if walk.stubs is None:
        await walk.ledger.hold(path, TimerHold(walk.clock() + delay), lane)
