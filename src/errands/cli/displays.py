"""Three ways to show a run while it goes on: a tree that redraws itself, a line for each change, JSON lines."""

from datetime import datetime
from typing import TYPE_CHECKING, Protocol, assert_never

from errands.cli.figures import moment
from errands.cli.headline import headline, standing
from errands.cli.neutral import one_line, safe
from errands.cli.palette import look_of
from errands.cli.progress import Progress
from errands.cli.rows import Canvas, draw, fit, rows
from errands.cli.screen import Screen
from errands.cli.tree import figures, grow
from errands.cli.waits import waiting_for
from errands.core.outcomes import StepStatus
from errands.services.views import (
    LineLogged,
    LogLine,
    RunChanged,
    RunEnded,
    RunEvent,
    RunSnapshot,
    StepChanged,
    StepView,
    TokenShown,
    WaitView,
)

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

_FRAME_LINES = 4
"""Lines of the screen that the tree leaves free: headline, standing, one above and one below."""
_LEVELS = {"warning": "status.timed_out", "error": "status.failed"}


def local_now() -> datetime:
    """This moment in the zone of the machine, which knows its changes of clock as a fixed offset does not."""
    from dateutil.tz import gettz

    return datetime.now(gettz())


class Display(Protocol):
    """Shows a run that is being followed."""

    def show(self, event: RunEvent, progress: Progress) -> None:
        """Something has happened; `progress` knows it already."""
        ...

    def tick(self, progress: Progress) -> None:
        """A moment has passed."""
        ...

    def pause(self) -> None:
        """Leave the screen to a question."""
        ...

    def resume(self, progress: Progress) -> None:
        """Take the screen back."""
        ...

    def close(self, progress: Progress) -> None:
        """Show how things stand, for good."""
        ...


def display_for(screen: Screen, *, hint: str, events: bool = True) -> Display:
    """The display that fits the screen. `hint` says what Ctrl-C does; `events`: as JSON, show every event."""
    if screen.as_json:
        return JsonLines(screen, events)
    return LiveTree(screen, hint) if screen.live else PlainLines(screen)


class JsonLines:
    """Every event as one line of JSON, or nothing where only the end is wanted."""

    def __init__(self, screen: Screen, events: bool) -> None:
        self._screen = screen
        self._events = events

    def show(self, event: RunEvent, progress: Progress) -> None:
        if self._events:
            self._screen.record(event)

    def tick(self, progress: Progress) -> None:
        """JSON lines do not redraw."""

    def pause(self) -> None:
        """Questions go to stderr."""

    def resume(self, progress: Progress) -> None:
        """Nothing was taken away."""

    def close(self, progress: Progress) -> None:
        """The last event has said everything."""


class PlainLines:
    """One line for each change, for pipes, files and terminals that cannot redraw; no control characters."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._said: dict[str, tuple[object, ...]] = {}

    def show(self, event: RunEvent, progress: Progress) -> None:
        match event:
            case RunSnapshot():
                self._screen.out.print(headline(event.run), soft_wrap=True)
                for step in progress.in_order():
                    self._step(step)
                self._waits(event.run.waiting, event.run.id)
            case StepChanged():
                self._step(event.step)
            case RunChanged():
                self._waits(event.waiting, progress.run.id if progress.run else "")
            case LineLogged():
                self._screen.out.print(log_text(event.line, local_now()), soft_wrap=True)
            case TokenShown() | RunEnded():
                pass
            case _:
                assert_never(event)

    def tick(self, progress: Progress) -> None:
        """Lines that were printed stay as they are."""

    def pause(self) -> None:
        """Questions go to stderr."""

    def resume(self, progress: Progress) -> None:
        """Nothing was taken away."""

    def close(self, progress: Progress) -> None:
        now = local_now()
        line = standing(progress.status, progress.timings(now), progress.usage(), unicode=self._screen.unicode)
        self._screen.out.print(line, soft_wrap=True)

    def _step(self, step: StepView) -> None:
        state = (step.status, step.attempts)
        if self._said.get(step.path) == state:
            return
        self._said[step.path] = state
        now, look = local_now(), look_of(step.status)
        sign = look.sign(unicode=self._screen.unicode)
        spent = figures(step, now) if step.status is not StepStatus.RUNNING or step.attempts > 1 else ""
        line = f"{now:%H:%M:%S} {sign} {one_line(step.path)}  {look.word}  {spent}".rstrip()
        if step.error is not None and step.status is not StepStatus.SUCCEEDED:
            line += f": {one_line(step.error.message)}"
        self._screen.say(line, f"status.{step.status.value}")

    def _waits(self, waits: tuple[WaitView, ...], run: str) -> None:
        now = local_now()
        for wait in waits:
            if self._said.get(f"{wait.path}/wait") != (wait.since,):
                self._said[f"{wait.path}/wait"] = (wait.since,)
                sign = look_of(StepStatus.WAITING).sign(unicode=self._screen.unicode)
                line = f"{now:%H:%M:%S} {sign} {one_line(wait.path)}  {waiting_for(wait, run, now)}"
                self._screen.say(line, "status.waiting")


class LiveTree:
    """The tree of the run's steps, redrawn in place while the run goes on."""

    def __init__(self, screen: Screen, hint: str) -> None:
        self._screen = screen
        self._hint = hint
        self._live: Live | None = None
        self._ticks = 0

    def show(self, event: RunEvent, progress: Progress) -> None:
        if isinstance(event, LineLogged):
            self._screen.out.print(log_text(event.line, local_now()), soft_wrap=True)
        if isinstance(event, RunSnapshot) and self._live is None:
            self.resume(progress)

    def tick(self, progress: Progress) -> None:
        self._ticks += 1
        if self._live is not None:
            self._live.update(self._frame(progress), refresh=True)

    def pause(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def resume(self, progress: Progress) -> None:
        from rich.live import Live

        self._live = Live(
            self._frame(progress),
            console=self._screen.out,
            auto_refresh=False,
            transient=True,
            vertical_overflow="crop",
        )
        self._live.start(refresh=True)

    def close(self, progress: Progress) -> None:
        self.pause()
        if progress.run is not None:
            self._screen.show(*self._whole(progress))

    def _frame(self, progress: Progress) -> "Group":
        """What fits the screen now."""
        from rich.console import Group

        now, (width, height) = local_now(), self._screen.out.size
        canvas = Canvas(width, self._screen.unicode, self._ticks)
        tree = fit(grow(progress, now), max(height - _FRAME_LINES, 3))
        parts = draw(tree, canvas)
        foot = standing(progress.status, progress.timings(now), progress.usage(), unicode=canvas.unicode)
        foot += safe(f"   {self._hint}" if not progress.status.final else "", "faint")
        lines = [*([headline(progress.run)] if progress.run else []), *parts, foot]
        for line in lines:
            line.truncate(width, overflow="ellipsis")
        return Group(*lines)

    def _whole(self, progress: Progress) -> "list[Text]":
        now = local_now()
        canvas = Canvas(self._screen.out.width, self._screen.unicode)
        return [
            *([headline(progress.run)] if progress.run else []),
            *draw(rows(grow(progress, now)), canvas),
            standing(progress.status, progress.timings(now), progress.usage(), unicode=canvas.unicode),
        ]


def log_text(line: LogLine, now: datetime) -> "Text":
    """`09:00:12 warning orders: ...`."""
    level = "" if line.level == "info" else f"{line.level} "
    return (
        safe(f"{moment(line.at, now)} ", "faint")
        + safe(level, _LEVELS.get(line.level, "faint"))
        + safe(f"{one_line(line.path)}: ", "faint")
        + safe(one_line(line.message))
    )
