"""What is wrong with a definition, said so that its author can mend it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One finding in a file. Problems sort by their place."""

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
    code: str = "invalid"
    """Stable name of the rule, such as `unknown-key` or `unknown-tool`."""
    severity: Literal["error", "warning"] = "error"


class DefinitionInvalid(Exception):
    """A definition was refused. Carries every problem that was found; nothing was stored."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(f"{len(problems)} problem{'s' if len(problems) != 1 else ''} in the definition")
        self.problems = problems
