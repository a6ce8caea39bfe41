"""A definition's steps in file order: where each stands, what it is called and what it does, in a few words."""

import re
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

_SEGMENT = re.compile(r"(?P<key>[^.\[\]]+)(?:\[(?P<round>\d+)\])?")
_NO_ROUND = -1

Order = tuple[tuple[int, int], ...]
"""Sorts step paths as the file and its loops' rounds order them."""


@dataclass(frozen=True, slots=True)
class Place:
    """One step of the file."""

    index: int
    """Position in the file, blocks before what follows them."""
    key: str
    kind: str
    depth: int
    title: str | None
    detail: str
    """The tool's, agent's or task's name, or the condition."""
    block: str | None = None
    """Branch that it begins: `else`, a case's or a parallel branch's name."""
    loop: str | None = None
    """Key of the innermost loop around it."""
    ends_round: bool = False
    """It is the last step of a loop's block."""
    planned: bool = False
    """One of the task's own steps: sure to come, if all goes well."""


@dataclass(slots=True)
class Outline:
    """The places of all steps, by key. Keys that the file does not have are placed behind, in the order they came."""

    places: dict[str, Place] = field(default_factory=dict)
    _strangers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, definition: TaskDefinition) -> "Outline":
        """The outline of a task: its steps, then `on_error`, then `finally`."""
        found: dict[str, Place] = {}
        blocks = ((None, definition.steps), ("on error", definition.on_error), ("finally", definition.finally_))
        for name, block in blocks:
            _walk(found, block, _Around(agent=definition.agent, block=name, main=name is None))
        return cls(found)

    def order(self, path: str) -> Order:
        """Where a path stands among others."""
        return tuple((self._index(key), _NO_ROUND if number is None else number) for key, number in segments(path))

    def place(self, path: str) -> Place | None:
        """The place of the step at a path; `None` for a step that the file does not have."""
        return self.places.get(key_of(path))

    def planned(self) -> Iterator[Place]:
        """The task's own steps: those that no decision or loop stands before."""
        return (place for place in self.places.values() if place.planned)

    def _index(self, key: str) -> int:
        place = self.places.get(key)
        return place.index if place else len(self.places) + self._strangers.setdefault(key, len(self._strangers))


def segments(path: str) -> list[tuple[str, int | None]]:
    """`notes[3].note` as `[("notes", 3), ("note", None)]`."""
    matches = (_SEGMENT.match(part) for part in path.split("/", maxsplit=1)[0].split("."))
    return [(found["key"], int(found["round"]) if found["round"] else None) for found in matches if found]


def key_of(path: str) -> str:
    """The last step's key in a path: `note` of `notes[3].note`."""
    parts = segments(path)
    return parts[-1][0] if parts else path


def round_of(path: str) -> str | None:
    """The innermost round that a path lies in: `notes[3]` of `notes[3].note`, `None` outside of loops."""
    head, dot, _ = path.rpartition(".")
    return head if dot and head.endswith("]") else None


@dataclass(frozen=True, slots=True)
class _Around:
    """What a block of steps lies in."""

    agent: str | None
    depth: int = 0
    block: str | None = None
    loop: str | None = None
    repeated: bool = False
    main: bool = False


def _walk(found: dict[str, Place], block: tuple[Step, ...], around: _Around) -> None:
    for number, step in enumerate(block):
        found[step.key] = Place(
            index=len(found),
            key=step.key,
            kind=step.kind,
            depth=around.depth,
            title=step.title,
            detail=_detail(step, around.agent),
            block=around.block if number == 0 else None,
            loop=around.loop,
            ends_round=around.repeated and number == len(block) - 1,
            planned=around.main,
        )
        for name, inner in inner_blocks(step):
            repeated = isinstance(step, ForEachStep | RepeatStep) and name in ("do", "repeat")
            label = None if name in ("then", "do", "repeat") else name.replace("_", " ")
            loop = step.key if repeated else around.loop
            _walk(found, inner, _Around(around.agent, around.depth + 1, label, loop, repeated))


def _detail(step: Step, agent: str | None) -> str:
    match step:
        case ToolStep():
            return step.tool
        case AgentStep():
            return step.agent or agent or "agent"
        case TransformStep():
            return "python"
        case IfStep():
            return step.condition
        case SwitchStep():
            return step.subject
        case ForEachStep():
            return f"each of {step.items}"
        case RepeatStep():
            return f"until {step.until}"
        case ParallelStep():
            return f"{len(step.parallel)} branches"
        case SubtaskStep():
            return step.task
        case WaitStep():
            return step.duration or f"until {step.until}"
        case EventStep():
            return step.event
        case ApproveStep():
            return "approval"
        case NotifyStep():
            return "notify"
        case FinishStep():
            return "finish" if step.status == "succeeded" else "finish as failed"
