"""What of a run is too large to be sent along with it: inputs and outputs over a size are told by their size alone."""

from dataclasses import replace

from errands.core.values import Json, to_text
from errands.services.views import BelowView, RunEnded, RunEvent, RunSnapshot, RunView, StepChanged, StepView


def run_without(view: RunView, largest: int | None) -> RunView:
    """The run without inputs and outputs of more than `largest` bytes. None: as it is."""
    if largest is None:
        return view
    output, size = _without(view.output, view.output_size, largest)
    steps = tuple(step_without(step, largest) for step in view.steps)
    return replace(view, output=output, output_size=size, steps=steps)


def step_without(step: StepView, largest: int | None) -> StepView:
    """The same of a step, and of the records below it."""
    if largest is None:
        return step
    given, input_size = _without(step.input, step.input_size, largest)
    output, output_size = _without(step.output, step.output_size, largest)
    below = tuple(_below(record, largest) for record in step.below)
    return replace(step, input=given, input_size=input_size, output=output, output_size=output_size, below=below)


def event_without(event: RunEvent, largest: int | None) -> RunEvent:
    """The same of what a follower is told."""
    match event:
        case RunSnapshot() | RunEnded():
            return replace(event, run=run_without(event.run, largest))
        case StepChanged():
            return replace(event, step=step_without(event.step, largest))
        case _:
            return event


def _below(record: BelowView, largest: int) -> BelowView:
    given, input_size = _without(record.input, record.input_size, largest)
    output, output_size = _without(record.output, record.output_size, largest)
    return replace(record, input=given, input_size=input_size, output=output, output_size=output_size)


def _without(value: Json, size: int | None, largest: int) -> tuple[Json, int | None]:
    if size is not None or value is None:
        return value, size
    written = len(to_text(value).encode())
    return (value, None) if written <= largest else (None, written)
