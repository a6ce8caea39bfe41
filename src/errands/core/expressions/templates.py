"""Templates: JSON values whose strings hold `{{ expression }}`, compiled once and filled many times.

Compiling is pure: it parses, finds the names that an expression reads, and computes nothing. The values come from
the sandbox (`sandbox.py`) or, for plain look-ups such as `orders["rows"]`, from `try_lookup` without it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from errands.core.expressions.syntax import (
    Constant,
    Expression,
    Lookup,
    NamePath,
    TemplateInvalid,
    analyse_expression,
    analyse_program,
    invalid_at,
)
from errands.core.values import Json, JsonObject, to_text

__all__ = [
    "Constant",
    "Lookup",
    "NamePath",
    "Place",
    "Span",
    "Template",
    "TemplateInvalid",
    "compile_expression",
    "compile_program",
    "compile_template",
    "spans",
    "try_lookup",
]

_CACHED_SOURCES: Final = 4096
_LONGEST_CACHED: Final = 8192
"""Characters. Longer sources are compiled each time, which bounds the cache to some 64 MiB at the very worst."""
_CANDIDATES: Final = 500
"""How many `}}` are tried as the end of one expression."""


@dataclass(frozen=True, slots=True)
class Span:
    """One `{{ expression }}` in a text. Offsets count characters from the text's start."""

    start: int
    """Offset of `{{`."""
    end: int
    """Offset after `}}`."""
    source: str
    """The expression, without the white space around it."""
    source_start: int
    """Offset of the expression's first character."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one of a template's expressions stands."""

    path: tuple[str | int, ...]
    """Keys and indexes that lead to the string within the template's value. Empty: the value is the string."""
    span: Span


@dataclass(frozen=True, slots=True)
class _Slot:
    """A value that is one expression alone: its type is kept."""

    index: int


@dataclass(frozen=True, slots=True)
class _Text:
    """Text with expressions in it; numbers are indexes of values."""

    parts: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class _Literal:
    value: Json


@dataclass(frozen=True, slots=True)
class _Array:
    items: "tuple[_Node, ...]"


@dataclass(frozen=True, slots=True)
class _Object:
    members: "tuple[tuple[str, _Node], ...]"


_Node = _Slot | _Text | _Literal | _Array | _Object


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template, bare expression or program. Safe to share between runs and threads."""

    expressions: tuple[str, ...]
    """Sources, in the order in which `fill` takes their values."""
    names: frozenset[str]
    """Free names that are neither built in nor always provided (`datetime`, `json`, ...); `now` and `clock` stand
    here where they are used. A name that none of params, steps and the like defines is an error."""
    free: frozenset[str]
    """All free names, built-in ones too: `free` cut to what is in scope must be sent, because a param or step
    called `date` or `filter` shadows the built-in one."""
    lookups: tuple[Lookup, ...] | None
    """Each expression as a plain look-up, or None where one of them needs the sandbox."""
    places: tuple[Place, ...]
    """Where each expression stands."""
    program: bool
    """The one source is a program: statements whose last expression is the value."""
    _node: _Node

    @property
    def literal(self) -> bool:
        """There is no expression in it: `fill([])` gives the value as it was written."""
        return not self.expressions

    def fill(self, values: Sequence[Json]) -> Json:
        """The value with each expression replaced by its own value.

        A string that is one expression alone becomes that value; in longer text strings stand as they are and
        everything else as JSON. Raises ValueError where the number of values is wrong.
        """
        if len(values) != len(self.expressions):
            raise ValueError(f"{len(values)} values for {len(self.expressions)} expressions")
        return _fill(self._node, values)


def compile_template(value: Json) -> Template:
    """Compile a JSON value whose strings may hold `{{ expression }}`. Keys of objects are never templates.

    A literal `{{` is written `{{ '{{' }}`. Raises TemplateInvalid, whose `path` leads to the string at fault.
    """
    if isinstance(value, str):
        return _compile_text(value)
    found: list[tuple[Place, Expression]] = []
    node = _build(value, (), found)
    return _template(found, node)


def compile_expression(source: str) -> Template:
    """Compile a bare expression, as in `if:` and `for_each:`. Raises TemplateInvalid."""
    return _cached_expression(source) if len(source) <= _LONGEST_CACHED else _expression_template(source)


def compile_program(source: str) -> Template:
    """Compile a transform: statements whose last one is an expression, the value. Raises TemplateInvalid."""
    return _cached_program(source) if len(source) <= _LONGEST_CACHED else _program_template(source)


def spans(text: str) -> list[Span]:
    """Every `{{ expression }}` of a text, in order. Raises TemplateInvalid."""
    return [span for span, _ in _scan(text)]


def try_lookup(template: Template, names: Mapping[str, Json]) -> list[Json] | None:
    """The values of a template of plain look-ups, exactly as the sandbox would compute them.

    None where the sandbox is needed: for other expressions, and for a look-up that fails (an unknown key, an index
    out of range), so that its error is worded in one place.
    """
    if template.lookups is None:
        return None
    values: list[Json] = []
    for lookup in template.lookups:
        if isinstance(lookup, Constant):
            values.append(lookup.value)
            continue
        if lookup.name not in names:
            return None
        try:
            values.append(_follow(names[lookup.name], lookup.keys))
        except LookupError:
            return None
    return values


def _follow(value: Json, keys: tuple[str | int, ...]) -> Json:
    """Take constant subscripts. Raises LookupError where the sandbox would raise or where it must decide."""
    for key in keys:
        match value, key:
            case Mapping(), str():
                value = value[key]
            case Sequence(), int() if not isinstance(value, str):
                value = value[key]
            case _:
                raise LookupError(key)
    return value


def _compile_text(text: str) -> Template:
    return _cached_text(text) if len(text) <= _LONGEST_CACHED else _text_template(text)


def _text_template(text: str) -> Template:
    found: list[tuple[Place, Expression]] = []
    node = _build_text(text, (), found)
    return _template(found, node)


def _expression_template(source: str) -> Template:
    expression = analyse_expression(source)
    return _template([(_whole(source, expression), expression)], _Slot(0))


def _program_template(source: str) -> Template:
    expression = analyse_program(source)
    return _template([(_whole(source, expression), expression)], _Slot(0), program=True)


_cached_text = lru_cache(_CACHED_SOURCES)(_text_template)
_cached_expression = lru_cache(_CACHED_SOURCES)(_expression_template)
_cached_program = lru_cache(_CACHED_SOURCES)(_program_template)


def _whole(source: str, expression: Expression) -> Place:
    return Place((), Span(0, len(source), expression.source, source.find(expression.source)))


def _template(found: list[tuple[Place, Expression]], node: _Node, *, program: bool = False) -> Template:
    lookups = tuple(expression.lookup for _, expression in found)
    return Template(
        expressions=tuple(expression.source for _, expression in found),
        names=frozenset().union(*(expression.names for _, expression in found)),
        free=frozenset().union(*(expression.free for _, expression in found)),
        lookups=None if any(lookup is None for lookup in lookups) else tuple(one for one in lookups if one),
        places=tuple(place for place, _ in found),
        program=program,
        _node=node,
    )


def _build(value: Json, path: tuple[str | int, ...], found: list[tuple[Place, Expression]]) -> _Node:
    """Compile a value; its expressions are appended to `found`."""
    if isinstance(value, str):
        return _build_text(value, path, found)
    before = len(found)
    node: _Node
    if isinstance(value, Mapping):
        node = _Object(tuple((key, _build(item, (*path, key), found)) for key, item in value.items()))
    elif isinstance(value, Sequence):
        node = _Array(tuple(_build(item, (*path, index), found) for index, item in enumerate(value)))
    else:
        return _Literal(value)
    return node if len(found) > before else _Literal(value)


def _build_text(text: str, path: tuple[str | int, ...], found: list[tuple[Place, Expression]]) -> _Node:
    if "{{" not in text:
        return _Literal(text)
    parts: list[str | int] = []
    at = 0
    try:
        for span, expression in _scan(text):
            if span.start > at:
                parts.append(text[at : span.start])
            parts.append(len(found))
            found.append((Place(path, span), expression))
            at = span.end
    except TemplateInvalid as error:
        raise error.within(path) from None
    if at < len(text):
        parts.append(text[at:])
    if len(parts) == 1 and isinstance(parts[0], int):
        return _Slot(parts[0])
    return _Text(tuple(parts))


def _scan(text: str) -> Iterator[tuple[Span, Expression]]:
    """Find the expressions of a text. The first `}}` up to which the source parses ends an expression."""
    at = text.find("{{")
    while at >= 0:
        span, expression = _expression_at(text, at)
        yield span, expression
        at = text.find("{{", span.end)


def _expression_at(text: str, start: int) -> tuple[Span, Expression]:
    end = text.find("}}", start + 2)
    if end < 0:
        hint = "close it with }}, or write {{ '{{' }} for two literal braces"
        raise invalid_at(text, start, "'{{' is never closed with '}}'", hint)
    if not text[start + 2 : end].strip():
        raise invalid_at(text, start, "there is no expression between '{{' and '}}'", "write {{ '{{' }} for braces")
    failure: TemplateInvalid | None = None
    for _ in range(_CANDIDATES):
        inner = text[start + 2 : end]
        source = inner.strip()
        source_start = start + 2 + len(inner) - len(inner.lstrip())
        try:
            return Span(start, end + 2, source, source_start), analyse_expression(source)
        except TemplateInvalid as error:
            # The error of the first end that leaves no bracket or quote open is the one its author can use.
            if failure is None or (failure.cut_off and not error.cut_off):
                failure = error.moved(text, source_start)
        end = text.find("}}", end + 1)
        if end < 0:
            break
    assert failure is not None
    raise failure


def _fill(node: _Node, values: Sequence[Json]) -> Json:
    match node:
        case _Slot(index):
            return values[index]
        case _Text(parts):
            return "".join(part if isinstance(part, str) else _as_text(values[part]) for part in parts)
        case _Literal(value):
            return value
        case _Array(items):
            return [_fill(item, values) for item in items]
        case _Object(members):
            filled: JsonObject = {key: _fill(item, values) for key, item in members}
            return filled


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else to_text(value)
