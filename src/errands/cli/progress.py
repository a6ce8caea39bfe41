"""What a follower knows of a run: the snapshot it began with, and every change since."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from errands.cli.outline import Outline, key_of
from errands.core.outcomes import RunStatus, StepStatus, Usage
from errands.services.views import (
    LineLogged,
    RunChanged,
    RunEnded,
    RunEvent,
    RunSnapshot,
    RunView,
    StepChanged,
    StepView,
    Timings,
    TokenShown,
    WaitView,
)

_TAIL = 400
"""Characters of a model's stream that are kept for show."""


@dataclass(slots=True)
class Progress:
    """A run as it is known now. Changed only by `take`; drawn by the displays."""

    outline: Outline
    run: RunView | None = None
    status: RunStatus = RunStatus.QUEUED
    steps: dict[str, StepView] = field(default_factory=dict)
    waiting: tuple[WaitView, ...] = ()
    streams: dict[str, str] = field(default_factory=dict)
    """Path of an agent step to the end of what its model has said since its last request."""
    ended: bool = False
    began: dict[str, datetime] = field(default_factory=dict)
    """When steps were first seen at work, for those whose record does not say it yet."""
    _since: datetime | None = None
    _timings: Timings = field(default_factory=lambda: Timings(0, 0, 0))

    def take(self, event: RunEvent, now: datetime) -> None:
        """Let an event in."""
        match event:
            case RunSnapshot():
                self._view(event.run, now)
            case RunEnded():
                self._view(event.run, now)
                self.ended = True
            case RunChanged():
                self._timings, self._since = self.timings(now), now
                self.status, self.waiting = event.status, event.waiting
            case StepChanged():
                self._step(event.step, now)
                self.streams.pop(event.step.path, None)
            case TokenShown():
                step = event.path.partition("/")[0]
                self._infer(step, now)
                self.streams[step] = (self.streams.get(step, "") + event.text)[-_TAIL:]
            case LineLogged():
                pass
            case _:
                assert_never(event)

    def in_order(self) -> list[StepView]:
        """The steps that were reached, as the file and the rounds of its loops order them."""
        known = (
            step if step.started_at or step.path not in self.began else replace(step, started_at=self.began[step.path])
            for step in self.steps.values()
        )
        return sorted(known, key=lambda step: self.outline.order(step.path))

    def timings(self, now: datetime) -> Timings:
        """Where the time went up to now."""
        past = self._timings
        if self._since is None or self.status.final:
            return past
        spent = max((now - self._since).total_seconds(), 0.0)
        match self.status:
            case RunStatus.QUEUED:
                return replace(past, queued=past.queued + spent)
            case RunStatus.WAITING:
                return replace(past, waiting=past.waiting + spent)
            case _:
                return replace(past, running=past.running + spent)

    def usage(self) -> Usage:
        """What the run has used: the record's sum, or what the steps have come to if that is more."""
        recorded = self.run.usage if self.run else Usage()
        if self.ended:
            return recorded
        return max(recorded, total(self.steps.values()), key=lambda usage: (usage.tokens, usage.usd))

    def _step(self, step: StepView, now: datetime) -> None:
        self.steps[step.path] = step
        if step.status is StepStatus.RUNNING:
            self.began.setdefault(step.path, now)

    def _infer(self, path: str, now: datetime) -> None:
        """A model speaks in a step: it is at work, although it began before anybody listened."""
        if path not in self.steps:
            place = self.outline.place(path)
            self._step(at_work(path, place.kind if place else "agent", place.depth if place else 0), now)

    def _view(self, run: RunView, now: datetime) -> None:
        self.run, self.status, self.waiting = run, run.status, run.waiting
        self._timings, self._since = run.timings, now
        self.steps = {step.path: step for step in run.steps} or self.steps


def at_work(path: str, kind: str, depth: int) -> StepView:
    """A step of which nothing is recorded yet."""
    return StepView(
        path=path,
        key=key_of(path),
        kind=kind,
        title=None,
        status=StepStatus.RUNNING,
        input=None,
        output=None,
        output_size=None,
        error=None,
        attempts=1,
        usage=Usage(),
        started_at=None,
        finished_at=None,
        cached=False,
        effect_key=None,
        depth=depth,
    )


def total(steps: Iterable[StepView]) -> Usage:
    """What steps have used together. A step that is still at work counts by what is recorded below it."""
    return sum((_used(step) for step in steps), Usage())


def _used(step: StepView) -> Usage:
    return step.usage or sum((record.usage for record in step.below), Usage())
