"""Everything that is wrong with a schedule, gathered while it is read."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import NamedTuple

from errands.core.values import Json


class ScheduleProblem(NamedTuple):
    """One thing wrong with a schedule."""

    path: str
    """Where in the schedule, such as `window.between[0]`; empty for the schedule as a whole."""
    message: str
    """What is wrong, with the offending value."""
    hint: str | None
    """What to do about it."""


class ScheduleInvalid(ValueError):
    """A schedule was refused. Carries every problem that was found."""

    def __init__(self, problems: list[ScheduleProblem]) -> None:
        super().__init__("; ".join(f"{path or 'schedule'}: {message}" for path, message, _ in problems))
        self.problems = problems


class Findings:
    """Collects problems, so that reading goes on after the first."""

    def __init__(self) -> None:
        self.problems: list[ScheduleProblem] = []

    def add(self, path: str, message: str, hint: str | None = None) -> None:
        self.problems.append(ScheduleProblem(path, message, hint))

    def unknown_keys(self, raw: Mapping[str, Json], known: Collection[str], path: str = "") -> None:
        """Report each key that is not known, with the nearest one that is."""
        for key in raw:
            if key not in known:
                hint = meant(key, known) or f"known keys are {', '.join(known)}"
                self.add(within(path, key), f"unknown key {key!r}", hint)


def within(path: str, key: str | int) -> str:
    """The path of a key or an index below a path."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def meant(word: str, known: Collection[str]) -> str | None:
    """`did you mean "...?"` for the nearest known word, whatever its case; `None` if none is near."""
    by_folded = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return f'did you mean "{by_folded[close[0]]}"?' if close else None


def shown(value: Json) -> str:
    """A value as a message quotes it, cut to sixty characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
