"""What this process does, told number by number to whoever counts it, and record by record to whoever looks on.

Costs next to nothing while nobody does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from errands.core.definition.steps import Step
from errands.core.outcomes import RunStatus
from errands.core.ports import RunIdentity
from errands.engine.records import Record

Measure = Literal[
    "step_seconds",
    "run_seconds",
    "journal_batch",
    "start_lateness_seconds",
    "model_requests",
    "input_tokens",
    "output_tokens",
    "usd",
]
"""`step_seconds` and `run_seconds` carry kind and state as their label; the others have none."""
Listener = Callable[[Measure, float, tuple[str, ...]], None]
_SPENDING = ("turn", "call", "outcome")


@dataclass(frozen=True, slots=True)
class Held:
    """A run from the moment at which this process took it until it let it go."""

    id: UUID
    run: RunIdentity
    epoch: int
    """How often it was taken, this time included."""
    taken_at: datetime
    parent: tuple[UUID, str] | None = None
    """The run that it is a sub-task of, and the path of the step there."""
    agent: str | None = None
    """The task's agent: that of the steps which name none."""


class Onlooker(Protocol):
    """Is told what becomes of the runs that this process holds. Must return at once and raise nothing."""

    def taken(self, held: Held) -> None:
        """This process holds a run from now on."""
        ...

    def recorded(self, run_id: UUID, record: Record, step: Step | None) -> None:
        """A record was made just now; `step` is the one that it is of or below. None: it is the run's own."""
        ...

    def let_go(self, run_id: UUID, how: str, status: RunStatus | None, at: datetime) -> None:
        """It is held no longer: it has `ended` (then with its status), is `waiting`, `handed over` or `lost`."""
        ...


class Tally:
    """Hands measures to listeners, and records to onlookers."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._onlookers: list[Onlooker] = []

    def listen(self, listener: Listener) -> None:
        """Call back with every measure from now on."""
        self._listeners.append(listener)

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def add(self, measure: Measure, value: float, *label: str) -> None:
        """Tell one measure."""
        for listener in self._listeners:
            listener(measure, value, label)

    def look_on(self, onlooker: Onlooker) -> None:
        """Tell it of every record from now on."""
        self._onlookers.append(onlooker)

    def taken(self, held: Held) -> None:
        """Tell that a run is held."""
        for onlooker in self._onlookers:
            onlooker.taken(held)

    def let_go(self, run_id: UUID, how: str, status: RunStatus | None, at: datetime) -> None:
        """Tell that a run is held no longer."""
        for onlooker in self._onlookers:
            onlooker.let_go(run_id, how, status, at)

    def recorded(self, run_id: UUID, record: Record, step: Step | None) -> None:
        """A record was made just now; what a replay finds, and what a rerun takes over, is never told again."""
        if record.facts and "from_run" in record.facts:
            return
        if self._listeners:
            self._count(record, "task" if step is None else step.kind)
        for onlooker in self._onlookers:
            onlooker.recorded(run_id, record, step)

    def _count(self, record: Record, step_kind: str) -> None:
        if record.kind == "outcome" and record.status and record.started_at and record.finished_at:
            seconds = (record.finished_at - record.started_at).total_seconds()
            self.add("step_seconds", max(seconds, 0.0), step_kind, record.status.value)
        if record.kind in _SPENDING and record.facts and "usage" in record.facts:
            used = record.usage
            self.add("model_requests", used.requests)
            self.add("input_tokens", used.input_tokens)
            self.add("output_tokens", used.output_tokens)
            self.add("usd", float(used.usd))
