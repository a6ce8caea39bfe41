"""What a backtest shows."""

from dataclasses import dataclass, field
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
    """Of the calls that the record answers, and of real requests: at least this."""
    asked: tuple[str, ...] = ()
    """Steps whose agents have asked real models."""
    paid: Usage = field(default_factory=Usage)
    """What real requests have used, now."""


@dataclass(frozen=True, slots=True)
class Live:
    """Real models were asked for what the record could not answer."""

    paid: Usage
    """For all runs together."""
    used_up: bool
    """The budget did not last: some calls are unanswered for want of it."""


@dataclass(frozen=True, slots=True)
class PublishGateView:
    """What must hold before a version is published. All None: nothing."""

    whose: Literal["project", "task"] | None
    runs: int | None
    """How many of the last runs are walked again. 0: none."""
    may_differ: int | None
    """How many of them may come out otherwise."""
    unknown: Literal["differs", "passes"] | None
    """What a run counts as whose outcome the record does not tell."""
    digest: str = ""
    """Names what counts and whose it is; in quotes it is the ETag."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """What a definition would have done with the last runs of its task."""

    task: str
    version: int | None
    """None: a file that is no version yet."""
    runs: tuple[BacktestedRun, ...]
    """The newest first."""
    live: Live | None = None
    """None: nobody was asked."""

    @property
    def clean(self) -> bool:
        """Whether every run would have come out the same."""
        return all(run.verdict == "same" for run in self.runs)
