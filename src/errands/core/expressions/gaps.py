"""Python that people write and the sandbox does not run, each with what does the same there.

Two uses: what a source shows is told before it runs (`gaps`), and what only its values show is told with the
failure (`advice`). The page on the task file lists the same; a test runs every line of all three.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

UNCHECKED: Final = frozenset(
    (
        *("map", "filter", "format", "getattr", "hasattr", "setattr"),
        *("ImportError", "ModuleNotFoundError", "UnboundLocalError", "UnicodeDecodeError", "UnicodeEncodeError"),
        *("FileExistsError", "FileNotFoundError", "IsADirectoryError", "NotADirectoryError", "PermissionError"),
    )
)
"""Built-in names that the sandbox has although its type checker does not know them."""

BUILT_IN_ADVICE: Final[Mapping[str, str]] = {
    "open": "read it in a step of its own, with `files.read` or `data.parse`, and use that step's output",
    "input": "declare a param: its name holds the argument",
    "callable": "write type(x).__name__ == 'function'",
    "bytearray": "use bytes, or a list of numbers",
}
"""What to do without a built-in function."""

_EPOCH: Final = "datetime.fromisoformat('1970-01-01T00:00:00+00:00') + timedelta(seconds=x)"
_ATTRIBUTES: Final[Mapping[str, str]] = {
    "utcnow": "write now, which is in UTC",
    "fromtimestamp": f"write {_EPOCH}",
    "utcfromtimestamp": f"write {_EPOCH}",
    "isocalendar": "write int(day.strftime('%V')) for the week, int(day.strftime('%G')) for its year",
    "toordinal": "write (day - date(1970, 1, 1)).days",
    "maketrans": "write text.replace('a', 'b'), or re.sub('[.,]', '', text)",
    "translate": "write text.replace('a', 'b'), or re.sub('[.,]', '', text)",
    "format_map": "write text.format(**values)",
    "is_integer": "write x == int(x)",
    "subn": "write re.sub(...), and len(re.findall(...)) for the count",
    "getenv": "declare a param, or name a secret where a tool takes one",
    "environ": "declare a param, or name a secret where a tool takes one",
}
"""Attributes that no value in the sandbox has."""
_IMPORTS: Final[Mapping[str, str]] = {
    "UTC": "write from datetime import timezone, and timezone.utc",
    "OrderedDict": "write dict(...): it keeps its order",
    "ChainMap": "write {**second, **first}",
    "cmp_to_key": "sort by what a key=... function gives",
    "wraps": "leave it out",
}
"""Names that a module of the sandbox lacks."""
_SYNTAX: Final[Mapping[str, str]] = {
    "'del' statement": "write rows.pop(0), values.pop('key', None), or build what remains",
    "yield expressions": "append to a list and return it",
    "class inheritance": "write a class without a base; raise ValueError('why') instead of an exception of your own",
    "method decorators": "write a plain method or a function",
    "Wildcard imports": "name what you import, such as from math import sqrt",
}
_UNBOUND: Final = frozenset(("str", "list", "dict", "int", "float", "set", "tuple", "bytes"))
_CLASS_METHODS: Final = frozenset(("fromkeys", "fromhex"))
_NEXT: Final = "write next(iter([... for ... in ...]), None)"
_REPLACE: Final = "join the parts yourself: loop over re.finditer(pattern, text)"
_JOIN: Final = "write ', '.join(str(x) for x in values)"
_ZONES: Final = (
    "one has a time zone and the other has none; `now` is in UTC: "
    "compare with now.replace(tzinfo=None), or give the other one its zone with .replace(tzinfo=now.tzinfo)"
)
_ADVICE: Final = (
    ("callable replacement", _REPLACE),
    ("'list' object is not an iterator", f"a generator is a list here: {_NEXT}"),
    ("expected str instance", _JOIN),
    ("can only concatenate str", "write an f-string, such as f'Total: {total}', or str(x)"),
    ("Object of type date is not JSON", "write x.isoformat(), or leave the value as it is: dates become text"),
    ("Object of type datetime is not JSON", "write x.isoformat(), or leave the value as it is: dates become text"),
    ("'datetime.datetime' and 'datetime.datetime'", _ZONES),
)
_MISSING: Final = re.compile(r"has no attribute '(?P<name>\w+)'|cannot import name '(?P<imported>\w+)'")
_UNBOUND_METHOD: Final = re.compile(r"type object '(?P<type>\w+)' has no attribute '(?P<name>\w+)'")


@dataclass(frozen=True, slots=True)
class Gap:
    """One place of a source; line and column count from 1."""

    line: int
    column: int
    message: str
    hint: str


def gaps(tree: ast.AST, lines_before: int, source: str) -> Iterator[Gap]:
    """What of a source is certain to fail in the sandbox. Nothing where the source catches errors itself.

    `tree` is that of the source after `lines_before` other lines.
    """
    nodes = list(ast.walk(tree))
    if any(isinstance(node, ast.Try) for node in nodes):
        return
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    own |= {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    lines = source.split("\n")
    for node in nodes:
        found = _gap(node, own, stored)
        if found is None:
            continue
        line = min(max(getattr(node, "lineno", 1) - lines_before, 1), len(lines))
        before = lines[line - 1].encode()[: getattr(node, "col_offset", 0)]
        yield Gap(line, len(before.decode(errors="ignore")) + 1, *found)


def advice(reason: str) -> str | None:
    """What to write instead, of what the sandbox said when a source failed."""
    for said, hint in (*_SYNTAX.items(), *_ADVICE):
        if said in reason:
            return hint
    unbound = _UNBOUND_METHOD.search(reason)
    if unbound is not None and unbound["type"] in _UNBOUND and unbound["name"] not in _ATTRIBUTES:
        return f"write lambda x: x.{unbound['name']}()"
    missing = _MISSING.search(reason)
    if missing is None:
        return None
    name = missing["name"] or missing["imported"]
    return _ATTRIBUTES.get(name) or _IMPORTS.get(name)


def syntax_advice(reason: str) -> str | None:
    """What to write instead of a statement that the sandbox does not know."""
    return next((hint for said, hint in _SYNTAX.items() if said in reason), None)


def _gap(node: ast.AST, own: set[str], stored: set[str]) -> tuple[str, str] | None:
    """Message and hint, if a node is one."""
    match node:
        case ast.Attribute(value=ast.Name(id=kind), attr=name) if (
            kind in _UNBOUND - stored - own
            and not name.startswith("__")
            and name not in _CLASS_METHODS | _ATTRIBUTES.keys()
        ):
            return f"the sandbox has no `{kind}.{name}` without a value", f"write lambda x: x.{name}()"
        case ast.Attribute(attr=name, ctx=ast.Load()) if name in _ATTRIBUTES.keys() - own - stored:
            return f"the sandbox has no `{name}`", _ATTRIBUTES[name]
        case ast.alias(name=name) if name in _IMPORTS:
            return f"the sandbox has no `{name}`", _IMPORTS[name]
        case ast.Call(func=ast.Name(id="next"), args=[ast.GeneratorExp(), *_]) if "next" not in stored | own:
            return "a generator is a list in the sandbox, and `next` does not take one", _NEXT
        case ast.Call(func=ast.Attribute(attr="sub"), args=[*_, ast.Lambda(), _]) if "sub" not in own:
            return "the sandbox's `re.sub` replaces by a text, not by a function", _REPLACE
        case _:
            return None
