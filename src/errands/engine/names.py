"""The names that recorded steps have left: a replay takes a block's outcome, and its names from what lies below it."""

from collections.abc import Callable

from errands.core.definition.steps import IfStep, ParallelStep, Step, SwitchStep
from errands.core.outcomes import StepStatus
from errands.core.values import Json
from errands.engine.records import Record, Stored
from errands.engine.scope import Scope

Find = Callable[[str], Record | None]


def restore_names(find: Find, steps: tuple[Step, ...], scope: Scope, prefix: str) -> None:
    """Set what a walk over these steps has set in their block's scope, as far as it came."""
    for step in steps:
        record = find(prefix + step.key)
        for block in _visible_blocks(step, record):
            restore_names(find, block, scope, prefix)
        if record is not None and step.id is not None:
            scope.set(step.id, _left(find, step, record, prefix))


def _visible_blocks(step: Step, record: Record | None) -> tuple[tuple[Step, ...], ...]:
    """Names in a branch that was taken are visible behind it; those of parallel branches once all have succeeded."""
    match step:
        case IfStep():
            return (step.then, step.else_)
        case SwitchStep():
            return (*step.cases.values(), step.default)
        case ParallelStep() if record is not None and record.status is StepStatus.SUCCEEDED:
            return tuple(step.parallel.values())
        case _:
            return ()


def _left(find: Find, step: Step, record: Record, prefix: str) -> Json | Stored:
    """A step's output; where it failed, that of the steps which handled the failure."""
    if record.status in (StepStatus.SUCCEEDED, StepStatus.SKIPPED):
        return record.output
    if isinstance(step.on_error, str) or not step.on_error:
        return None
    last = step.on_error[-1]
    found = find(prefix + last.key)
    return None if found is None else _left(find, last, found, prefix)
