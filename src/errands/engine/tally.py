"""What this process does, told number by number to whoever counts it. Costs next to nothing while nobody does."""

from collections.abc import Callable
from typing import Literal

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


class Tally:
    """Hands measures to listeners."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

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

    def recorded(self, record: Record, step_kind: str) -> None:
        """A record was made just now; what a replay finds is never told again."""
        if not self._listeners:
            return
        if record.kind == "outcome" and record.status and record.started_at and record.finished_at:
            seconds = (record.finished_at - record.started_at).total_seconds()
            self.add("step_seconds", max(seconds, 0.0), step_kind, record.status.value)
        if record.kind in _SPENDING and record.facts and "usage" in record.facts:
            used = record.usage
            self.add("model_requests", used.requests)
            self.add("input_tokens", used.input_tokens)
            self.add("output_tokens", used.output_tokens)
            self.add("usd", float(used.usd))
