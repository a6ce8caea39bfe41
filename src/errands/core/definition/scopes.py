"""Which names an expression can read, and what is known of their values, at every place of a task.

A step's id is a variable from the end of the step on. What stands in `if` and `switch` is visible after it and may be
None; what stands in a loop or in `on_error` is visible there only; a parallel branch does not see its siblings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from errands.core.catalog import Surroundings
from errands.core.definition.narrowing import Narrowed, narrow
from errands.core.definition.nodes import Path
from errands.core.definition.outputs import ERROR_SHAPE, RUN_SHAPE, Shape, keyed, leaf_shape, listed, nullable, part_of
from errands.core.definition.steps import (
    FinishStep,
    ForEachStep,
    IfStep,
    ParallelStep,
    RepeatStep,
    Step,
    SwitchStep,
)
from errands.core.definition.task import ExpressionSource, LastRunSource, Param, TaskDefinition, ToolSource
from errands.core.definition.texts import Block, Text, blocks_of, step_texts, task_blocks
from errands.core.expressions.templates import NamePath, TemplateInvalid, compile_expression

RUN_NAMES: Final = ("run", "trigger", "payload", "state")
"""Names that every expression of a run sees, beside `now`, `clock` and the modules."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A name in scope."""

    shape: Shape = None
    optional: bool = False
    """It may be None, because its step may not have run."""

    @property
    def seen(self) -> Shape:
        """The schema of what an expression sees."""
        return nullable(self.shape) if self.optional else self.shape


Names = Mapping[str, Binding]


@dataclass(frozen=True, slots=True)
class Place:
    """A text of the definition with the names that it may read."""

    text: Text
    names: Names


@dataclass(slots=True)
class _End:
    """What a block leaves behind."""

    names: dict[str, Binding] = field(default_factory=dict)
    """What it adds to the names of whoever comes after it."""
    ends_run: bool = False
    """Nothing after it is ever reached."""
    last: Shape = None
    """Its last step's output."""


def places(task: TaskDefinition, surroundings: Surroundings, lost: frozenset[str] = frozenset()) -> list[Place]:
    """Every text of a task with the names in scope there. `lost` names are in scope everywhere, unknown."""
    return _Walk(surroundings).task(task, {name: Binding() for name in lost})


def _maybe(names: Names) -> dict[str, Binding]:
    return {name: replace(binding, optional=True) for name, binding in names.items()}


def _surely(names: Names, which: frozenset[str]) -> dict[str, Binding]:
    return {name: replace(bound, optional=False) if name in which else bound for name, bound in names.items()}


@dataclass(slots=True)
class _Walk:
    surroundings: Surroundings
    found: list[Place] = field(default_factory=list)

    def task(self, task: TaskDefinition, lost: dict[str, Binding]) -> list[Place]:
        params = {**lost, **{param.name: Binding(param.schema_) for param in task.params}}
        for param in task.params:
            self._param(param, params)
        if task.limits.key is not None:
            self._add(Text(("limits", "key"), task.limits.key), {**params, "trigger": Binding()})
        base = {**{name: Binding() for name in RUN_NAMES}, "run": Binding(RUN_SHAPE), **params}
        steps, on_error, at_last = task_blocks(task)
        end = self._block(steps, base)
        reached = {**base, **end.names}
        failed = {**base, **_maybe(end.names), "error": Binding(ERROR_SHAPE)}
        self._block(on_error, failed)
        self._block(at_last, {**failed, "error": Binding(ERROR_SHAPE, optional=True)})
        if task.has_output:
            self._add(Text(("output",), task.output), reached)
        self._add(Text(("keep",), task.keep), reached)
        self._triggers(task)
        self._tests(task, reached)
        return self.found

    def _add(self, text: Text, names: Names) -> None:
        self.found.append(Place(text, names))

    def _param(self, param: Param, params: Names) -> None:
        """Defaults are computed before there is a run: they see the other params, and `state`."""
        path = ("params", param.name)
        others = {name: binding for name, binding in params.items() if name != param.name}
        others["state"] = Binding()
        if param.has_default:
            self._add(Text((*path, "default"), param.default), others)
        match param.source:
            case ToolSource():
                self._tool_source(param.source, (*path, "from"), others)
            case LastRunSource():
                seen = {"output": Binding(), "arguments": Binding()}
                self._add(Text((*path, "from", "last_run"), param.source.expression, "expression"), seen)
                self._add(Text((*path, "from", "else"), param.source.else_), {})
            case ExpressionSource():
                self._add(Text((*path, "from", "expression"), param.source.expression, "expression"), others)
            case None:
                pass
        if param.options is not None:
            self._tool_source(param.options, (*path, "options"), others)

    def _tool_source(self, source: ToolSource, path: Path, names: Names) -> None:
        self._add(Text((*path, "with"), source.with_), names)
        tool = self.surroundings.tools.get(source.tool)
        result = Binding(tool.output_schema if tool else None)
        self._add(Text((*path, "value"), source.value, "expression"), {**names, "result": result})

    def _triggers(self, task: TaskDefinition) -> None:
        names = {name: Binding() for name in RUN_NAMES}
        for index, trigger in enumerate(task.triggers):
            self._add(Text(("triggers", index, "arguments"), trigger.arguments), names)

    def _tests(self, task: TaskDefinition, names: Names) -> None:
        for index, test in enumerate(task.tests):
            path: Path = ("tests", index, "expect")
            if test.expect.has_output:
                self._add(Text((*path, "output"), test.expect.output), names)
            self._add(Text((*path, "steps"), test.expect.steps), names)

    def _block(self, block: Block, outer: Names) -> _End:
        names = dict(outer)
        end = _End()
        for step, path in block.located():
            left = self._step(step, path, names)
            names |= left.names
            if isinstance(step, IfStep) and step.when is None and step.on_error == "fail":
                names = _surely(names, _after_if(step))
            end.names |= {name: names[name] for name in left.names}
            end.ends_run = end.ends_run or left.ends_run
            end.last = left.last
        return end

    def _step(self, step: Step, path: Path, outer: Names) -> _End:
        """One step: its texts, its blocks, and what it adds to the names after it."""
        names = dict(outer)
        if step.when is not None:
            self._add(Text((*path, "when"), step.when, "expression"), names)
            names = _surely(names, narrow(step.when).if_true)
        for text in step_texts(step, path):
            self._add(text, names)
        blocks = {block.path: block for block in blocks_of(step, path)}
        handler = blocks.pop((*path, "on_error"), None) if not isinstance(step.on_error, str) else None
        end = self._inside(step, path, list(blocks.values()), names)
        handled = self._block(handler, {**names, "error": Binding(ERROR_SHAPE)}) if handler else None
        may_fail = step.on_error == "continue" or (handled is not None and not handled.ends_run)
        unsure = step.when is not None or may_fail
        left = _maybe(end.names) if unsure else dict(end.names)
        output = None if handled is not None and not handled.ends_run else end.last
        if step.id is not None:
            left[step.id] = Binding(output, optional=unsure)
        if step.keep:
            own = {step.id: Binding(end.last)} if step.id else {}
            self._add(Text((*path, "keep"), step.keep), {**names, **end.names, **own})
        return _End(left, end.ends_run and not unsure, nullable(output) if unsure else output)

    def _inside(self, step: Step, path: Path, blocks: list[Block], names: Names) -> _End:
        """The blocks of a step, and its output."""
        match step:
            case IfStep():
                known = narrow(step.condition)
                then = self._block(blocks[0], _surely(names, known.if_true))
                other = self._block(blocks[1], _surely(names, known.if_false))
                return _joined([then, other])
            case SwitchStep():
                return _joined([self._block(block, names) for block in blocks])
            case ForEachStep():
                item = self._item(step, names)
                end = self._block(blocks[0], {**names, step.as_: Binding(item)})
                return _End(last=listed(nullable(end.last) if step.on_item_error == "continue" else end.last))
            case RepeatStep():
                inside = names if step.as_ is None else {**names, step.as_: Binding(optional=True)}
                end = self._block(blocks[0], inside)
                self._add(Text((*path, "until"), step.until, "expression"), {**inside, **end.names})
                return _End(ends_run=end.ends_run, last=listed(end.last))
            case ParallelStep():
                ends = {block.name: self._block(block, names) for block in blocks}
                left = {name: bound for end in ends.values() for name, bound in end.names.items()}
                ends_run = any(end.ends_run for end in ends.values())
                return _End(left, ends_run, last=keyed({name: end.last for name, end in ends.items()}))
            case FinishStep():
                return _End(ends_run=True)
            case _:
                return _End(last=leaf_shape(step, self.surroundings))

    def _item(self, step: ForEachStep, names: Names) -> Shape:
        """What a round's variable holds, where the list is looked up plainly."""
        try:
            lookups = compile_expression(step.items).lookups
        except TemplateInvalid:
            return None
        found = lookups[0] if lookups else None
        if not isinstance(found, NamePath) or found.name not in names:
            return None
        item = part_of(names[found.name].seen, (*found.keys, 0))
        return listed(item) if step.batch is not None else item


def _joined(branches: list[_End]) -> _End:
    """After a decision: names of a branch are sure only if every other branch ends the run."""
    going_on = [end for end in branches if not end.ends_run]
    names: dict[str, Binding] = {}
    for end in branches:
        sure = len(going_on) == 1 and end is going_on[0]
        names |= end.names if sure else _maybe(end.names)
    return _End(names, ends_run=not going_on, last={"type": "null"})


def _after_if(step: IfStep) -> frozenset[str]:
    """Names that are not None after the step, because the branch for the other case ends the run."""
    known: Narrowed = narrow(step.condition)
    if _always_ends(step.then):
        return known.if_false
    return known.if_true if _always_ends(step.else_) else frozenset()


def _always_ends(steps: tuple[Step, ...]) -> bool:
    return any(isinstance(step, FinishStep) and step.when is None for step in steps)
