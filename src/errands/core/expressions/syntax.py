"""What a Python source says before it runs: is it well formed, which names does it read, is it a plain look-up."""

import ast
import builtins
import io
import symtable
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from errands.core.values import Json

PROVIDED: Final = frozenset(("date", "datetime", "timedelta", "json", "re", "math"))
"""Names that every expression has without anybody defining them; so have `now` and `clock`."""
BUILT_IN: Final = frozenset(dir(builtins))
_CLOCKS: Final = frozenset(("now", "clock"))
_LONGEST: Final = 256 * 1024
"""Characters of one expression or transform."""


class TemplateInvalid(Exception):
    """An expression that cannot be. Positions are in the text that was compiled: `offset` from 0, the others from 1."""

    def __init__(
        self,
        message: str,
        offset: int,
        line: int,
        column: int,
        hint: str | None = None,
        *,
        path: tuple[str | int, ...] = (),
        cut_off: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.line = line
        self.column = column
        self.hint = hint
        self.path = path
        """Keys and indexes that lead to the text within a template's value."""
        self.cut_off = cut_off
        """The source ends inside a bracket or a quoted string."""

    def within(self, path: tuple[str | int, ...]) -> "TemplateInvalid":
        """The same error, about the string at `path` of a larger value."""
        return TemplateInvalid(
            self.message, self.offset, self.line, self.column, self.hint, path=path, cut_off=self.cut_off
        )

    def moved(self, text: str, by: int) -> "TemplateInvalid":
        """The same error, when the source starts at offset `by` of a larger text."""
        found = invalid_at(text, self.offset + by, self.message, self.hint)
        found.cut_off = self.cut_off
        return found


@dataclass(frozen=True, slots=True)
class NamePath:
    """A name and constant subscripts of it, such as `orders["rows"][0]`."""

    name: str
    keys: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """A value written out, such as `3` or `'{{'`."""

    value: Json


Lookup = NamePath | Constant


@dataclass(frozen=True, slots=True)
class Expression:
    """What is known of a source before it runs. The sets are those of `Template`."""

    source: str
    names: frozenset[str]
    free: frozenset[str]
    lookup: Lookup | None


def invalid_at(text: str, offset: int, message: str, hint: str | None = None) -> TemplateInvalid:
    """An error at an offset of a text."""
    offset = min(max(offset, 0), len(text))
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    return TemplateInvalid(message, offset, line, column, hint)


def analyse_expression(text: str) -> Expression:
    """Parse one expression; it may run over several lines, as if in brackets. Raises TemplateInvalid."""
    source = text.strip()
    if not source:
        raise invalid_at(text, 0, "the expression is empty", "write a Python expression, such as total > 10")
    if "\n" in source and _brackets_match(source):
        tree = _parse(f"(\n{source}\n)", "eval", text, lines_before=1)
    else:
        tree = _parse(source, "eval", text)
    assert isinstance(tree, ast.Expression)
    names, free = _names(tree, f"(\n{source}\n)" if "\n" in source else source, "eval", text)
    return Expression(source, names, free, _lookup(tree.body))


def analyse_program(text: str) -> Expression:
    """Parse statements; the last must be an expression. Raises TemplateInvalid."""
    tree = _parse(text, "exec", text)
    assert isinstance(tree, ast.Module)
    if not tree.body:
        raise invalid_at(text, 0, "the program is empty", "write statements and end with the expression to output")
    last = tree.body[-1]
    if not isinstance(last, ast.Expr):
        offset = _offset(text, last.lineno, last.col_offset + 1)
        raise invalid_at(
            text,
            offset,
            "the last statement is not an expression, so the program has no output",
            "end with a line that is the value to output, such as the name of a variable",
        )
    names, free = _names(tree, text, "exec", text)
    only = last.value if len(tree.body) == 1 else None
    return Expression(text, names, free, None if only is None else _lookup(only))


def _parse(code: str, mode: Literal["eval", "exec"], text: str, *, lines_before: int = 0) -> ast.AST:
    """Parse and compile, so that a `return` outside a function is found too. `text` is what positions refer to."""
    if len(code) > _LONGEST:
        raise invalid_at(text, 0, f"the expression has {len(code):,} characters; the limit is {_LONGEST:,}")
    indent = len(text) - len(text.lstrip()) if mode == "eval" else 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree: ast.AST = compile(code, "<expression>", mode, ast.PyCF_ONLY_AST, dont_inherit=True)
            compile(code, "<expression>", mode, dont_inherit=True)
    except SyntaxError as error:
        failure = _syntax_failure(error, text, mode, lines_before, indent)
        failure.cut_off = _ends_early(error)
        raise failure from None
    except (RecursionError, MemoryError):
        raise invalid_at(text, indent, "the expression is nested too deeply", "split it into several steps") from None
    except ValueError as error:
        raise invalid_at(text, indent, f"the expression cannot be read: {error}") from None
    return tree


def _syntax_failure(
    error: SyntaxError, text: str, mode: Literal["eval", "exec"], lines_before: int, indent: int
) -> TemplateInvalid:
    source = text[indent:].rstrip() if mode == "eval" else text
    line, column = (error.lineno or 1) - lines_before, error.offset or 0
    if mode == "eval" and error.lineno is not None and (column < 1 or line > source.count("\n") + 1):
        hint = f"something is missing after {source[-20:].split()[-1]}"
        return invalid_at(text, indent + len(source), "the expression ends too early", hint)
    return invalid_at(text, indent + _offset(source, line, max(column, 1)), _reason(error), _advice(error, mode))


def _reason(error: SyntaxError) -> str:
    message = error.msg.removesuffix(". Perhaps you forgot a comma?").removesuffix(" (<expression>, line 1)")
    return f"not valid Python: {message}"


def _advice(error: SyntaxError, mode: Literal["eval", "exec"]) -> str | None:
    if "outside function" in error.msg:
        return "the last expression is the output; write it on its own line, without return"
    if "Perhaps you forgot a comma" in error.msg:
        return "perhaps a comma or an operator is missing"
    if "invalid syntax. Maybe you meant '=='" in error.msg:
        return "compare with ==; a single = assigns"
    if mode == "eval" and error.text and error.text.lstrip().startswith(("for ", "if ", "import ", "def ", "return ")):
        return "only an expression can stand here; statements go into a `python:` step"
    return None


def _ends_early(error: SyntaxError) -> bool:
    marks = ("was never closed", "unterminated", "unexpected EOF", "EOF while scanning", "expecting '}'")
    return any(mark in error.msg for mark in marks)


def _offset(text: str, line: int, column: int) -> int:
    """The offset of a 1-based position."""
    at = 0
    for _ in range(line - 1):
        following = text.find("\n", at)
        if following < 0:
            return len(text)
        at = following + 1
    return min(at + column - 1, len(text))


def _brackets_match(source: str) -> bool:
    """No bracket is closed that this source did not open: only then may it be put in brackets itself."""
    depth = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(f"(\n{source}\n)").readline):
            if token.type == tokenize.OP and token.string in "([{":
                depth += 1
            elif token.type == tokenize.OP and token.string in ")]}":
                depth -= 1
                if depth == 0:
                    return token.end[0] == source.count("\n") + 3
    except (tokenize.TokenError, SyntaxError):
        return False
    return False


def _names(
    tree: ast.Expression | ast.Module, code: str, mode: Literal["eval", "exec"], text: str
) -> tuple[frozenset[str], frozenset[str]]:
    """The free names without and with built-in ones. Scopes (comprehensions, functions) are Python's own."""
    try:
        top = symtable.symtable(code, "<expression>", mode)
        read: set[str] = set()
        bound: set[str] = set()
        bound_within: set[str] = set()
        for symbol in top.get_symbols():
            if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace():
                bound.add(symbol.get_name())
            if symbol.is_referenced():
                read.add(symbol.get_name())
        for table in _inner_tables(top):
            for symbol in table.get_symbols():
                if symbol.is_global() and symbol.is_referenced():
                    read.add(symbol.get_name())
                if symbol.is_declared_global() and symbol.is_assigned():
                    bound_within.add(symbol.get_name())
        free = frozenset((read - bound - bound_within) | ((_read_first(tree) & bound) - bound_within))
    except RecursionError:
        raise invalid_at(text, 0, "the expression is nested too deeply", "split it into several steps") from None
    return free - BUILT_IN - PROVIDED, free


def _inner_tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _inner_tables(child)


def _read_first(tree: ast.AST) -> set[str]:
    """Names that the outermost scope reads before it assigns them, as `rows` in `rows = rows[1:]`."""
    seen: set[str] = set()
    first: set[str] = set()
    stored: set[str] = set()
    for name in _in_order(tree):
        if isinstance(name.ctx, ast.Store):
            stored.add(name.id)
        elif name.id not in seen:
            first.add(name.id)
        seen.add(name.id)
    return first & stored  # what an import, an except or a match binds is never read first


def _in_order(node: ast.AST) -> Iterator[ast.Name]:
    """The names of the outermost scope, about in the order in which they are read and assigned."""
    match node:
        case ast.Name():
            yield node
        case ast.FunctionDef() | ast.ClassDef():
            yield ast.Name(node.name, ast.Store())
        case ast.AugAssign(target=ast.Name() as target):
            yield ast.Name(target.id, ast.Load())
            yield from _in_order(node.value)
            yield target
        case ast.Assign() | ast.AnnAssign() | ast.NamedExpr():
            if node.value is not None:
                yield from _in_order(node.value)
            for assigned in node.targets if isinstance(node, ast.Assign) else [node.target]:
                yield from _in_order(assigned)
        case ast.For():
            yield from _in_order(node.iter)
            yield from _in_order(node.target)
            for statement in (*node.body, *node.orelse):
                yield from _in_order(statement)
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            yield from _in_order(node.generators[0].iter)
        case ast.Lambda() | ast.AsyncFunctionDef():
            return
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _in_order(child)


def _lookup(node: ast.expr) -> Lookup | None:
    """The expression as a constant or as a name with constant subscripts, if it is one."""
    keys: list[str | int] = []
    while isinstance(node, ast.Subscript):
        key = _key(node.slice)
        if key is None:
            return None
        keys.append(key)
        node = node.value
    if isinstance(node, ast.Name):
        return None if node.id in _CLOCKS else NamePath(node.id, tuple(reversed(keys)))
    if isinstance(node, ast.Constant) and not keys:
        return _constant(node.value)
    return None


def _key(node: ast.expr) -> str | int | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        index = node.operand.value
        return -index if isinstance(index, int) and not isinstance(index, bool) else None
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int) and not isinstance(node.value, bool):
        return node.value
    return None


def _constant(value: object) -> Constant | None:
    if isinstance(value, str):
        return Constant(value) if value.isascii() else None
    return Constant(value) if value is None or isinstance(value, bool | int) else None
