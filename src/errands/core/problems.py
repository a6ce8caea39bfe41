"""What is wrong with a definition, said so that its author can mend it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from errands.core.definition.rules import RuleCode


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding in a file."""

    line: int
    """1-based; 0 where the finding is about the whole file."""
    column: int
    """1-based."""
    path: str
    """Where in the definition, such as `steps[2].with.sql`."""
    message: str
    """What is wrong, with the offending value."""
    hint: str | None = None
    """What to do about it."""
    code: RuleCode = "invalid"
    """Stable name of the rule, such as `unknown-key` or `unknown-tool`."""
    severity: Literal["error", "warning"] = "error"

    def __lt__(self, other: "Problem") -> bool:
        """Problems sort by their place."""
        return self._order < other._order

    @property
    def _order(self) -> tuple[int, int, str, str]:
        return self.line, self.column, self.path, self.message


def in_file_order(problems: Iterable[Problem]) -> list[Problem]:
    """The problems sorted by their place, each only once."""
    return sorted(dict.fromkeys(problems))


class DefinitionInvalid(Exception):
    """A definition was refused. Carries every problem that was found; nothing was stored."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(f"{len(problems)} problem{'s' if len(problems) != 1 else ''} in the definition")
        self.problems = problems
