"""How the mark of outside data travels, in general: random programs against a naive reference, live and replayed."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from errands.core.definition.parsing import parse_task
from errands.core.definition.policies import Grants
from errands.core.definition.steps import Step
from errands.core.expressions.sandbox import Sandbox
from errands.core.ports import RunIdentity
from errands.core.values import Json
from errands.engine.lanes import Lane
from errands.engine.leaves import Reached
from errands.engine.limits import EngineLimits
from errands.engine.loose import LooseContext
from errands.engine.program import compile_task
from errands.engine.records import Record
from errands.engine.rehearsal import MemoryLedger
from errands.engine.scope import Scope
from errands.engine.walk import Walk
from tests.engine.workbench import HEAD, ScriptedTools

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
IDENTITY = RunIdentity("run_" + "0" * 32, "t", "p", "", 1, NOW)


@dataclass
class Names:
    """The reference's scope: values and marks by name, and the names around it."""

    outer: "Names | None" = None
    known: dict[str, tuple[Json, bool]] = field(default_factory=dict)

    def look(self, name: str) -> tuple[Json, bool]:
        if name in self.known:
            return self.known[name]
        return (None, False) if self.outer is None else self.outer.look(name)


@dataclass
class Line:
    """One step of a random program."""

    kind: str
    id: str
    uses: tuple[str, ...]
    when: str | None = None
    blocks: tuple[tuple["Line", ...], ...] = ()
    as_: str = ""

    def source(self) -> dict[str, object]:
        """The step as it stands in a file."""
        said: dict[str, object] = {"id": self.id}
        if self.when is not None:
            said["when"] = self.when
        blocks = [[line.source() for line in block] for block in self.blocks]
        match self.kind:
            case "ours":
                said |= {"tool": "give", "with": {"value": "{{ " + self._expression() + " }}"}}
            case "outside":
                said |= {"tool": "outside.give", "with": {"value": 1}}
            case "transform":
                said |= {"python": self._expression()}
            case "if":
                said |= {"if": self.uses[0] if self.uses else "1", "then": blocks[0], "else": blocks[1]}
            case "for_each":
                said |= {"for_each": self._expression(), "as": self.as_, "do": blocks[0]}
            case "parallel":
                said |= {"parallel": {"p": blocks[0], "q": blocks[1]}}
            case "fails":
                said |= {
                    "tool": "fail",
                    "with": {"message": "{{ " + self._expression() + " }}"},
                    "on_error": "continue",
                }
        return said

    def _expression(self) -> str:
        return "[" + ", ".join(self.uses) + "]"


class Programs:
    """Makes random programs whose expressions name what is in scope."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._numbers: Iterator[int] = iter(range(1000))

    def block(self, names: list[str], depth: int, most: int = 4) -> tuple[Line, ...]:
        """Lines that add what they leave behind to `names`."""
        return tuple(self._line(names, depth) for _ in range(self._draw(st.integers(1, most))))

    def _line(self, names: list[str], depth: int) -> Line:
        leaves = ["ours", "outside", "transform", "fails"]
        kind = self._draw(st.sampled_from(leaves + (["if", "if", "for_each", "parallel"] if depth else [])))
        id_ = f"s{next(self._numbers)}"
        uses = tuple(self._draw(st.lists(st.sampled_from(names), max_size=2, unique=True))) if names else ()
        when = self._draw(st.sampled_from([None, None, *names])) if names else None
        as_ = f"i{id_}"
        blocks: tuple[tuple[Line, ...], ...] = ()
        if kind == "if":
            blocks = (self.block(names, depth - 1, 2), self.block(names, depth - 1, 2))
        elif kind == "for_each":
            blocks = (self.block([*names, as_], depth - 1, 2),)
        elif kind == "parallel":
            sides = (list(names), list(names))
            blocks = tuple(self.block(side, depth - 1, 2) for side in sides)
            names += [name for side in sides for name in side if name not in names]
        names.append(id_)
        return Line(kind, id_, uses, when, blocks, as_)


@st.composite
def programs(draw: st.DrawFn) -> tuple[Line, ...]:
    return Programs(draw).block(["given", "payload"], 2, 6)


class Reference:
    """Says which outcomes carry the mark, by the rule alone: names, conditions, tools."""

    def __init__(self) -> None:
        self.marked: dict[str, bool] = {}

    def block(self, lines: tuple[Line, ...], names: Names, under: bool, prefix: str) -> tuple[Json, bool]:
        last: tuple[Json, bool] = (None, False)
        for line in lines:
            last = self._line(line, names, under, prefix)
            names.known[line.id] = last
        return last

    def _line(self, line: Line, names: Names, under: bool, prefix: str) -> tuple[Json, bool]:
        path = prefix + line.id
        if line.when is not None:
            value, marked = names.look(line.when)
            under = under or marked
            if not value:
                self._hide(line, names, under)
                return self._note(path, None, under)
        values = [names.look(name) for name in line.uses]
        seen = under or any(marked for _, marked in values)
        match line.kind:
            case "ours" | "transform":
                return self._note(path, [value for value, _ in values], seen)
            case "outside":
                return self._note(path, 1, True)
            case "fails":
                return self._note(path, None, seen)
            case "if":
                return self._if(line, names, under, prefix)
            case "for_each":
                rounds = []
                for number, (value, _) in enumerate(values):
                    inner = Names(names, {line.as_: (value, seen)})
                    rounds.append(self.block(line.blocks[0], inner, seen, f"{path}[{number}]."))
                return self._note(path, [value for value, _ in rounds], seen or any(marked for _, marked in rounds))
            case _:
                sides = [Names(names), Names(names)]
                came = [self.block(block, side, under, prefix) for block, side in zip(line.blocks, sides, strict=True)]
                for side in sides:
                    names.known |= side.known
                output = {"p": came[0][0], "q": came[1][0]}
                return self._note(path, output, under or any(marked for _, marked in came))

    def _if(self, line: Line, names: Names, under: bool, prefix: str) -> tuple[Json, bool]:
        value, marked = names.look(line.uses[0]) if line.uses else (1, False)
        under = under or marked
        self.block(line.blocks[0 if value else 1], names, under, prefix)
        self._hide(line, names, under)
        return self._note(prefix + line.id, None, under)

    def _hide(self, line: Line, names: Names, under: bool) -> None:
        """What was not reached because of a marked condition tells of it by being None."""
        if not under or line.kind not in ("if", "parallel"):
            return
        for inner in (one for block in line.blocks for one in block):
            names.known[inner.id] = (names.known.get(inner.id, (None, True))[0], True)
            self._hide(inner, names, under)

    def _note(self, path: str, value: Json, marked: bool) -> tuple[Json, bool]:
        self.marked[path] = marked
        return value, marked


@asynccontextmanager
async def walking(steps: tuple[Step, ...], source: str, ledger: MemoryLedger, sandbox: Sandbox) -> AsyncIterator[Walk]:
    definition = parse_task(source).definition
    assert definition is not None
    yield Walk(
        IDENTITY,
        compile_task(definition),
        ledger,
        ScriptedTools(),
        sandbox,
        lambda _, reached, __: loose(reached),
        EngineLimits(),
        lambda: NOW,
        Unwatched(),
        lambda _, __: None,
    )


class Unwatched:
    def began(self, path: str, step: Step, attempt: int) -> None: ...

    def ended(self, record: Record) -> None: ...


def loose(reached: Reached) -> LooseContext:
    context = LooseContext(IDENTITY, Grants(), reached.path, Path("/nonexistent"), 2**29)
    context.untrusted = reached.untrusted
    return context


async def walked(source: str, known: list[Record], sandbox: Sandbox) -> dict[str, Record]:
    """The journal after a walk that finds `known` records."""
    definition = parse_task(source).definition
    assert definition is not None
    ledger = MemoryLedger({})
    ledger.records = {record.path: record for record in known}
    scope = Scope({"given": 1, "payload": 1})
    scope.mark(["payload"])
    async with walking(definition.steps, source, ledger, sandbox) as walk:
        await walk.block(definition.steps, scope, "", Lane())
    return ledger.records


def marks_of(records: dict[str, Record]) -> dict[str, bool]:
    return {path: record.untrusted for path, record in records.items() if record.kind == "outcome"}


@settings(max_examples=120, deadline=None)
@given(program=programs(), cut=st.floats(0, 1))
async def test_marks_are_those_of_the_rule_and_a_replay_from_any_point_finds_the_same(
    program: tuple[Line, ...], cut: float
) -> None:
    params = "params: {given: {type: integer}}\n"
    source = f"{HEAD}{params}grants: {{tools: ['*']}}\nsteps: {json.dumps([line.source() for line in program])}"
    reference = Reference()
    reference.block(program, Names(None, {"given": (1, False), "payload": (1, True)}), False, "")
    sandbox = Sandbox()
    try:
        live = await walked(source, [], sandbox)
        assert marks_of(live) == reference.marked
        records = list(live.values())
        replayed = await walked(source, records[: int(len(records) * cut)], sandbox)
    finally:
        await sandbox.aclose()
    assert marks_of(replayed) == reference.marked
