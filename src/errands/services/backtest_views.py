"""What a backtest shows."""

from dataclasses import dataclass
from typing import Literal

from errands.core.outcomes import RunStatus, StepError, Usage
from errands.core.values import Json


@dataclass(frozen=True, slots=True)
class BacktestedRun:
    """One recorded run, walked again with another definition."""

    run: str
    verdict: Literal["same", "changed", "unknown", "refused"]
    """`unknown`: what came follows from a call that the record cannot answer. `refused`: its arguments do not fit."""
    status_before: RunStatus
    status: RunStatus | None
    """None: unknown, or refused."""
    output: Json
    """Of the new definition, where it is known."""
    error: StepError | None
    differences: tuple[str, ...]
    """Between the outputs, one sentence each."""
    same: tuple[str, ...]
    """Steps whose calls the record answers."""
    unanswered: tuple[str, ...]
    """Steps whose calls are new or have changed: `changed, unanswered`."""
    dropped: tuple[str, ...]
    """Recorded calls that are not made any more."""
    usage_before: Usage
    usage: Usage
    """Of the calls that the record answers: at least this."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """What a definition would have done with the last runs of its task."""

    task: str
    version: int | None
    """None: a file that is no version yet."""
    runs: tuple[BacktestedRun, ...]
    """The newest first."""

    @property
    def clean(self) -> bool:
        """Whether every run would have come out the same."""
        return all(run.verdict == "same" for run in self.runs)
