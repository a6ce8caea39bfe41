"""What the checks ask of a type checker: all expressions of a file at once, each with the names that it may read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from errands.core.values import JsonObject


@dataclass(frozen=True, slots=True)
class Snippet:
    """One expression or transform of a definition."""

    source: str
    program: bool
    """Statements whose last expression is the value, rather than one expression."""
    names: Mapping[str, JsonObject | None]
    """The names in scope that it reads, with the JSON Schema of each value; `None`: nothing is known of it.
    `now`, `clock`, `datetime`, `json` and the like are the checker's own."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong in a snippet."""

    snippet: int
    """Index of the snippet."""
    line: int
    """1-based, inside the snippet's source."""
    column: int
    """1-based, in characters."""
    message: str
    hint: str | None = None


class TypeChecker(Protocol):
    """Finds type errors in expressions."""

    async def check_snippets(self, snippets: Sequence[Snippet]) -> list[Finding]:
        """Every finding of every snippet, in one call of the checker behind it."""
        ...
