"""Collects problems of a definition, each put at its line and column."""

from dataclasses import dataclass, field
from typing import Literal

from errands.core.definition.nodes import Path, show_path
from errands.core.definition.positions import Place, Positions
from errands.core.definition.rules import RuleCode
from errands.core.problems import Problem


@dataclass(slots=True)
class Report:
    """The problems found so far in one file."""

    positions: Positions
    problems: list[Problem] = field(default_factory=list)

    def error(self, path: Path, message: str, hint: str | None = None, *, code: RuleCode) -> None:
        """Something is wrong with the value at a path."""
        self._note(self.positions.value(path), path, message, hint, code, "error")

    def key_error(self, path: Path, message: str, hint: str | None = None, *, code: RuleCode) -> None:
        """Something is wrong with the key at a path."""
        self._note(self.positions.key(path), path, message, hint, code, "error")

    def error_inside(self, path: Path, offset: int, message: str, hint: str | None = None, *, code: RuleCode) -> None:
        """Something is wrong at an offset of the text at a path."""
        self._note(self.positions.inside(path, offset), path, message, hint, code, "error")

    def warning(self, path: Path, message: str, hint: str | None = None, *, code: RuleCode) -> None:
        """Something is probably not meant."""
        self._note(self.positions.value(path), path, message, hint, code, "warning")

    def line_of(self, path: Path) -> int:
        """The line in which the value at a path begins."""
        return self.positions.value(path).line

    def _note(
        self,
        place: Place,
        path: Path,
        message: str,
        hint: str | None,
        code: RuleCode,
        severity: Literal["error", "warning"],
    ) -> None:
        self.problems.append(Problem(place.line, place.column, show_path(path), message, hint, code, severity))
