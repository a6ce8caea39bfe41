"""`errands show`: a run from its cause to its output, step by step, as it was recorded."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from errands.cli.desk import Room
from errands.cli.displays import local_now
from errands.cli.figures import moment, money, plural, size, tokens
from errands.cli.given import BadInput
from errands.cli.headline import headline, standing, why
from errands.cli.neutral import one_line, safe
from errands.cli.outline import Outline
from errands.cli.palette import look_of
from errands.cli.progress import Progress
from errands.cli.rows import Canvas, draw, rows
from errands.cli.screen import Screen
from errands.cli.tree import figures, grow
from errands.cli.values import brief, spoken, value_lines
from errands.cli.waits import waiting_for
from errands.core.outcomes import StepError, StepStatus, Usage
from errands.core.values import Json
from errands.services.errors import NotFound
from errands.services.views import BelowView, RunView, StepView

if TYPE_CHECKING:
    from rich.text import Text

_VALUE_LINES = 6
_BRIEF = 160
_MANY_STEPS = 60
"""Above this many steps, the record of each is left to `--step`."""


async def show_run(screen: Screen, room: Room, run: RunView) -> None:
    """The whole run; as JSON, the view as it is."""
    screen.document(run)
    if screen.as_json:
        return
    now = local_now()
    progress = Progress(await outline_of(room, run), run=run, status=run.status, waiting=run.waiting, ended=True)
    progress.steps = {step.path: step for step in run.steps}
    screen.show(headline(run), standing(run.status, run.timings, run.usage, unicode=screen.unicode))
    for line in why(run, now):
        screen.say(line, "faint")
    _values(screen, "Arguments", dict(run.arguments) or None)
    _tree(screen, progress, now)
    _records(screen, progress, now)
    _artifacts(screen, run)
    for wait in run.waiting:
        screen.say(f"{one_line(wait.path)}: {waiting_for(wait, run.id, now)}", "status.waiting")
    if run.error is not None:
        _title(screen, "Error")
        _print_all(screen, _error_lines(run.error))
    elif run.output is not None or run.output_size is not None:
        _values(screen, "Output", run.output, stored=run.output_size, limit=40)


async def show_step(screen: Screen, run: RunView, path: str) -> None:
    """One step, its values in full. Raises BadInput where the run has no such step."""
    step = next((step for step in run.steps if step.path == path), None)
    if step is None:
        ends = [step.path for step in run.steps if step.key == path.rpartition(".")[2]] or [s.path for s in run.steps]
        raise BadInput(
            f"{run.id} has no step {path!r}",
            hint=f"Its steps: {', '.join(ends[:12])}{', ...' if len(ends) > 12 else ''}" if ends else None,
        )
    screen.document(step)
    if not screen.as_json:
        _print_all(screen, _record(step, local_now(), limit=None))


async def show_output(screen: Screen, room: Room, run: str) -> None:
    """What a run gave, in full: into a pipe exactly the text, to a terminal without its control characters."""
    value = await room.client.runs.output(run)
    screen.document(value)
    if screen.as_json:
        return
    if isinstance(value, str) and not screen.out.is_terminal:
        screen.out.file.write(value if value.endswith("\n") else value + "\n")
        return
    for line in value_lines(value):
        screen.say(line)


async def outline_of(room: Room, run: RunView) -> Outline:
    """The outline of the version that the run has; empty where it is gone."""
    try:
        return Outline.of(await room.client.tasks.definition(run.project, run.task, run.version))
    except NotFound:
        return Outline()


def _tree(screen: Screen, progress: Progress, now: datetime) -> None:
    if progress.steps:
        _title(screen, "Steps")
        screen.show(*draw(rows(grow(progress, now)), Canvas(screen.out.width, screen.unicode)))


def _records(screen: Screen, progress: Progress, now: datetime) -> None:
    steps = [step for step in progress.in_order() if _tells_something(step)]
    if len(steps) > _MANY_STEPS:
        screen.say(f"{plural(len(steps), 'step')}: look at one with --step PATH, or at all with --json", "faint")
        return
    for step in steps:
        screen.say("")
        _print_all(screen, _record(step, now, limit=_VALUE_LINES))


def _record(step: StepView, now: datetime, *, limit: int | None) -> "Iterator[Text]":
    """A step's input, output, attempts, and what an agent did in it."""
    look = look_of(step.status)
    facts = "  ".join(part for part in (step.kind, figures(step, now)) if part)
    yield (
        safe(one_line(step.path), "strong")
        + safe(f"  {look.word}", f"status.{step.status.value}")
        + safe(f"  {facts}", "faint")
    )
    if step.started_at is not None:
        yield safe(f"  started {moment(step.started_at, now)}{_key(step)}", "faint")
    yield from _labelled("input", step.input, limit)
    for record in step.below:
        yield from _below(record, now, limit)
    if step.output_size is not None:
        yield safe(f"  output   {size(step.output_size)}, kept apart", "faint")
    elif step.output is not None or step.error is None:
        yield from _labelled("output", step.output, limit)
    if step.error is not None:
        yield from (safe("  ") + line for line in _error_lines(step.error))
    if step.usage:
        yield safe(f"  used     {_usage(step.usage)}", "faint")


def _below(record: BelowView, now: datetime, limit: int | None) -> "Iterator[Text]":
    name = record.path.partition("/")[2]
    style = f"status.{record.status.value}"
    yield safe(f"  {one_line(name)}", style) + safe(f"  {figures(record, now)}", "faint")
    if limit is None:
        yield from _labelled("  asked" if record.kind == "turn" else "  with", record.input, None)
        yield from _labelled("  gave", record.output, None)
    elif record.output is not None:
        said = spoken(record.output) if record.kind == "turn" else brief(record.output)
        yield safe(f"    {one_line(said, _BRIEF)}", "faint")
    if record.error is not None:
        yield from (safe("    ") + line for line in _error_lines(record.error))


def _labelled(label: str, value: Json, limit: int | None) -> "Iterator[Text]":
    if value is None:
        return
    first, *rest = value_lines(value, limit=limit)
    yield safe(f"  {label:<8} ", "faint") + safe(first)
    yield from (safe(f"{' ' * 11}{line}") for line in rest)


def _error_lines(error: StepError) -> "list[Text]":
    where = f"{one_line(error.step)}: " if error.step else ""
    lines = [safe(f"{error.kind.value}: ", "status.failed") + safe(f"{where}{one_line(error.message)}")]
    if error.hint:
        lines.append(safe(one_line(error.hint), "problem.hint"))
    if error.detail is not None:
        lines.append(safe(brief(error.detail, 500), "faint"))
    return lines


def _artifacts(screen: Screen, run: RunView) -> None:
    if run.artifacts:
        _title(screen, "Files")
    for file in run.artifacts:
        screen.say(
            f"  {one_line(file.name)}  {size(file.size)}  {one_line(file.media_type)}  {file.id}  by {file.path}"
        )


def _values(screen: Screen, title: str, value: Json, *, stored: int | None = None, limit: int = 20) -> None:
    if value is None and stored is None:
        return
    _title(screen, title)
    lines = value_lines(value, limit=limit) if stored is None else [f"{size(stored)}, kept apart"]
    for line in lines:
        screen.say(f"  {line}")


def _title(screen: Screen, title: str) -> None:
    screen.say("")
    screen.say(title, "strong")


def _print_all(screen: Screen, lines: "Iterator[Text] | list[Text]") -> None:
    for line in lines:
        screen.out.print(line, soft_wrap=True)


def _usage(usage: Usage) -> str:
    parts = [
        f"{tokens(usage.input_tokens)} in, {tokens(usage.output_tokens)} out" if usage.tokens else "",
        plural(usage.requests, "model request") if usage.requests else "",
        plural(usage.tool_calls, "tool call") if usage.tool_calls else "",
        money(usage.usd) if usage.usd else "",
    ]
    return ", ".join(part for part in parts if part)


def _key(step: StepView) -> str:
    return f"  effect key {step.effect_key}" if step.effect_key else ""


def _tells_something(step: StepView) -> bool:
    if step.status is StepStatus.SKIPPED:
        return False
    return step.input is not None or step.output is not None or step.error is not None or bool(step.below)
