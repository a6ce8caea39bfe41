"""Sources as the sandbox runs them: ours before and after the user's, and the way back for positions."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from errands.core.expressions.syntax import BUILT_IN, PROVIDED
from errands.core.expressions.templates import compile_expression, compile_program

LARGEST_OUTPUT: Final = 50 * 2**20
"""Characters of JSON that leave the sandbox; more is an error."""

_IMPORTS: Final = {
    "date": "from datetime import date",
    "datetime": "from datetime import datetime",
    "timedelta": "from datetime import timedelta",
    "json": "import json",
    "re": "import re",
    "math": "import math",
}
UNFIT: Final = "errands-unfit:"
"""Begins the message of our own error about a value that JSON cannot carry."""
_TAKEN: Final = "isinstance, str, int, float, dict, list, tuple, set, frozenset, sorted, type, TypeError"
"""Built-in names that the converter keeps for itself, because a program may assign `list` or `type`."""
_CONVERTER: Final = f"""\
import datetime as _errands_time
import json as _errands_json
def _errands_make({_TAKEN}, dumps, date, time, timedelta):
    def key_of(key):
        if key is None or isinstance(key, (str, int, float)):
            return key
        if isinstance(key, (date, time)):
            return key.isoformat()
        raise TypeError('{UNFIT}a key of type ' + type(key).__name__)
    def plain(value):
        if value is None or isinstance(value, (str, int, float)):
            return value
        if isinstance(value, dict):
            return {{key_of(key): plain(item) for key, item in value.items()}}
        if isinstance(value, (list, tuple)):
            return [plain(item) for item in value]
        if isinstance(value, (set, frozenset)):
            try:
                value = sorted(value)
            except TypeError:
                value = list(value)
            return [plain(item) for item in value]
        if isinstance(value, (date, time)):
            return value.isoformat()
        if isinstance(value, timedelta):
            return value.total_seconds()
        kind = type(value).__name__
        if kind == 'Decimal':
            return int(value) if value == int(value) else float(value)
        if kind in ('range', 'dict_keys', 'dict_values', 'dict_items', 'deque'):
            return [plain(item) for item in list(value)]
        raise TypeError('{UNFIT}a value of type ' + kind)
    return lambda value: dumps(plain(value), allow_nan=False, ensure_ascii=False)
_errands_dump = _errands_make({_TAKEN}, _errands_json.dumps,
    _errands_time.date, _errands_time.time, _errands_time.timedelta)"""
_QUICK: Final = "import json as _errands_json"
_DUMP: Final = "_errands_json.dumps(_errands_{}, allow_nan=False, ensure_ascii=False)"
_CONVERT: Final = "_errands_dump(_errands_{})"
_SPECIAL: Final = PROVIDED | BUILT_IN | {"clock"}
_LONGEST_CACHED: Final = 8192
_GIVEN: Final = "_errands_given_"
_CAPTURE: Final = "_errands_0 = ("


@dataclass(frozen=True, slots=True)
class Part:
    """One of the user's sources within the code."""

    source: str
    first_line: int
    """Line of the code at which it starts, from 1."""
    dump_line: int
    """Line of the code that makes its JSON."""
    repair_line: int
    """Line of the repair that makes its JSON. 0: there is no repair."""
    shifted_line: int = 0
    """Line of the source in which ours was put before the user's. 0: none."""
    shifted_from: int = 0
    """Column from which on that line is shifted."""

    @property
    def last_line(self) -> int:
        return self.first_line + self.source.count("\n")

    def position(self, line: int, column: int) -> tuple[int, int]:
        """Line and column in the source (from 1) of a position in the code."""
        own = line - self.first_line + 1
        if own == self.shifted_line and column > self.shifted_from:
            column = max(self.shifted_from, column - len(_CAPTURE))
        return own, column


@dataclass(frozen=True, slots=True)
class Program:
    """Code for one session; its value is a text, a JSON list of the parts' values."""

    code: str
    repair: str | None
    """Code to feed to the same session if `code` ended in a value that is not JSON as it is (a date, a set).

    Apart from `code` because parsing the converter takes longer than computing a small expression. None where the
    source gives another meaning to names that the converter needs: then it stands in `code`, before them.
    """
    parts: tuple[Part, ...]
    shadowed: frozenset[str]
    """Given names that are built-in ones: they are handed in under another name, so that the prelude has its own."""
    uses_clock: bool

    def input_name(self, name: str) -> str:
        """Under which name a value is handed in."""
        return _GIVEN + name if name in self.shadowed else name


def build(sources: Sequence[str], *, program: bool, given: frozenset[str]) -> Program:
    """Put sources together. `given` are the names handed in, which shadow what is always provided.

    Raises TemplateInvalid for a source that is not valid.
    """
    special = given & _SPECIAL
    if sum(map(len, sources)) > _LONGEST_CACHED:
        return _build(tuple(sources), program, special)
    return _cached_build(tuple(sources), program, special)


def _build(sources: tuple[str, ...], program: bool, given: frozenset[str]) -> Program:
    free = frozenset().union(*((compile_program if program else compile_expression)(one).free for one in sources))
    shadowed = given & BUILT_IN
    uses_clock = "clock" in free and "clock" not in given
    quick = not (shadowed or any(_assigns_taken(one if program else f"(\n{one}\n)") for one in sources))
    lines = [_QUICK if quick else _CONVERTER]
    lines += [f"{name} = {_GIVEN}{name}" for name in sorted(shadowed)]
    lines += [_IMPORTS[name] for name in sorted((PROVIDED & free) - given)]
    if uses_clock:
        lines.append("class clock:\n    now = _errands_clock")
    texts = [_captured(sources[0])] if program else [_bracketed(one, index) for index, one in enumerate(sources)]
    at = _height(lines) + 1
    starts: list[int] = []
    for text in texts:
        lines.append(text.code)
        starts.append(at + text.lines_before)
        at += text.code.count("\n") + 1
    lines += _ending(len(sources), _DUMP if quick else _CONVERT)
    repair = [_CONVERTER, *_ending(len(sources), _CONVERT)] if quick else None
    repaired_at = _CONVERTER.count("\n") + 2
    parts = tuple(
        Part(one, starts[index], at + index, repaired_at + index if quick else 0, text.shifted_line, text.shifted_from)
        for index, (one, text) in enumerate(zip(sources, texts, strict=True))
    )
    return Program("\n".join(lines), "\n".join(repair) if repair else None, parts, shadowed, uses_clock)


_cached_build = lru_cache(1024)(_build)


def _height(lines: Sequence[str]) -> int:
    return sum(text.count("\n") + 1 for text in lines)


def _assigns_taken(source: str) -> bool:
    """Whether a source gives a name that the converter needs another meaning."""
    taken = frozenset(_TAKEN.split(", "))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in taken:
            return True
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.alias) and node.name in taken:
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Placed:
    """A source with ours around it."""

    code: str
    lines_before: int
    shifted_line: int = 0
    shifted_from: int = 0


def _bracketed(source: str, index: int) -> _Placed:
    """An expression on lines of its own, so that it may run over several lines and its columns stay."""
    return _Placed(f"_errands_{index} = (\n{source}\n)", 1)


def _captured(source: str) -> _Placed:
    """A program whose last expression is kept in a variable; lines stay, columns of one line move."""
    last = ast.parse(source).body[-1]
    assert last.end_lineno is not None
    assert last.end_col_offset is not None
    lines = source.encode().split(b"\n")  # ast counts columns in bytes of UTF-8
    end, start = last.end_lineno - 1, last.lineno - 1
    before = lines[start][: last.col_offset]
    lines[end] = lines[end][: last.end_col_offset] + b")" + lines[end][last.end_col_offset :]
    lines[start] = before + _CAPTURE.encode() + lines[start][last.col_offset :]
    return _Placed(b"\n".join(lines).decode(), 0, last.lineno, len(before.decode()))


def _ending(count: int, dump: str) -> list[str]:
    """Lines that make the JSON of each value and end with all of them as one text.

    A format with `!s` gives a str whatever a source has made of our names, and its precision bounds the length.
    Nothing else ever leaves the sandbox, least of all a list that shares itself a billion times.
    """
    texts = [f"_errands_text_{index} = {dump.format(index)}" for index in range(count)]
    joined = ",".join(f"{{_errands_text_{index}}}" for index in range(count))
    return [*texts, f"_errands_all = f'[{joined}]'", f"f'{{_errands_all!s:.{LARGEST_OUTPUT + 1}}}'"]
