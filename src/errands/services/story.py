"""A run as people read it: its records, gathered by step and put in the order of the file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from errands.core.definition.steps import ForEachStep, RepeatStep, Step, inner_blocks
from errands.core.definition.task import TaskDefinition
from errands.core.outcomes import StepStatus, Usage
from errands.core.values import Json
from errands.engine.records import Record, Stored
from errands.services.views import BelowView, StepView

Place = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """A step of the file."""

    step: Step
    position: int
    depth: int
    parent: str | None
    """Key of the step whose block it stands in."""
    in_round: bool
    """Whether that block is done round by round."""


class Story:
    """The steps of one run. Feed it records in any order; it knows at each moment what they tell."""

    def __init__(self, definition: TaskDefinition) -> None:
        self._known: dict[str, _Known] = {}
        for block in (definition.steps, definition.on_error, definition.finally_):
            self._learn(block, None, 0, in_round=False)
        self._taken_in: set[str] = set()
        self._outcomes: dict[str, Record] = {}
        self._below: dict[str, list[Record]] = {}
        self._begun: dict[str, None] = {}

    def add(self, record: Record) -> list[str]:
        """Take a record in; gives the paths of the steps that look different now. One that is known changes nothing."""
        if record.path in self._taken_in:
            return []
        self._taken_in.add(record.path)
        head, slash, _ = record.path.partition("/")
        path = head.removesuffix("]").rpartition("[")[0] if head.endswith("]") else head
        if key_of(path) not in self._known:
            return []
        if not slash and record.kind == "outcome":
            self._outcomes[path] = record
        else:
            self._below.setdefault(path, []).append(record)
        skipped = self._skipped_by(path, record)
        return [*skipped, path, *self._begin(path)]

    def begin(self, path: str) -> list[str]:
        """A step has begun, as a live event tells before there is a record."""
        return [path, *self._begin(path)] if key_of(path) in self._known else []

    def step(self, path: str, unended: StepStatus = StepStatus.RUNNING) -> StepView:
        """What is known of one step; `unended` is the state of a step that has no outcome."""
        known, outcome = self._known[key_of(path)], self._outcomes.get(path)
        below = self._below.get(path, [])
        shown = sorted((record for record in below if record.kind in ("attempt", "turn", "call")), key=_order)
        intent = next((record for record in reversed(below) if record.kind == "intent"), None)
        output, size = _output(outcome)
        begun = [record.started_at for record in below if record.started_at is not None]
        return StepView(
            path=path,
            key=known.step.key,
            kind=known.step.kind,
            title=known.step.title,
            status=unended if outcome is None or outcome.status is None else outcome.status,
            input=_input(outcome, below, intent),
            output=output,
            output_size=size,
            error=None if outcome is None else outcome.error,
            attempts=_attempts(outcome, shown),
            usage=_usage(outcome, shown),
            started_at=(None if outcome is None else outcome.started_at) or min(begun, default=None),
            finished_at=None if outcome is None else outcome.finished_at,
            cached=outcome is not None and outcome.fact("cached") is True,
            effect_key=_text(_fact(outcome, "effect_key") or _fact(intent, "effect_key")),
            depth=known.depth,
            below=tuple(_below(record) for record in shown),
            untrusted=any(record.untrusted for record in (*below, *((outcome,) if outcome is not None else ()))),
            edited=_fact(outcome, "edited") is True,
        )

    def steps(self, unended: StepStatus, waiting: frozenset[str] = frozenset()) -> tuple[StepView, ...]:
        """Every step that was reached or passed over, in the order of the file, rounds one after the other.

        `waiting` are the paths of steps that wait; other steps without an outcome are `unended`.
        """
        paths = self.in_order((*self._outcomes, *self._begun))
        return tuple(self.step(path, StepStatus.WAITING if path in waiting else unended) for path in paths)

    def in_order(self, paths: Iterable[str]) -> list[str]:
        """The paths, each once, in the order of the file: outer before inner, rounds one after the other."""
        return sorted(set(paths), key=self._place)

    def kind(self, path: str) -> str:
        """The kind of the step at a path; `unknown` for one that is not in this version of the file."""
        known = self._known.get(key_of(path))
        return "unknown" if known is None else known.step.kind

    def _learn(self, block: tuple[Step, ...], parent: str | None, depth: int, *, in_round: bool) -> None:
        for step in block:
            self._known[step.key] = _Known(step, len(self._known), depth, parent, in_round)
            for name, inner in inner_blocks(step):
                rounds = isinstance(step, ForEachStep | RepeatStep) and name != "on_error"
                self._learn(inner, step.key, depth + 1, in_round=rounds)

    def _begin(self, path: str) -> list[str]:
        """Note that a step and those around it have begun; gives the outer ones that had not yet."""
        self._begun.setdefault(path)
        known, prefix = self._known[key_of(path)], path.rpartition(".")[0]
        if known.parent is None:
            return []
        block = f"{prefix}." if prefix else ""
        outer = prefix.rpartition("[")[0] if known.in_round else f"{block}{known.parent}"
        return [] if outer in self._begun else [outer, *self._begin(outer)]

    def _skipped_by(self, path: str, record: Record) -> list[str]:
        """A decision tells that the steps of the other branches are passed over."""
        if record.kind != "decision" or not isinstance(record.output, Mapping):
            return []
        passed, prefix = record.output.get("skipped"), path.rpartition(".")[0]
        blocks = inner_blocks(self._known[key_of(path)].step)
        keys = [step.key for name, block in blocks if isinstance(passed, list) and name in passed for step in block]
        paths = [f"{prefix}.{key}" if prefix else key for key in keys]
        for one in paths:
            self._outcomes[one] = Record(one, "outcome", StepStatus.SKIPPED)
        return paths

    def _place(self, path: str) -> Place:
        segments = []
        for segment in path.split("."):
            key, bracket, number = segment.partition("[")
            position = self._known[key].position if key in self._known else -1
            segments.append((position, int(number.rstrip("]")) if bracket else -1))
        return tuple(segments)


def _input(outcome: Record | None, below: list[Record], intent: Record | None) -> Json:
    """What a step was given: rendered arguments, or how many items a loop goes through."""
    if outcome is not None and outcome.input is not None:
        return outcome.input
    listed = next((record for record in below if record.kind == "items"), outcome)
    if listed is not None and listed.fact("items") is not None:
        return {"items": listed.fact("items")}
    return None if intent is None else intent.input


def key_of(path: str) -> str:
    """The key of the step at a path: its last part without the round."""
    return path.rpartition(".")[2].partition("/")[0].partition("[")[0]


def step_of(path: str) -> str:
    """The path of the step that a record or wait belongs to."""
    head = path.partition("/")[0]
    return head.rpartition("[")[0] if head.endswith("]") else head


def _order(record: Record) -> tuple[bool, str]:
    """By time, so that a call follows its request."""
    moment = record.started_at or record.finished_at
    return (moment is None, "" if moment is None else moment.isoformat())


def _output(record: Record | None) -> tuple[Json, int | None]:
    if record is None:
        return None, None
    return (None, record.output.size) if isinstance(record.output, Stored) else (record.output, None)


def _attempts(outcome: Record | None, below: list[Record]) -> int:
    counted = _fact(outcome, "attempts")
    failed = sum(record.kind == "attempt" for record in below)
    return counted if isinstance(counted, int) else failed + 1


def _usage(outcome: Record | None, below: list[Record]) -> Usage:
    own = Usage() if outcome is None else outcome.usage
    return sum((record.usage for record in below if record.kind != "attempt"), own)


def _below(record: Record) -> BelowView:
    output, size = _output(record)
    return BelowView(
        path=record.path,
        kind="attempt" if record.kind == "attempt" else "turn" if record.kind == "turn" else "call",
        status=record.status or StepStatus.SUCCEEDED,
        input=record.input,
        output=output,
        error=record.error,
        usage=record.usage,
        effect_key=_text(record.fact("effect_key")),
        started_at=record.started_at,
        finished_at=record.finished_at,
        untrusted=record.untrusted,
        output_size=size,
    )


def _fact(record: Record | None, name: str) -> Json:
    return None if record is None else record.fact(name)


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
