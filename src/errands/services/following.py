"""What is to be told of a run that is followed: what was told, and what of the news is new to those who follow.

What the database tells comes from the process's `Tail`, wherever the run is held; where this process holds it, its live
events come at once, and what the journal tells of them later is not told again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from errands.core.outcomes import RunStatus, StepStatus
from errands.services.story import Story
from errands.services.telling import as_record, log_line, unended
from errands.services.views import (
    LEVELS,
    Level,
    LineLogged,
    LogLine,
    RunChanged,
    RunEvent,
    StepChanged,
    StepView,
    TokenShown,
    WaitView,
)
from errands.store.record import JournalRow, LogRow

if TYPE_CHECKING:
    from errands.engine.live import LiveEvent

# Numbers are given out before commits: a record can appear with a lower number than one that was seen before.
_LATE_RECORDS = 20_000


@dataclass(slots=True)
class Seen:
    """What the followers of a run have been told."""

    story: Story
    status: RunStatus
    changed: int
    """The number of the state that was told last."""
    waiting: tuple[WaitView, ...]
    steps: dict[str, StepView] = field(default_factory=dict)
    highest: int = 0
    last_line: int = 0
    """The log's last line that was told with its number."""
    live: bool = False
    """This process holds the run, or did."""
    live_lines: dict[tuple[str, datetime, str], int] = field(default_factory=dict)
    """Lines that were told before they had a number, and how many had been by then."""

    @property
    def records_after(self) -> int:
        """The number after which the journal holds what may not have been told."""
        return self.highest - _LATE_RECORDS

    def hear(self, live: "LiveEvent") -> list[RunEvent]:
        """What is to be told of something that happens in this process."""
        self.live = True
        match live.kind:
            case "token":
                return [TokenShown(live.path, live.text)]
            case "log" if live.at is not None:
                self.live_lines[live.path, live.at, live.text] = len(self.live_lines)
                return [LineLogged(LogLine(0, live.at, live.path, _level(live.level), live.text))]
            case "taken" if self.status is not RunStatus.RUNNING:
                self.status = RunStatus.RUNNING
                return [RunChanged(self.status, self.waiting)]
            case "began":
                return self._of_steps(self.story.begin(live.path))
            case "ended" if live.record is not None:
                return self._of_steps(self.story.add(live.record))
            case _:
                return []

    def learn(
        self, status: RunStatus, number: int, waits: tuple[WaitView, ...], rows: Sequence[JournalRow]
    ) -> list[RunEvent]:
        """What is to be told of what the database tells. The run's end is not: it is told last, with everything."""
        changed = (status, waits) != (self.status, self.waiting)
        held = {wait.path for wait in (*waits, *self.waiting)}
        self.status, self.changed, self.waiting = status, number, waits
        looked_at = [path for row in rows for path in self._by(row)]
        looked_at += [path for wait in held for path in self.story.begin(wait)]
        changes = self._of_steps(looked_at)
        if changed and not status.final:
            changes.append(RunChanged(status, waits))
        return changes

    def new_lines(self, rows: Iterable[LogRow]) -> tuple[list[RunEvent], list[tuple[int, RunEvent]]]:
        """Lines of the log that were not told, and those that were, when they had no number yet, with how many before.

        The latter are new to whoever came after they were told.
        """
        fresh: list[RunEvent] = []
        again: list[tuple[int, RunEvent]] = []
        for row in rows:
            if row.id > self.last_line:
                self.last_line = row.id
                told = self.live_lines.get((row.path, row.logged_at, row.message))
                if told is None:
                    fresh.append(LineLogged(log_line(row)))
                else:
                    again.append((told, LineLogged(log_line(row))))
        return fresh, again

    def hold(self, steps: Sequence[StepView]) -> list[RunEvent]:
        """Take note of all steps as a snapshot tells them; gives what is new of them to those who follow already."""
        changes: list[RunEvent] = [StepChanged(step) for step in steps if self.steps.get(step.path) != step]
        self.steps = {step.path: step for step in steps}
        return changes

    def _by(self, row: JournalRow) -> list[str]:
        """The steps that look different with this record."""
        self.highest = max(self.highest, row.seq)
        return self.story.add(as_record(row))

    def _of_steps(self, paths: Iterable[str]) -> list[RunEvent]:
        """The steps at these paths, as far as they look different from when they were told, in the file's order."""
        waiting = {wait.path for wait in self.waiting}
        changes: list[RunEvent] = []
        for path in self.story.in_order(paths):
            view = self.story.step(path, StepStatus.WAITING if path in waiting else unended(self.status))
            if self.steps.get(path) != view:
                self.steps[path] = view
                changes.append(StepChanged(view))
        return changes


def _level(text: str) -> Level:
    """The level of a live line, whose type does not say that it is one of four."""
    return next((level for level in LEVELS if level == text), "info")
