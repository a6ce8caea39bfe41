"""What the checks ask of a type checker: all expressions of a file at once, each with the names that it may read."""

from collections.abc import Sequence
from typing import Protocol

from errands.core.expressions.checking import Finding, Snippet


class TypeChecker(Protocol):
    """Finds what is certain to fail in expressions; `core.expressions.checking.TypeChecker` is one."""

    async def check_snippets(self, snippets: Sequence[Snippet]) -> list[Finding]:
        """Every finding of every snippet, in one call of the checker behind it."""
        ...
