"""The check of a file's expressions before anything runs: unknown keys, names, attributes, values that may be None.

All sources of a file go to the sandbox's type checker in one call, each as a function of its own. Of what the
checker says only that is passed on which is certain to fail (`judging.py`).
"""

import ast
import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pydantic_monty import MontyError, MontyRuntimeError, MontySyntaxError, MontyTypingError

from errands.core.expressions.gaps import gaps, syntax_advice
from errands.core.expressions.judging import Diagnostic, Judge
from errands.core.expressions.stubs import Stubs
from errands.core.expressions.syntax import TemplateInvalid
from errands.core.expressions.templates import compile_expression, compile_program
from errands.core.expressions.workers import Feed, Workers
from errands.core.values import JsonObject

_SECONDS: Final = 20.0
_MEMORY: Final = 512 * 2**20
_CLOCK: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MOST_UNSUPPORTED: Final = 50
_INDENT: Final = "    "
_HEAD: Final = """\
from typing import Any as _Any, Literal as _Literal, NotRequired as _NotRequired, TypedDict as _TypedDict, cast as _cast
from datetime import date, datetime, timedelta
import json, re, math
class _Clock:
    now: datetime
now = datetime.now()
clock = _Clock()"""


@dataclass(frozen=True, slots=True)
class Snippet:
    """One source to check."""

    source: str
    program: bool
    """Statements whose last expression is the value; else one expression."""
    names: Mapping[str, JsonObject | None]
    """Every name in its scope, with the JSON Schema of its value; None: anything. A schema that allows null means
    that the value may be None, as that of a step that may not be reached. `{"$result_of": name}` is taken as
    anything: the checker does not infer what a source gives."""
    result_of: str | None = None
    """The name that later snippets have for the value."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is certain to fail when the source runs."""

    snippet: int
    """Index of the snippet."""
    line: int
    """1-based, in the snippet's source."""
    column: int
    """1-based."""
    message: str
    hint: str | None


@dataclass(frozen=True, slots=True)
class _Placed:
    """A snippet within the code that is checked."""

    index: int
    first_line: int
    last_line: int
    indent: int
    judge: Judge
    gaps: tuple[Finding, ...]


class TypeChecker:
    """Checks sources. May share its worker processes with a `Sandbox`."""

    def __init__(self, workers: Workers | None = None) -> None:
        self._workers = workers or Workers(processes=1)

    async def check_snippets(self, snippets: Sequence[Snippet]) -> list[Finding]:
        """Everything that is certain to fail, in the order of the snippets and positions.

        A source that is not valid Python is passed over: compiling it has said so. Where the checker itself fails,
        nothing is found: the check is a help to the author, and what it misses fails when the step runs.
        """
        code, placed = _assemble(snippets)
        if not placed:
            return []
        try:
            async with asyncio.timeout(_SECONDS):
                found = [*await self._typing(code, placed), *await self._unsupported(code, placed)]
        except TimeoutError:
            found = []
        known = {(one.snippet, one.line, one.column) for one in found}
        found += [gap for one in placed for gap in one.gaps if (gap.snippet, gap.line, gap.column) not in known]
        return sorted(set(found), key=lambda one: (one.snippet, one.line, one.column, one.message))

    async def aclose(self) -> None:
        """End the worker processes."""
        await self._workers.aclose()

    async def _typing(self, code: str, placed: Sequence[_Placed]) -> list[Finding]:
        try:
            await self._workers.feed(_feed(code, ""))
        except MontyTypingError as error:
            return [finding for line in str(error).splitlines() for finding in _findings(line, placed)]
        except MontyError:
            pass
        return []

    async def _unsupported(self, code: str, placed: Sequence[_Placed]) -> list[Finding]:
        """Python that the sandbox does not know, such as `del`. Its parser stops at the first, so it is asked again."""
        lines = code.split("\n")
        found: list[Finding] = []
        while len(found) < _MOST_UNSUPPORTED:
            finding = await self._first_unsupported("\n".join(lines), placed)
            if finding is None:
                break
            found.append(finding)
            one = next(one for one in placed if one.index == finding.snippet)
            lines[one.first_line - 1 : one.last_line] = ["    0"] + [""] * (one.last_line - one.first_line)
        return found

    async def _first_unsupported(self, code: str, placed: Sequence[_Placed]) -> Finding | None:
        try:
            await self._workers.feed(_feed(code, None))
        except (MontySyntaxError, MontyRuntimeError) as error:
            frames = error.traceback()
            for one in placed:
                if frames and one.first_line <= frames[-1].line <= one.last_line:
                    message = str(error).removeprefix("NotImplementedError: ")
                    message = message.replace("The monty syntax parser does not yet support", "it does not know")
                    hint = syntax_advice(message)
                    line, column = _position(one, frames[-1].line, frames[-1].column)
                    return Finding(one.index, line, column, f"the sandbox cannot run this: {message}", hint)
        except MontyError:
            pass
        return None


def _feed(code: str, stubs: str | None) -> Feed:
    return Feed(code, {}, _SECONDS, _MEMORY, clock=_CLOCK, stubs=stubs)


def _assemble(snippets: Sequence[Snippet]) -> tuple[str, list[_Placed]]:
    """The code to check. It defines types and functions and calls nothing, so running it does nothing."""
    stubs = Stubs()
    functions: list[tuple[int, Snippet, ast.AST, list[str], frozenset[str]]] = []
    for index, snippet in enumerate(snippets):
        tree = _parsed(snippet)
        if tree is None:
            continue
        head = [f"def _s{index}():"]
        nullable = set()
        for name in sorted(_used(snippet) & snippet.names.keys()):
            made, may_be_none = stubs.top(snippet.names[name], name)
            head.append(f"{_INDENT}{name} = _cast({made}, 0)")
            if may_be_none:
                nullable.add(name)
        functions.append((index, snippet, tree, head, frozenset(nullable)))
    lines = [*_HEAD.split("\n"), *stubs.lines]
    placed = []
    for index, snippet, tree, head, nullable_names in functions:
        lines += head
        lines += [] if snippet.program else [f"{_INDENT}_errands_value = ("]
        indent = _INDENT if snippet.program else ""
        body = [indent + line for line in snippet.source.split("\n")]
        before = 0 if snippet.program else 1
        judge = Judge(tree, before, snippet.source, frozenset(snippet.names), nullable_names, stubs)
        lacking = tuple(
            Finding(index, gap.line, gap.column, gap.message, gap.hint) for gap in gaps(tree, before, snippet.source)
        )
        placed.append(_Placed(index, len(lines) + 1, len(lines) + len(body), len(indent), judge, lacking))
        lines += body
        lines += [] if snippet.program else [f"{_INDENT})"]
    return "\n".join(lines), placed


def _parsed(snippet: Snippet) -> ast.AST | None:
    try:
        (compile_program if snippet.program else compile_expression)(snippet.source)
        if snippet.program:
            return ast.parse(snippet.source)
        return ast.parse(f"(\n{snippet.source}\n)", mode="eval")
    except (TemplateInvalid, SyntaxError, RecursionError):
        return None


def _used(snippet: Snippet) -> frozenset[str]:
    return (compile_program if snippet.program else compile_expression)(snippet.source).free


def _findings(line: str, placed: Sequence[_Placed]) -> Iterator[Finding]:
    """One line of the checker's report, if it is about a snippet and certain."""
    try:
        report = json.loads(line)
        start, end = report["location"], report["end_location"]
        code, message, row = str(report["code"]), str(report["message"]), int(start["row"])
    except (ValueError, KeyError, TypeError):
        return
    for one in placed:
        if not one.first_line <= row <= one.last_line:
            continue
        place = _position(one, row, int(start["column"]))
        until = _position(one, int(end["row"]), int(end["column"]))
        verdict = one.judge.verdict(Diagnostic(code, message, place, until))
        if verdict is not None:
            yield Finding(one.index, *place, verdict.message, verdict.hint)


def _position(one: _Placed, row: int, column: int) -> tuple[int, int]:
    return row - one.first_line + 1, max(column - one.indent, 1)
