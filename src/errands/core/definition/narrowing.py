"""What a condition says about names that may be None: `if: summary`, `when: x is not None`."""

import ast
from dataclasses import dataclass

from errands.core.expressions.templates import TemplateInvalid, compile_expression


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Names that are surely not None."""

    if_true: frozenset[str] = frozenset()
    if_false: frozenset[str] = frozenset()


def narrow(condition: str) -> Narrowed:
    """What follows from a bare expression being true, and from it being false."""
    try:
        source = compile_expression(condition).expressions[0]
        return _narrow(ast.parse(f"({source}\n)", mode="eval").body)
    except (TemplateInvalid, SyntaxError, ValueError, RecursionError):
        return Narrowed()


def _narrow(node: ast.expr) -> Narrowed:
    match node:
        case ast.Name(id=name):
            return Narrowed(if_true=frozenset((name,)))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _narrow(operand)
            return Narrowed(inner.if_false, inner.if_true)
        case ast.Compare(left=ast.Name(id=name), ops=[ast.Is()], comparators=[ast.Constant(value=None)]):
            return Narrowed(if_false=frozenset((name,)))
        case ast.Compare(left=ast.Name(id=name), ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return Narrowed(if_true=frozenset((name,)))
        case ast.BoolOp(op=ast.And(), values=values):
            return Narrowed(if_true=frozenset().union(*(_narrow(value).if_true for value in values)))
        case ast.BoolOp(op=ast.Or(), values=values):
            return Narrowed(if_false=frozenset().union(*(_narrow(value).if_false for value in values)))
        case _:
            return Narrowed()
