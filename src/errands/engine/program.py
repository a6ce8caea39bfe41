"""A definition made ready to run: every template compiled once, every step's place known."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from errands.core.definition.steps import (
    AgentStep,
    ApproveStep,
    EventStep,
    FinishStep,
    ForEachStep,
    IfStep,
    NotifyStep,
    RepeatStep,
    Step,
    SubtaskStep,
    SwitchStep,
    ToolStep,
    TransformStep,
    WaitStep,
    inner_blocks,
)
from errands.core.definition.task import TaskDefinition
from errands.core.expressions.templates import Template, compile_expression, compile_program, compile_template
from errands.core.values import Json


@dataclass(frozen=True, slots=True)
class CompiledStep:
    """A step with its templates. `main` is what its kind evaluates: arguments, prompt, condition, list, question."""

    step: Step
    position: int
    """Number of the step in the file, outer before inner."""
    when: Template | None
    main: Template
    cache_key: Template | None
    keep: Template | None
    output_used: bool
    """Whether anything may look at the output: it has an id, or it is the last step of its block."""


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled task definition."""

    definition: TaskDefinition
    steps: dict[str, CompiledStep]
    """By key."""
    output: Template | None
    keep: Template | None
    key: Template | None
    ids: frozenset[str] = field(default_factory=frozenset)
    """Every id in the file: a name that reads as None until its step is reached."""

    def position(self, key: str) -> int:
        return self.steps[key].position


def compile_task(definition: TaskDefinition) -> Program:
    """Compile a checked definition. Raises TemplateInvalid where a template does not parse."""
    ordered = list(_walk(definition.steps, definition.on_error, definition.finally_))
    steps = {
        step.key: CompiledStep(
            step=step,
            position=position,
            when=compile_expression(step.when) if step.when is not None else None,
            main=_main(step),
            cache_key=compile_template(step.cache.key) if step.cache and step.cache.key is not None else None,
            keep=compile_template(step.keep) if step.keep else None,
            output_used=last or step.id is not None,
        )
        for position, (step, last) in enumerate(ordered)
    }
    return Program(
        definition=definition,
        steps=steps,
        output=compile_template(definition.output) if definition.has_output else None,
        keep=compile_template(definition.keep) if definition.keep else None,
        key=compile_template(definition.limits.key) if definition.limits.key is not None else None,
        ids=frozenset(step.id for step, _ in ordered if step.id is not None),
    )


def _walk(*blocks: tuple[Step, ...]) -> Iterator[tuple[Step, bool]]:
    """Every step in file order with whether it is the last of its block."""
    for block in blocks:
        for step in block:
            yield step, step is block[-1]
            yield from _walk(*(inner for _, inner in inner_blocks(step)))


def _main(step: Step) -> Template:
    match step:
        case TransformStep():
            return compile_program(step.python)
        case IfStep():
            return compile_expression(step.condition)
        case SwitchStep():
            return compile_expression(step.subject)
        case ForEachStep():
            return compile_expression(step.items)
        case RepeatStep():
            return compile_expression(step.until)
        case _:
            return compile_template(template_of(step))


def template_of(step: Step) -> Json:
    """The one JSON value that holds everything a step of this kind evaluates."""
    match step:
        case ToolStep() | SubtaskStep():
            return step.with_
        case AgentStep():
            return {"prompt": step.prompt, "files": list(step.files)}
        case NotifyStep():
            to = step.to if isinstance(step.to, str) else list(step.to)
            return {"to": to, "body": step.body, **({"title": step.title} if step.title is not None else {})}
        case WaitStep():
            return {"duration": step.duration, "until": step.until}
        case EventStep():
            until = {"until": step.until} if step.until is not None else {}
            return {"event": step.event, "key": step.match, **until}
        case ApproveStep():
            return {"question": step.question, "form": step.form}
        case FinishStep():
            return {"output": step.output, "message": step.message}
        case _:
            return None
