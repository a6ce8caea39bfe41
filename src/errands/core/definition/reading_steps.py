"""Reads the steps of a task file: tells their kind from the keys they carry, and their blocks from the inside out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from errands.core.definition.nodes import ListNode, MapNode, Node, Path, ScalarNode, plain
from errands.core.definition.reader import Raw, Reader, text_at, values
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
    StepBase,
    SubtaskStep,
    SwitchStep,
    ToolStep,
    TransformStep,
    WaitStep,
)
from errands.core.definition.units import parse_duration
from errands.core.definition.wording import did_you_mean, field_names, one_of, unknown_key

MAX_STEPS = 500
MAX_STEP_DEPTH = 12
"""Blocks inside blocks; the task's own steps are level 1."""

STEP_CLASSES: Final[Mapping[str, type[StepBase]]] = {
    "tool": ToolStep,
    "prompt": AgentStep,
    "python": TransformStep,
    "if": IfStep,
    "switch": SwitchStep,
    "for_each": ForEachStep,
    "repeat": RepeatStep,
    "parallel": ParallelStep,
    "run": SubtaskStep,
    "wait": WaitStep,
    "wait_for": EventStep,
    "approve": ApproveStep,
    "notify": NotifyStep,
    "finish": FinishStep,
}
"""The key that tells a step's kind, and the kind. `run` comes before `wait`, which it carries itself."""

NESTED: Final[Mapping[str, Mapping[str, str]]] = {
    "wait": {"until": "until"},
    "wait_for": {"event": "event", "key": "match", "timeout": "expires", "until": "until"},
    "approve": {name: name for name in field_names(ApproveStep) if name not in (*field_names(StepBase), "deadline")}
    | {"timeout": "deadline"},
    "notify": {"to": "to", "title": "title", "body": "body"},
    "finish": {"status": "status", "output": "output", "message": "message"},
}
"""Kinds whose own keys stand in a mapping below the kind's key: name in the file to name in the model.

`title` of a notification and `timeout` of an approval also exist on every step, hence the mapping below the key.
"""

COMMON_KEYS: Final = tuple(field_names(StepBase))
_EXPRESSIONS: Final = frozenset(("when", "if", "switch", "for_each", "until", "python"))
_BLOCK_LISTS: Final[Mapping[str, frozenset[str]]] = {
    "if": frozenset(("then", "else")),
    "switch": frozenset(("default",)),
    "for_each": frozenset(("do",)),
    "repeat": frozenset(("repeat",)),
}
_BLOCK_MAPS: Final[Mapping[str, str]] = {"switch": "cases", "parallel": "parallel"}


def own_keys(kind_key: str) -> list[str]:
    """The keys that a step of this kind may carry at its top, the common ones included."""
    if kind_key in NESTED:
        return [kind_key, *COMMON_KEYS]
    return field_names(STEP_CLASSES[kind_key])


@dataclass(slots=True)
class StepReader:
    """Reads blocks of steps; counts them over the whole file."""

    reader: Reader
    count: int = 0
    unnamed: dict[str, int] = field(default_factory=dict)
    too_many: bool = False

    def block(self, node: Node | None, path: Path, depth: int = 1) -> tuple[Step, ...]:
        """The steps of a list, in order; in place of one that cannot be read, one that does nothing."""
        name = next((part for part in reversed(path) if isinstance(part, str)), "steps")
        items = self.reader.listing(node, path, name)
        if items and depth > MAX_STEP_DEPTH:
            hint = "move inner steps into a task of their own and call it with `run:`"
            message = f"blocks of steps are nested deeper than {MAX_STEP_DEPTH} levels"
            self.reader.report(path, message, hint, code="too-deep", at_key=True)
            return ()
        return tuple(self._step(item, (*path, index), depth) or _PLACEHOLDER for index, item in enumerate(items))

    def _step(self, node: Node, path: Path, depth: int) -> Step | None:
        if not self._counted(path):
            return None
        if not isinstance(node, MapNode):
            hint = "write `- tool: name`, or another kind of step, and its keys below it"
            self.reader.report(path, "a step must be a mapping", hint, code="wrong-type")
            return None
        kind = self._kind(node, path)
        step = self._read(kind, node, path, depth) if kind else None
        if step is None:
            self.reader.lost |= _ids_in(node)
        return step

    def _counted(self, path: Path) -> bool:
        self.count += 1
        if self.count > MAX_STEPS and not self.too_many:
            self.too_many = True
            hint = "move some into a task of their own and call it with `run:`"
            self.reader.report(path, f"the task has more than {MAX_STEPS} steps", hint, code="too-many-steps")
        return not self.too_many

    def _kind(self, node: MapNode, path: Path) -> str | None:
        """The key that tells the step's kind; a problem where there is none, or more than one."""
        found = [key for key in STEP_CLASSES if key in node.entries]
        if "run" in found and "wait" in found:
            found.remove("wait")
        if len(found) == 1:
            return found[0]
        if not found:
            self._no_kind(node, path)
            return None
        second = max(found, key=lambda key: node.entries[key][0].start)
        others = one_of([f"`{key}`" for key in found if key != second])
        hint = "a step does one thing; make two steps of it"
        message = f"`{second}` cannot stand beside {others}: each makes a step of its own kind"
        self.reader.report((*path, second), message, hint, code="two-kinds", at_key=True)
        return None

    def _no_kind(self, node: MapNode, path: Path) -> None:
        for key in node.entries:
            near = did_you_mean(key, STEP_CLASSES) if key not in COMMON_KEYS else None
            if near:
                message = f"unknown key `{key}`, and no key that tells the kind of the step"
                self.reader.report((*path, key), message, near, code="unknown-key", at_key=True)
                return
        agent = "agent" in node.entries or "model" in node.entries
        hint = "add `prompt:` for the agent" if agent else f"add one of {one_of(STEP_CLASSES, 20)}"
        self.reader.report(path, "no key tells what this step does", hint, code="no-kind")

    def _read(self, kind: str, node: MapNode, path: Path, depth: int) -> Step | None:
        model = STEP_CLASSES[kind]
        raw: Raw = {"key": self._key(model, node)}
        renamed: dict[str, Path] = {}
        known = own_keys(kind)
        blocks = _BLOCK_LISTS.get(kind, frozenset())
        for key, (_, value) in node.entries.items():
            place = (*path, key)
            if key not in known:
                self.reader.report_worded(unknown_key((key,), known), path, {})
            elif key in blocks:
                raw[key] = self.block(value, place, depth + 1)
            elif key == _BLOCK_MAPS.get(kind):
                raw[key] = self._branches(value, place, depth + 1)
            elif key == "on_error" and not isinstance(value, ScalarNode):
                raw[key] = self.block(value, place, depth + 1)
            elif key == kind and kind in NESTED:
                self._nested(kind, value, place, raw, renamed)
            elif key in _EXPRESSIONS:
                raw[key] = self.reader.expression(value, place)
            elif not (isinstance(value, ScalarNode) and value.value is None):
                raw.setdefault(key, plain(value))  # a notification's own title counts more than its step's
        raw = {key: value for key, value in raw.items() if value is not None or key == "output"}
        if not self._complete(kind, node, path, raw):
            return None
        return cast(Step | None, self.reader.build(model, raw, path, renamed))

    def _key(self, model: type[StepBase], node: MapNode) -> str:
        kind = str(model.model_fields["kind"].default)
        step_id = text_at(node, "id")
        if step_id:
            return step_id
        self.unnamed[kind] = self.unnamed.get(kind, 0) + 1
        return f"{kind}#{self.unnamed[kind]}"

    def _branches(self, node: Node, path: Path, depth: int) -> dict[str, tuple[Step, ...]]:
        branches = self.reader.mapping(node, path, str(path[-1]))
        if branches is None:
            return {}
        return {name: self.block(value, (*path, name), depth) for name, (_, value) in branches.entries.items()}

    def _complete(self, kind: str, node: MapNode, path: Path, raw: Raw) -> bool:
        """Whether the step has what its kind cannot do without; problems in the words of the kind if not."""
        needs = _NEEDS.get(kind, {})
        missing = [key for key in needs if not self.reader.require(node, path, key, needs[key])]
        if missing == ["max"]:
            raw["max"] = 1
            missing = []
        wanted = (*needs, kind) if kind in _EXPRESSIONS else needs
        return not missing and all(key in raw for key in wanted)

    def _nested(self, kind: str, node: Node, path: Path, raw: Raw, renamed: dict[str, Path]) -> None:
        """Put the keys below the kind's key into `raw`, under the names of the model."""
        names = NESTED[kind]
        renamed |= {target: (kind, name) for name, target in names.items()}
        if kind == "wait" and isinstance(node, ScalarNode) and node.value is not None:
            raw["duration"] = self._duration(node, path)
            return
        below = self.reader.mapping(node, path, kind)
        if below is not None:
            self.reader.known_keys(below, path, names)
            inner = {names[name]: value for name, value in values(below).items() if name in names}
            raw |= {name: value for name, value in inner.items() if value is not None or name == "output"}
        empty = below is None and isinstance(node, ScalarNode) and node.value is None
        if kind != "finish" and (empty or (below is not None and not below.entries)):
            hint = f"add {one_of([f'`{name}:`' for name in names])} below it"
            self.reader.report(path, f"`{kind}` is empty", hint, code="missing-key", at_key=True)

    def _duration(self, node: ScalarNode, path: Path) -> str | None:
        text = node.value
        if not isinstance(text, str):
            hint = f"write {node.text}s for seconds, or m, h, d, w"
            self.reader.report(path, f"`wait`: {node.text} has no unit", hint, code="bad-value")
            return None
        if "{{" not in text:
            try:
                parse_duration(text)
            except ValueError as error:
                reason, _, hint = str(error).partition("; ")
                self.reader.report(path, f"`wait`: {reason}", hint, code="bad-value")
                return None
        return text


def _ids_in(node: Node) -> set[str]:
    """The ids of a step that could not be read, and of all that is inside it."""
    match node:
        case MapNode():
            own = text_at(node, "id")
            inner = {name for _, value in node.entries.values() for name in _ids_in(value)}
            return inner | {own} if own else inner
        case ListNode():
            return {name for item in node.items for name in _ids_in(item)}
        case ScalarNode():
            return set()


_PLACEHOLDER: Final = TransformStep(key="unreadable", python="None")
"""Keeps the others at their index, so that their problems are put in the right line."""
_NEEDS: Final[Mapping[str, Mapping[str, str]]] = {
    "if": {"then": "add `then:` and the steps to do"},
    "switch": {"cases": "add `cases:` and the steps for each value"},
    "for_each": {"do": "add `do:` and the steps for each item"},
    "repeat": {
        "until": "add `until:` with the condition that ends the loop",
        "max": "a loop needs a cap: add `max:`, the number of rounds after which the step fails",
    },
}
