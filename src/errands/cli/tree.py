"""The tree of a run's steps: rounds under their loop, branches under their decision, with figures and notes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from errands.cli.figures import count, duration, money, plural
from errands.cli.neutral import one_line
from errands.cli.outline import Outline, Place, round_of
from errands.cli.progress import Progress, at_work
from errands.cli.waits import waiting_for
from errands.core.outcomes import StepStatus
from errands.core.values import Json
from errands.services.views import BelowView, StepView, WaitView

_LIVE = (StepStatus.RUNNING, StepStatus.WAITING)
_NAME = 300
"""Characters of a name that are looked at; the row cuts further."""


@dataclass(slots=True)
class Node:
    """A step, a round of a loop, or a record below a step."""

    path: str
    label: str
    status: StepStatus | None
    """`None`: not reached yet."""
    detail: str = ""
    figures: str = ""
    branch: str | None = None
    notes: list[tuple[str, str]] = field(default_factory=list)
    """Lines below it: a style and a text."""
    children: "list[Node]" = field(default_factory=list)
    is_round: bool = False
    rounds: int | None = None
    """Of a loop: how many rounds it will have, if that is known."""

    @property
    def live(self) -> bool:
        """Whether it, or something in it, is still under way."""
        return self.status in _LIVE or any(child.live for child in self.children)


def grow(progress: Progress, now: datetime, *, below: bool = False) -> list[Node]:
    """The tree of a run. With `below`, agents' requests and calls and failed attempts hang under their step."""
    waits = {wait.path.split("/")[0]: wait for wait in progress.waiting}
    run = progress.run.id if progress.run else ""
    roots: list[Node] = []
    stack: list[tuple[int, Node]] = []
    for step in _with_loops(progress):
        node = _node(step, progress, now, waits.get(step.path), run)
        if below or step.status is StepStatus.RUNNING:
            node.children += [_below(record, now) for record in (step.below if below else step.below[-3:])]
        while stack and stack[-1][0] >= step.depth:
            stack.pop()
        _home(stack[-1][1] if stack else None, step.path, roots).append(node)
        stack.append((step.depth, node))
    for node in _all(roots):
        _settle_rounds(node, progress.outline)
    if not progress.ended:
        roots += [_planned(place) for place in progress.outline.planned() if place.key not in progress.steps]
        roots.sort(key=lambda node: progress.outline.order(node.path))
    return roots


def _with_loops(progress: Progress) -> Iterator[StepView]:
    """The steps in order; a loop that is known by its rounds only is put in before them."""
    seen: set[str] = set()
    for step in progress.in_order():
        around = round_of(step.path)
        loop = around.rpartition("[")[0] if around else None
        if loop and loop not in seen and loop not in progress.steps:
            seen.add(loop)
            yield at_work(loop, "for_each", max(step.depth - 1, 0))
        seen.add(step.path)
        yield step


def _home(parent: Node | None, path: str, roots: list[Node]) -> list[Node]:
    """The list that a step's node belongs in: the roots, its parent's children, or those of its round."""
    if parent is None:
        return roots
    around = round_of(path)
    if around is None or around.rpartition("[")[0] != parent.path:
        return parent.children
    if not parent.children or parent.children[-1].path != around:
        number = around.rpartition("[")[2].rstrip("]")
        parent.children.append(Node(around, f"[{number}]", StepStatus.RUNNING, is_round=True))
    return parent.children[-1].children


def _node(step: StepView, progress: Progress, now: datetime, wait: WaitView | None, run: str) -> Node:
    place = progress.outline.place(step.path)
    status = StepStatus.WAITING if wait is not None and step.status in _LIVE else step.status
    node = Node(
        path=step.path,
        label=one_line(step.title or (place.title if place else None) or _unnumbered(step.key), _NAME),
        status=status,
        detail="" if status is StepStatus.SKIPPED else one_line(place.detail if place else step.kind, _NAME),
        figures=figures(step, now),
        branch=place.block if place else None,
        rounds=_rounds(step) if step.kind == "for_each" else None,
    )
    if wait is not None and status is StepStatus.WAITING:
        node.notes.append(("status.waiting", waiting_for(wait, run, now)))
    if step.error is not None and status is not StepStatus.SUCCEEDED:
        node.notes.append((f"status.{step.status.value}", one_line(step.error.message, 1000)))
        if step.error.hint:
            node.notes.append(("problem.hint", one_line(step.error.hint, 1000)))
    if (stream := progress.streams.get(step.path)) and status is StepStatus.RUNNING:
        node.notes.append(("faint", one_line(stream)[-120:]))
    return node


def figures(step: StepView | BelowView, now: datetime) -> str:
    """`attempt 2  12.4k tokens  $0.031  6.1s`: what it took, the time last."""
    parts: list[str] = []
    if isinstance(step, StepView) and step.attempts > 1:
        parts.append(f"attempt {step.attempts}" if step.status in _LIVE else plural(step.attempts, "attempt"))
    if isinstance(step, StepView) and step.cached:
        parts.append("cached")
    if step.untrusted:
        parts.append("outside data")
    if step.usage.tokens:
        parts.append(f"{count(step.usage.tokens)} tok")
    if step.usage.usd:
        parts.append(money(step.usage.usd))
    if step.started_at is not None:
        parts.append(duration((step.finished_at or now) - step.started_at))
    return "  ".join(parts)


def _below(record: BelowView, now: datetime) -> Node:
    name = record.path.rpartition("/")[2]
    words = {"attempt": "attempt", "turn": "asked the model", "call": "called"}
    node = Node(record.path, one_line(name, _NAME), record.status, words[record.kind], figures(record, now))
    if record.error is not None:
        node.notes.append(("status.failed", one_line(record.error.message, 1000)))
    return node


def _planned(place: Place) -> Node:
    label = one_line(place.title or _unnumbered(place.key), _NAME)
    return Node(place.key, label, None, one_line(place.detail, _NAME))


def _unnumbered(key: str) -> str:
    """A step without an id is shown by its kind: `if` for `if#2`."""
    return key.partition("#")[0]


def _all(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        yield from _all(node.children)
        yield node


def _settle_rounds(loop: Node, outline: Outline) -> None:
    """Give each round of a loop its state, and the loop its count: `3 of 5`."""
    rounds = [child for child in loop.children if child.is_round]
    if not rounds:
        return
    for one in rounds:
        one.status = _round_status(one, outline, loop_over=loop.status not in _LIVE)
    done = sum(one.status not in _LIVE for one in rounds)
    loop.children = [_merged(child) for child in loop.children]
    loop.detail = f"{done} of {loop.rounds}" if loop.rounds is not None else plural(done, "round")


def _merged(one: Node) -> Node:
    """A round with a single step takes one row."""
    if not one.is_round or len(one.children) != 1:
        return one
    inner = one.children[0]
    return replace(inner, label=f"{one.label} {inner.label}", status=one.status, is_round=True)


def _round_status(one: Node, outline: Outline, *, loop_over: bool) -> StepStatus:
    """A round is over when the last step of its block is, when a step in it failed, or with its loop."""
    states = [child.status for child in one.children]
    if any(child.live for child in one.children):
        return StepStatus.WAITING if StepStatus.RUNNING not in states else StepStatus.RUNNING
    for state in (StepStatus.FAILED, StepStatus.TIMED_OUT, StepStatus.CANCELLED):
        if state in states:
            return state
    last = outline.place(one.children[-1].path) if one.children else None
    return StepStatus.SUCCEEDED if loop_over or (last is not None and last.ends_round) else StepStatus.RUNNING


def _rounds(step: StepView) -> int | None:
    """How many rounds a loop will have, where its record says so."""
    items: Json = step.output if step.input is None else step.input
    if isinstance(items, Mapping):
        items = items.get("items", items.get("for_each"))
    if isinstance(items, bool | str):
        return None
    if isinstance(items, int):
        return items
    return len(items) if isinstance(items, Sequence) else None
