"""Where a definition holds expressions, and where its steps stand in the file."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from errands.core.definition.nodes import Path
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
    inner_blocks,
)
from errands.core.definition.task import TaskDefinition
from errands.core.values import Json


@dataclass(frozen=True, slots=True)
class Text:
    """A value of a definition that holds expressions, or is one."""

    path: Path
    """Where it stands in the file."""
    value: Json
    kind: Literal["template", "expression", "program"] = "template"


@dataclass(frozen=True, slots=True)
class Block:
    """Steps that stand directly inside a step or a task."""

    name: str
    path: Path
    steps: tuple[Step, ...]

    def located(self) -> list[tuple[Step, Path]]:
        """Each step with its place in the file."""
        return [(step, (*self.path, index)) for index, step in enumerate(self.steps)]


def task_blocks(task: TaskDefinition) -> list[Block]:
    """The blocks of a task, in the order in which they run."""
    named = (("steps", task.steps), ("on_error", task.on_error), ("finally", task.finally_))
    return [Block(name, (name,), steps) for name, steps in named]


def blocks_of(step: Step, path: Path) -> list[Block]:
    """The blocks directly inside a step; `on_error` last."""
    found = []
    for name, steps in inner_blocks(step):
        last = name == "on_error" and steps is step.on_error
        inside = {"switch": ("cases",), "parallel": ("parallel",)}.get(step.kind, ())
        if last or (
            step.kind == "switch" and name == "default" and isinstance(step, SwitchStep) and steps is step.default
        ):
            inside = ()
        found.append(Block(name, (*path, *inside, name), steps))
    return found


def every_step(task: TaskDefinition) -> Iterator[tuple[Step, Path]]:
    """All steps of a task at every depth, each before those inside it."""
    for block in task_blocks(task):
        yield from _below(block)


def _below(block: Block) -> Iterator[tuple[Step, Path]]:
    for step, path in block.located():
        yield step, path
        for inner in blocks_of(step, path):
            yield from _below(inner)


def step_texts(step: Step, path: Path) -> list[Text]:
    """What a step computes before it is done; without `when`, `until` and `keep`, which see other names."""
    found = [Text((*path, *below), value, kind) for below, value, kind in _own_texts(step) if value is not None]
    if step.cache is not None and step.cache.key is not None:
        found.append(Text((*path, "cache", "key"), step.cache.key))
    return found


def _own_texts(step: Step) -> list[tuple[Path, Json, Literal["template", "expression", "program"]]]:
    match step:
        case ToolStep() | SubtaskStep():
            return [(("with",), step.with_, "template")]
        case AgentStep():
            return [(("prompt",), step.prompt, "template"), (("files",), list(step.files), "template")]
        case TransformStep():
            return [(("python",), step.python, "program")]
        case IfStep():
            return [(("if",), step.condition, "expression")]
        case SwitchStep():
            return [(("switch",), step.subject, "expression")]
        case ForEachStep():
            return [(("for_each",), step.items, "expression")]
        case WaitStep():
            return [(("wait",), step.duration, "template"), (("wait", "until"), step.until, "template")]
        case EventStep():
            said = {"event": step.event, "key": step.match, "until": step.until}
            return [(("wait_for", key), value, "template") for key, value in said.items()]
        case ApproveStep():
            return [(("approve", "question"), step.question, "template"), (("approve", "form"), step.form, "template")]
        case NotifyStep():
            to: Json = step.to if isinstance(step.to, str) else list(step.to)
            titled = ("notify", "title")
            return [
                (("notify", "to"), to, "template"),
                (titled, step.title, "template"),
                (("notify", "body"), step.body, "template"),
            ]
        case FinishStep():
            output, message = ("finish", "output"), ("finish", "message")
            return [(output, step.output, "template"), (message, step.message, "template")]
        case RepeatStep() | ParallelStep():
            return []
