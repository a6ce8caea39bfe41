"""What of the type checker's report is certain, and how it is said to the author.

The checker infers types of local variables from their first use, so it complains about code that runs well, such as
a list that later takes another type. Certain is what stands on the values that came in: their keys, their absence,
and names that nobody defined.
"""

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from errands.core.expressions.gaps import BUILT_IN_ADVICE, UNCHECKED
from errands.core.expressions.stubs import Stubs
from errands.core.expressions.syntax import BUILT_IN, PROVIDED

_KEY: Final = re.compile(r'Unknown key "(?P<key>.*)" for TypedDict `(?P<type>_T\d+)`')
_OBJECT_ATTRIBUTE: Final = re.compile(r"Object of type `(?P<type>[^`]+)` has no attribute `(?P<name>\w+)`")
_MODULE_ATTRIBUTE: Final = re.compile(r"Module `(?P<module>\w+)` has no member `(?P<name>\w+)`")
_UNDEFINED: Final = re.compile(r"Name `(?P<name>\w+)` used when not defined")
_IMPORT: Final = re.compile(r"Cannot resolve imported module `(?P<module>[\w.]+)`")
_NO_SUBSCRIPT: Final = re.compile(r"Cannot subscript object of type `(?P<type>int|bool|float)`")
_MODULES: Final = (
    "base64, bisect, collections, copy, csv, dataclasses, datetime, decimal, functools, hashlib, itertools, json, "
    "math, random, re, time, typing, unicodedata"
)
_ABOUT_NONE: Final = frozenset(
    ("not-subscriptable", "unresolved-attribute", "unsupported-operator", "not-iterable", "invalid-argument-type")
)


_Range = tuple[tuple[int, int], tuple[int, int]]
"""Start and end as line and column, from 1; the end is exclusive."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One complaint of the checker; positions (line, column) are in the snippet's source, from 1."""

    code: str
    message: str
    start: tuple[int, int]
    end: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to tell the author."""

    message: str
    hint: str | None


class Judge:
    """Knows one snippet: where its nodes are and which names it leaves alone."""

    def __init__(
        self,
        tree: ast.AST,
        lines_before: int,
        source: str,
        names: frozenset[str],
        nullable: frozenset[str],
        stubs: Stubs,
    ) -> None:
        self._names = names
        self._stubs = stubs
        self._lines = source.split("\n")
        self._lines_before = lines_before
        self._nodes: dict[_Range, list[ast.AST]] = {}
        self._subscripts: dict[_Range, list[ast.AST]] = {}
        """Subscripts by the place of what they are taken of."""
        self._keys_read: set[_Range] = set()
        self._stored_keys: set[object] = set()
        changed: set[str] = set()
        self._global = False
        self._grows = False
        self._guarded = False
        for node in ast.walk(tree):
            self._index(node)
            changed.update(_changed(node))
            self._note(node)
        self._kept = names - changed
        self._nullable = nullable & self._kept

    def verdict(self, diagnostic: Diagnostic) -> Verdict | None:
        """What is certain of a complaint. None: the code may well run."""
        match diagnostic.code:
            case "unresolved-reference":
                return self._undefined(diagnostic)
            case "invalid-key":
                return self._unknown_key(diagnostic)
            case "unresolved-import":
                return self._unknown_module(diagnostic)
            case code if code in _ABOUT_NONE:
                return self._may_be_none(diagnostic) or self._wrong_use(diagnostic)
            case _:
                return None

    def _undefined(self, diagnostic: Diagnostic) -> Verdict | None:
        found = _UNDEFINED.search(diagnostic.message)
        if found is None or self._global or found["name"] in self._names:
            return None
        name = found["name"]
        if name in UNCHECKED:
            return None
        if name in BUILT_IN:
            return Verdict(f"`{name}` does not exist in the sandbox", BUILT_IN_ADVICE.get(name))
        known = [*self._names, *PROVIDED, "now", "clock", *(one for one in dir(builtins) if one[0].islower())]
        return Verdict(
            f"`{name}` is not defined here", _suggestion(name, known) or _listing("known names", self._names)
        )

    def _unknown_key(self, diagnostic: Diagnostic) -> Verdict | None:
        found = _KEY.search(diagnostic.message)
        if found is None or self._grows or self._guarded or found["key"] in self._stored_keys:
            return None
        key, kind = found["key"], found["type"]
        # Within an f-string Python 3.11 knows no positions; anywhere else it must be the key of a subscript.
        if self._at(diagnostic) and (diagnostic.start, diagnostic.end) not in self._keys_read:
            return None
        keys = self._stubs.keys[kind]
        hint = _suggestion(key, keys) or _listing("known keys", keys)
        return Verdict(f'{self._stubs.labels[kind]}: unknown key "{key}"', hint)

    def _unknown_module(self, diagnostic: Diagnostic) -> Verdict | None:
        found = _IMPORT.search(diagnostic.message)
        if found is None or self._guarded:
            return None
        hint = f"it has {_MODULES}"
        return Verdict(f"the sandbox has no module `{found['module']}`", hint)

    def _may_be_none(self, diagnostic: Diagnostic) -> Verdict | None:
        if "None" not in diagnostic.message or self._guarded:
            return None
        for node in self._at(diagnostic):
            for operand in (node, *ast.iter_child_nodes(node)):
                if isinstance(operand, ast.Name) and operand.id in self._nullable:
                    name = operand.id
                    message = f"`{name}` may be None, as when its step was not reached"
                    return Verdict(message, f"test for it first, such as `{name} is not None and ...`")
        return None

    def _wrong_use(self, diagnostic: Diagnostic) -> Verdict | None:
        module = _MODULE_ATTRIBUTE.search(diagnostic.message)
        if module is not None:
            return _module_attribute(module["module"], module["name"])
        attribute = _OBJECT_ATTRIBUTE.search(diagnostic.message)
        if attribute is not None:
            return self._attribute(diagnostic, attribute["type"], attribute["name"])
        # About an item that cannot be taken the checker points to the value, about a key that cannot be to the whole.
        taken = self._subscripts.get((diagnostic.start, diagnostic.end), [])
        for node in taken if diagnostic.message.startswith("Method `__getitem__`") else self._at(diagnostic):
            if isinstance(node, ast.Subscript) and self._rooted(node.value):
                verdict = _subscript(node, diagnostic.message)
                if verdict is not None:
                    return verdict
            if diagnostic.code == "unsupported-operator" and "|" not in diagnostic.message.replace("Operator `|`", ""):
                return self._operator(node, diagnostic.message)
        return None

    def _attribute(self, diagnostic: Diagnostic, kind: str, name: str) -> Verdict | None:
        if kind == "_Clock":
            return Verdict(f"`clock` has no attribute `{name}`", "write clock.now")
        if kind in self._stubs.keys:
            return self._object_attribute(kind, name)
        for node in self._at(diagnostic):
            plain = kind in ("str", "int", "bool") or kind.startswith(("list[", "dict[", "Literal["))
            if isinstance(node, ast.Attribute) and plain and "|" not in kind and self._rooted(node.value):
                what = "str" if kind.startswith("Literal[") else kind.split("[", 1)[0]
                members = dir(getattr(builtins, what))
                return Verdict(
                    f"`{_source(node.value)}` ({what}) has no attribute `{name}`", _suggestion(name, members)
                )
        return None

    def _object_attribute(self, kind: str, name: str) -> Verdict | None:
        if hasattr(dict, name):
            return None
        label, keys = self._stubs.labels[kind], self._stubs.keys[kind]
        if name in keys:
            return Verdict(f"{label} is an object: it has no attribute `{name}`", f'write {label}["{name}"]')
        return Verdict(f"{label} is an object: it has no attribute `{name}`", _suggestion(name, keys))

    def _operator(self, node: ast.AST, message: str) -> Verdict | None:
        operands: list[ast.expr] = []
        if isinstance(node, ast.BinOp):
            operands = [node.left, node.right]
        elif isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
        if not operands or not all(isinstance(one, ast.Constant) or self._rooted(one) for one in operands):
            return None
        plain = re.sub(r'Literal\[[\'"][^`]*\]', "str", re.sub(r"Literal\[-?\d+\]", "int", message))
        if re.search(r"_T\d|Any|Unknown|dict|list", plain):
            return None
        return Verdict(plain[0].lower() + plain[1:], "convert one side, such as str(x) or int(x)")

    def _rooted(self, node: ast.expr) -> bool:
        """Whether the expression is taken from a value that came in and that the source leaves as it is."""
        while isinstance(node, ast.Subscript):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self._kept

    def _at(self, diagnostic: Diagnostic) -> list[ast.AST]:
        return self._nodes.get((diagnostic.start, diagnostic.end), [])

    def _index(self, node: ast.AST) -> None:
        place = self._range(node)
        if place is None:
            return
        self._nodes.setdefault(place, []).append(node)
        if isinstance(node, ast.Subscript):
            value, key = self._range(node.value), self._range(node.slice)
            if value is not None:
                self._subscripts.setdefault(value, []).append(node)
            if key is not None and isinstance(node.ctx, ast.Load):
                self._keys_read.add(key)

    def _range(self, node: ast.AST) -> _Range | None:
        """Where an expression stands in the source; None where that is not known."""
        if not isinstance(node, ast.expr) or node.end_lineno is None or node.end_col_offset is None:
            return None
        first, last = node.lineno - self._lines_before, node.end_lineno - self._lines_before
        if not (1 <= first <= len(self._lines) and 1 <= last <= len(self._lines)):
            return None
        start = first, _characters(self._lines[first - 1], node.col_offset) + 1
        return start, (last, _characters(self._lines[last - 1], node.end_col_offset) + 1)

    def _note(self, node: ast.AST) -> None:
        match node:
            case ast.Global() | ast.Nonlocal():
                self._global = True
            case ast.Try():
                self._guarded = True
            case ast.Subscript(slice=ast.Constant(value=key), ctx=ast.Store() | ast.Del()):
                self._stored_keys.add(key)
            case ast.Subscript(ctx=ast.Store()):
                self._grows = True
            case ast.Call(func=ast.Attribute(attr="update" | "setdefault")) | ast.AugAssign(op=ast.BitOr()):
                self._grows = True
            case _:
                pass


def _changed(node: ast.AST) -> Iterator[str]:
    """Names that a node gives another value, or whose value it may change within."""
    match node:
        case ast.Name(ctx=ast.Store() | ast.Del()):
            yield node.id
        case ast.arg():
            yield node.arg
        case ast.FunctionDef() | ast.ClassDef():
            yield node.name
        case ast.alias():
            yield (node.asname or node.name).split(".")[0]
        case ast.Subscript(ctx=ast.Store() | ast.Del()):
            inner: ast.expr = node
            while isinstance(inner, ast.Subscript | ast.Attribute):
                inner = inner.value
            if isinstance(inner, ast.Name):
                yield inner.id
        case _:
            return


def _subscript(node: ast.Subscript, message: str) -> Verdict | None:
    what = _NO_SUBSCRIPT.search(message)
    if what is not None:
        return Verdict(f"`{_source(node.value)}` is of type {what['type']}: it has no keys or items", None)
    key = node.slice.value if isinstance(node.slice, ast.Constant) else None
    if isinstance(key, str) and "cannot be called with key of type" in message and "list[" in message:
        value = _source(node.value)
        hint = f'take one item first, such as {value}[0]["{key}"], or all: [one["{key}"] for one in {value}]'
        return Verdict(f'`{value}` is a list: it has no key "{key}"', hint)
    return None


def _module_attribute(module: str, name: str) -> Verdict:
    members: list[str] = []
    if module in PROVIDED:
        members = [one for one in dir(__import__(module)) if not one.startswith("_")]
    hint = _suggestion(name, [one for one in members if one != name])
    return Verdict(f"module `{module}` has no `{name}` in the sandbox", hint)


def _suggestion(name: str, known: "list[str] | tuple[str, ...]") -> str | None:
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else None


def _listing(what: str, known: "frozenset[str] | tuple[str, ...]") -> str | None:
    if not known:
        return None
    shown = sorted(known)[:12]
    return f"{what}: {', '.join(shown)}{', ...' if len(known) > len(shown) else ''}"


def _source(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 60 else text[:59] + "…"


def _characters(line: str, offset: int) -> int:
    """Characters up to an offset in bytes of UTF-8, as ast counts."""
    return offset if line.isascii() else len(line.encode()[:offset].decode(errors="ignore"))
