"""The log of a run: what is there, and what comes."""

import asyncio
import signal
from collections.abc import AsyncIterator

from errands.cli.desk import Room
from errands.cli.displays import local_now, log_text
from errands.cli.exits import ExitCode
from errands.cli.interrupts import interrupts
from errands.cli.screen import Screen
from errands.services.views import LogLine, TokenShown


async def print_log(screen: Screen, room: Room, run: str) -> ExitCode:
    """All lines of a run so far."""
    lines = [line async for line in _since(room, run, 0)]
    screen.document(lines)
    for line in lines:
        _print(screen, line)
    if not lines:
        screen.remark("Nothing was logged.")
    return ExitCode.SUCCEEDED


async def follow_log(screen: Screen, room: Room, run: str) -> ExitCode:
    """All lines so far, then each as it comes, until the run ends or Ctrl-C."""
    following = asyncio.ensure_future(_follow(screen, room, run))

    def stop(_: signal.Signals) -> None:
        following.cancel()

    with interrupts(stop, signal.SIGINT, signal.SIGTERM):
        try:
            return await following
        except asyncio.CancelledError:
            screen.remark(f"Left; the run {run} goes on.")
            return ExitCode.INTERRUPTED


async def _follow(screen: Screen, room: Room, run: str) -> ExitCode:
    last = 0
    async for event in room.client.runs.follow(run):
        # Live lines are best effort; the recorded ones are complete, so a sign of life makes us read those.
        if isinstance(event, TokenShown):
            continue
        async for line in _since(room, run, last):
            screen.record(line)
            _print(screen, line)
            last = line.id
    return ExitCode.SUCCEEDED


async def _since(room: Room, run: str, after: int) -> AsyncIterator[LogLine]:
    """All lines after one, page by page."""
    while lines := await room.client.runs.logs(run, after=after):
        for line in lines:
            yield line
        after = lines[-1].id


def _print(screen: Screen, line: LogLine) -> None:
    if not screen.as_json:
        screen.out.print(log_text(line, local_now()), soft_wrap=True)
