"""A picture of a task's steps, as SVG: what starts it, each step with what it does, branches and loops indented.

The same definition gives the same text, so a picture that is kept in a file can be checked to be current.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, assert_never
from xml.sax.saxutils import escape

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
from errands.core.definition.triggers import Trigger

_WIDTH: Final = 640
_ROW: Final = 34
_GAP: Final = 8
_INDENT: Final = 24
_CAPTION: Final = 20
_LETTER: Final = 7.2
"""Widest average of a letter of the text, in pixels."""
_COLOURS: Final = {
    "start": "#64748b",
    "tool": "#4f46e5",
    "agent": "#9333ea",
    "transform": "#64748b",
    "if": "#0e7490",
    "switch": "#0e7490",
    "for_each": "#0e7490",
    "repeat": "#0e7490",
    "parallel": "#0e7490",
    "run": "#4f46e5",
    "wait": "#b45309",
    "wait_for": "#b45309",
    "approve": "#be185d",
    "notify": "#4f46e5",
    "finish": "#15803d",
}
_WORDS: Final = {
    "tool": "tool",
    "agent": "agent",
    "transform": "compute",
    "if": "decide",
    "switch": "decide",
    "for_each": "for each",
    "repeat": "repeat",
    "parallel": "at once",
    "run": "task",
    "wait": "wait",
    "wait_for": "event",
    "approve": "ask people",
    "notify": "notify",
    "finish": "finish",
}


@dataclass(frozen=True, slots=True)
class _Row:
    """A step (or, without a kind, the caption of a branch) on its line."""

    depth: int
    kind: str
    name: str
    detail: str = ""


def draw_steps(definition: TaskDefinition) -> str:
    """The picture. It needs no font, script or address of anybody else's, and reads on light and dark ground."""
    rows = list(_rows(definition))
    body, top = [], _GAP
    for row in rows:
        body.append(_caption(row, top) if not row.kind else _box(row, top))
        top += (_CAPTION if not row.kind else _ROW) + _GAP
    title = escape(definition.title or definition.task)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}" '
        f'role="img" font-family="system-ui, sans-serif" font-size="13">\n<title>Steps of {title}</title>\n'
    )
    return head + "\n".join(body) + "\n</svg>\n"


def _rows(definition: TaskDefinition) -> Iterator[_Row]:
    starts = [_starts(trigger) for trigger in definition.triggers] or ["on demand"]
    yield _Row(0, "start", "Starts", ", ".join(dict.fromkeys(starts)))
    yield from _block(definition.steps, 0)
    for caption, block in (("on failure", definition.on_error), ("always, at the end", definition.finally_)):
        if block:
            yield _Row(0, "", caption)
            yield from _block(block, 0)


def _starts(trigger: Trigger) -> str:
    match trigger.kind:
        case "schedule":
            return "on a schedule"
        case "webhook":
            return "by a webhook"
        case "email":
            return "by a mail"
        case "event":
            return "by an event"
        case _:
            assert_never(trigger.kind)


def _block(steps: Sequence[Step], depth: int) -> Iterator[_Row]:
    for step in steps:
        yield _Row(depth, step.kind, _name(step), _detail(step))
        for name, block in inner_blocks(step):
            if not block:
                continue
            if name not in ("do", "repeat"):
                yield _Row(depth + 1, "", "if it fails" if name == "on_error" else name)
            yield from _block(block, depth + 1)


def _name(step: Step) -> str:
    if step.title is not None:
        return step.title
    if step.id is not None:
        return step.id.replace("_", " ")
    return _WORDS[step.kind]


def _detail(step: Step) -> str:
    match step:
        case ToolStep():
            return step.tool
        case AgentStep():
            return f"agent {step.agent}" if step.agent else "agent"
        case IfStep():
            return step.condition
        case SwitchStep():
            return step.subject
        case ForEachStep():
            several = f", {step.max_parallel} at a time" if step.max_parallel > 1 else ""
            return f"each {step.as_}{several}"
        case RepeatStep():
            return f"until {step.until}"
        case SubtaskStep():
            return f"task {step.task}"
        case EventStep():
            return f"event {step.event}"
        case ApproveStep():
            return f"{step.quorum} of the approvers" if step.quorum > 1 else "an approver"
        case FinishStep():
            return step.status
        case TransformStep() | ParallelStep() | WaitStep() | NotifyStep():
            return _WORDS[step.kind]
        case _:
            assert_never(step)


def _caption(row: _Row, top: int) -> str:
    left = 12 + row.depth * _INDENT
    return f'<text x="{left}" y="{top + 14}" fill="#64748b" font-style="italic">{escape(_cut(row.name, 70))}</text>'


def _box(row: _Row, top: int) -> str:
    left = 4 + row.depth * _INDENT
    width, colour, middle = _WIDTH - left - 4, _COLOURS[row.kind], top + 22
    name = _cut(row.name, int((width - 40) * 0.6 / _LETTER))
    detail = _cut(" ".join(row.detail.split()), int((width - 40) / _LETTER) - len(name) - 2)
    return (
        f'<rect x="{left}" y="{top}" width="{width}" height="{_ROW}" rx="6" fill="#ffffff" stroke="#cbd5e1"/>'
        f'<rect x="{left}" y="{top}" width="5" height="{_ROW}" rx="2" fill="{colour}"/>'
        f'<text x="{left + 16}" y="{middle}" fill="#0f172a">{escape(name)}</text>'
        f'<text x="{_WIDTH - 16}" y="{middle}" fill="{colour}" text-anchor="end">{escape(detail)}</text>'
    )


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: max(letters - 1, 0)] + "…"
