"""The runs of a project as they move: those there are, then a line for each that starts, waits or ends."""

import asyncio
import signal
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from errands.cli.desk import Room
from errands.cli.displays import local_now
from errands.cli.exits import ExitCode
from errands.cli.given import BadInput
from errands.cli.headline import cause
from errands.cli.interrupts import interrupts
from errands.cli.neutral import one_line, safe
from errands.cli.palette import look_of
from errands.cli.screen import Screen
from errands.core.outcomes import RunStatus
from errands.services.views import RunLine

if TYPE_CHECKING:
    from rich.text import Text


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs are shown."""

    task: str | None = None
    status: RunStatus | None = None

    def fits(self, run: RunLine) -> bool:
        return self.task in (None, run.task) and self.status in (None, run.status)


def wanted(
    task: str | None, status: RunStatus | None, since: str | None, until: str | None, cursor: str | None
) -> Wanted:
    """From options to what is shown. Raises BadInput for those that are about the past."""
    if since or until or cursor:
        raise BadInput("--follow shows what happens from now on", hint="Leave out --since, --until and --cursor")
    return Wanted(task, status)


async def follow_runs(screen: Screen, room: Room, shown: Wanted, limit: int) -> ExitCode:
    """The last `limit` runs, oldest first, then each change of one, until Ctrl-C."""
    following = asyncio.ensure_future(_Follower(screen, room, shown, limit).follow())

    def stop(_: signal.Signals) -> None:
        following.cancel()

    with interrupts(stop, signal.SIGINT, signal.SIGTERM):
        try:
            await following
        except asyncio.CancelledError:
            screen.remark("")
    return ExitCode.INTERRUPTED


@dataclass(slots=True)
class _Follower:
    screen: Screen
    room: Room
    shown: Wanted
    limit: int
    told: dict[str, RunStatus] = field(default_factory=dict)

    async def follow(self) -> None:
        async for run in self.room.client.projects.follow(self.room.project):
            if run is not None:
                self._tell(run, local_now())
                continue
            runs = self.room.client.runs
            page = await runs.list(self.room.project, task=self.shown.task, status=self.shown.status, limit=self.limit)
            for line in reversed(page.items):
                self._tell(line, (line.started_at or line.queued_at).astimezone())

    def _tell(self, run: RunLine, at: datetime) -> None:
        """A line, unless it stands there already. `at`: when the run got where it is, unless it has ended."""
        if not self.shown.fits(run) or self.told.get(run.id) is run.status:
            return
        self.told[run.id] = run.status
        self.screen.record(run)
        if not self.screen.as_json:
            self.screen.out.print(_line(run, at, unicode=self.screen.unicode), soft_wrap=True)


def _line(run: RunLine, at: datetime, *, unicode: bool) -> "Text":
    """`07:30:12 ✓ succeeded  run_...  notice v2  by schedule mornings`, and why it failed or was skipped."""
    look, moment = look_of(run.status), run.finished_at.astimezone() if run.finished_at else at
    why = run.error.message if run.error is not None else run.reason
    return (
        safe(f"{moment:%H:%M:%S} ", "faint")
        + safe(f"{look.sign(unicode=unicode)} {look.word}", f"status.{run.status.value}")
        + safe(f"  {run.id}", "accent")
        + safe(f"  {one_line(run.task)} v{run.version}")
        + safe(f"  {cause(run.trigger, run.starter)}", "faint")
        + safe(f": {one_line(why)}" if why else "", "faint")
    )
