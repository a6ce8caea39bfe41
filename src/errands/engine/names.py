"""The names that recorded steps have left: a replay takes a block's outcome, and its names from what lies below it."""

from collections.abc import Callable

from errands.core.definition.steps import IfStep, ParallelStep, Step, SwitchStep, inner_blocks
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
        if record is None:
            continue
        scope.mark(marked_within(step, record))
        if step.id is not None:
            output, untrusted = _left(find, step, record, prefix)
            scope.set(step.id, output, untrusted=untrusted)


def marked_within(step: Step, record: Record) -> frozenset[str]:
    """Names inside a step that carry the mark because of how it ended, whether they were reached or not.

    A decision that looked at data from outside marks the names of every branch: that one of them stayed None tells of
    that data as well. The branches of `parallel` are all taken, so only skipping it as a whole does so.
    """
    if not record.untrusted or (isinstance(step, ParallelStep) and record.status is not StepStatus.SKIPPED):
        return frozenset()
    return _names_within(step)


def _names_within(step: Step) -> frozenset[str]:
    """The ids that are visible behind a step and stand inside it."""
    if not isinstance(step, IfStep | SwitchStep | ParallelStep):
        return frozenset()
    inner = [one for name, block in inner_blocks(step) if name != "on_error" for one in block]
    own = frozenset(one.id for one in inner if one.id is not None)
    return own.union(*(_names_within(one) for one in inner))


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


def _left(find: Find, step: Step, record: Record, prefix: str) -> tuple[Json | Stored, bool]:
    """A step's output and whether it is marked; where it failed, that of the steps which handled the failure."""
    if record.status in (StepStatus.SUCCEEDED, StepStatus.SKIPPED):
        return record.output, record.untrusted
    if isinstance(step.on_error, str) or not step.on_error:
        return None, record.untrusted
    last = step.on_error[-1]
    found = find(prefix + last.key)
    if found is None:
        return None, record.untrusted
    output, untrusted = _left(find, last, found, prefix)
    return output, untrusted or record.untrusted
