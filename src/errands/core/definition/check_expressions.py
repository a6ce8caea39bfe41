"""Do the expressions of a task parse, do they name what exists where they stand, and do their types fit?"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from errands.core.definition.nodes import Path
from errands.core.definition.report import Report
from errands.core.definition.rules import RuleCode
from errands.core.definition.scopes import RUN_NAMES, Names, Place
from errands.core.definition.steps import ForEachStep, ParallelStep, RepeatStep, Step, loop_variable
from errands.core.definition.task import TaskDefinition
from errands.core.definition.texts import every_step
from errands.core.definition.typing_contract import TypeChecker
from errands.core.definition.wording import did_you_mean
from errands.core.expressions.checking import Snippet
from errands.core.expressions.templates import (
    Template,
    TemplateInvalid,
    compile_expression,
    compile_program,
    compile_template,
)
from errands.core.values import Json

_PYTHON: Final = "a line with `for`, `if` or `else` ends with `:`, `==` compares, and brackets are closed"
_CLOCKS: Final = frozenset(("now", "clock"))
_TOO_SPECIAL: Final = {
    "error": "`error` exists only in `on_error` and `finally`",
    "result": "`result` exists only in `value:` beside a tool",
    "output": "`output` exists only in `from: {last_run: ...}`; name a step instead",
    "arguments": "`arguments` exists only in `from: {last_run: ...}`; name a param instead",
    "params": "a param is a name of its own: write `region`, not `params['region']`",
    "steps": "a step's output is a name of its own: write `orders`, not `steps['orders']`",
    "secrets": "secrets are never in expressions; write `secret:NAME` as the argument",
    "env": "the environment is never in expressions; use a param or `secret:NAME`",
    "true": "write True",
    "false": "write False",
    "null": "write None",
    "none": "write None",
}


@dataclass(frozen=True, slots=True)
class _Expression:
    """One expression or program, where it stands, and what it may read."""

    path: Path
    offset: int
    """Of its source in the text at the path."""
    source: str
    compiled: Template
    names: Names


async def check_expressions(
    task: TaskDefinition, found: list[Place], report: Report, checker: TypeChecker | None
) -> None:
    """Syntax and names of every expression; types of those that are sound, in one call of the checker."""
    expressions = [one for place in found for one in _compile(place, report)]
    homes = _Homes(task)
    for expression in expressions:
        _check_names(expression, homes, report)
    if checker is not None:
        await _check_types(expressions, report, checker)


def _compile(place: Place, report: Report) -> Iterator[_Expression]:
    """The expressions of one text; a problem where it does not parse. The strings of a value are judged singly."""
    for path, value in _strings(place.text.value, place.text.path):
        try:
            match place.text.kind:
                case "template":
                    compiled = compile_template(value)
                case "expression":
                    compiled = compile_expression(value)
                case "program":
                    compiled = compile_program(value)
        except TemplateInvalid as invalid:
            code: RuleCode = "bad-template" if place.text.kind == "template" else "bad-expression"
            report.error_inside(path, invalid.offset, invalid.message, invalid.hint or _PYTHON, code=code)
            continue
        for one in compiled.places:
            single = compiled if compiled.program else compile_expression(one.span.source)
            yield _Expression(path, one.span.source_start, one.span.source, single, place.names)


def _strings(value: Json, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _strings(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _strings(item, (*path, index))


class _Homes:
    """Where each step id and loop variable belongs, to say why it is not visible elsewhere."""

    def __init__(self, task: TaskDefinition) -> None:
        self.steps: dict[Path, Step] = {}
        self.ids: dict[str, Path] = {}
        self.variables: dict[str, Path] = {}
        for step, path in every_step(task):
            self.steps[path] = step
            if step.id is not None:
                self.ids.setdefault(step.id, path)
            variable = loop_variable(step)
            if variable is not None:
                self.variables.setdefault(variable, path)

    def explain(self, name: str, reader: Path, report: Report) -> tuple[str, str | None, RuleCode]:
        """Message, hint and code for a name that is in the file, but not in scope at `reader`."""
        if name not in self.ids:
            line = report.line_of(self.variables[name])
            return (
                f"`{name}` is the variable of the loop in line {line}",
                "it exists only inside the loop",
                "out-of-scope",
            )
        home = self.ids[name]
        line = report.line_of(home)
        if reader[: len(home)] == home:
            return f"the step `{name}` reads its own output", "its output exists only after it", "not-yet"
        for length in range(1, len(home)):
            around = self.steps.get(home[:length])
            inside = reader[:length] == home[:length]
            if isinstance(around, ForEachStep | RepeatStep) and not inside:
                outer = (
                    f"; outside, `{around.id}` lists the rounds' outputs" if around.id else "; give the loop an `id:`"
                )
                message = f"`{name}` exists only inside the loop in line {report.line_of(home[:length])}"
                return message, f"use it there{outer}", "out-of-scope"
            if home[length] == "on_error" and not inside:
                hint = "the step's own output holds what its handler gave last"
                return f"`{name}` exists only inside the `on_error` in line {line}", hint, "out-of-scope"
            if isinstance(around, ParallelStep) and inside and reader[: length + 2] != home[: length + 2]:
                hint = "the branches run at the same time; use it after `parallel`"
                return f"`{name}` stands in another branch (line {line})", hint, "out-of-scope"
        if reader[0] == home[0] and _before(reader, home):
            hint = f"the step stands in line {line}; move it up, or this one down"
            return f"`{name}` is used before its step has run", hint, "not-yet"
        return f"`{name}` (line {line}) cannot be seen from here", "it belongs to another branch", "out-of-scope"


def _before(first: Path, second: Path) -> bool:
    """Whether one place of the steps runs before another: by the first index in which they differ."""
    for one, other in zip(first, second, strict=False):
        if one != other:
            return isinstance(one, int) and isinstance(other, int) and one < other
    return False


def _check_names(expression: _Expression, homes: _Homes, report: Report) -> None:
    unknown = expression.compiled.names - expression.names.keys() - _CLOCKS
    for name, offset in _first_uses(expression, unknown):
        if name in homes.ids or name in homes.variables:
            message, hint, code = homes.explain(name, expression.path, report)
        else:
            known = [*expression.names, *homes.ids, *_CLOCKS]
            hint = (
                _TOO_SPECIAL.get(name)
                or _not_yet_known(name, expression.path)
                or did_you_mean(name, known)
                or "no param, step or loop variable is named so"
            )
            message = f"nothing is named `{name}` here"
            code = "unknown-name"
        report.error_inside(expression.path, expression.offset + offset, message, hint, code=code)


def _not_yet_known(name: str, path: Path) -> str | None:
    """Why a name of every run is not there before the run."""
    if name not in RUN_NAMES or path[0] not in ("params", "limits"):
        return None
    return "it exists only once the run has started"


def _first_uses(expression: _Expression, names: frozenset[str]) -> list[tuple[str, int]]:
    """Each name with the offset in the source at which it is first read."""
    if not names:
        return []
    lines = expression.source.split("\n")
    bracketed = not expression.compiled.program
    code = f"(\n{expression.source}\n)" if bracketed else expression.source
    found: dict[str, int] = {}
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return [(name, 0) for name in sorted(names)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in names:
            line = node.lineno - 1 - bracketed
            column = len(lines[line].encode()[: node.col_offset].decode(errors="ignore"))
            offset = sum(len(text) + 1 for text in lines[:line]) + column
            found[node.id] = min(offset, found.get(node.id, offset))
    return sorted(((name, found.get(name, 0)) for name in names), key=lambda use: use[1])


async def _check_types(expressions: list[_Expression], report: Report, checker: TypeChecker) -> None:
    """One call for the whole file. Names that are unknown anyway are not reported again: they may hold anything."""
    snippets = []
    for one in expressions:
        names = {name: one.names[name].seen for name in one.compiled.free if name in one.names}
        unknown = one.compiled.names - one.names.keys() - _CLOCKS
        snippets.append(Snippet(one.source, one.compiled.program, {**names, **dict.fromkeys(unknown)}))
    if not snippets:
        return
    for finding in await checker.check_snippets(snippets):
        about = expressions[finding.snippet]
        offset = about.offset + _offset(about.source, finding.line, finding.column)
        report.error_inside(about.path, offset, finding.message, finding.hint, code="type")


def _offset(source: str, line: int, column: int) -> int:
    lines = source.split("\n")
    before = lines[: max(line - 1, 0)]
    return min(sum(len(text) + 1 for text in before) + max(column - 1, 0), len(source))
