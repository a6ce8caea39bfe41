"""Following a run: a snapshot, then every change until it ends.

The journal is read again every fifth of a second, wherever the run is held; where this process holds it, its live
events come at once, and what the journal tells of them later is not told again.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core import ids
from errands.core.outcomes import RunStatus, StepStatus
from errands.services.errors import NotFound
from errands.services.story import Story
from errands.services.telling import as_record, log_line, read_run, unended, wait_view
from errands.services.views import (
    LEVELS,
    Level,
    LineLogged,
    LogLine,
    RunChanged,
    RunEnded,
    RunEvent,
    RunSnapshot,
    RunView,
    StepChanged,
    StepView,
    TokenShown,
    WaitView,
)
from errands.store import record, runs
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database
from errands.store.record import JournalRow

if TYPE_CHECKING:
    from errands.engine.engine import Engine
    from errands.engine.live import LiveEvent

_LOOK_EVERY_SECONDS = 0.2
_LOG_LINES = 1000
_LINES_LATE_SECONDS = 0.5
# Numbers are given out before commits: a record can appear with a lower number than one that was seen before.
_LATE_RECORDS = 20_000


@dataclass(slots=True)
class _Seen:
    """What a follower has been told."""

    story: Story
    status: RunStatus
    waiting: tuple[WaitView, ...]
    steps: dict[str, StepView]
    highest: int = 0
    last_line: int = 0
    live: bool = False
    """This process holds the run, or did."""
    live_lines: set[tuple[str, datetime, str]] = field(default_factory=set)


async def follow_run(
    database: Database, engine: "Engine", artifacts: ArtifactStore, run_id: UUID
) -> AsyncIterator[RunEvent]:
    """The events of one run. Raises NotFound where it is not there (any more)."""
    queue: asyncio.Queue[LiveEvent] = asyncio.Queue()
    # Listening begins before the snapshot is read, so that nothing falls between the two.
    listener = asyncio.create_task(_listen(engine, run_id, queue))
    try:
        view, seen = await _begin(database, artifacts, run_id)
        yield RunSnapshot(view)
        ended_before, held_before = seen.status.final, seen.status is RunStatus.RUNNING
        while not seen.status.final:
            async for event in _until_next_look(queue, seen):
                yield event
            for change in await _look(database, run_id, seen):
                yield change
        if not ended_before and (held_before or not seen.live):
            for line in await _late_lines(database, run_id, seen):
                yield line
        yield RunEnded((await _begin(database, artifacts, run_id))[0])
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)


async def _listen(engine: "Engine", run_id: UUID, queue: "asyncio.Queue[LiveEvent]") -> None:
    async for event in engine.observe(run_id):
        queue.put_nowait(event)


async def _begin(database: Database, artifacts: ArtifactStore, run_id: UUID) -> tuple[RunView, _Seen]:
    async with database.engine.connect() as connection:
        row = await runs.find(connection, run_id)
        if row is None:
            raise NotFound("run", ids.encode("run", run_id))
        view, story = await read_run(connection, row, artifacts, datetime.now(UTC))
    return view, _Seen(story, view.status, view.waiting, {step.path: step for step in view.steps})


async def _until_next_look(queue: "asyncio.Queue[LiveEvent]", seen: _Seen) -> AsyncIterator[RunEvent]:
    """Live events, until it is time to look into the database; at once when the run is let go."""
    deadline = asyncio.get_running_loop().time() + _LOOK_EVERY_SECONDS
    while True:
        left = deadline - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(left, 0)):
                live = await queue.get()
        except TimeoutError:
            return
        seen.live = True
        if live.kind == "released":
            return
        for event in _live_changes(live, seen):
            yield event


def _live_changes(live: "LiveEvent", seen: _Seen) -> list[RunEvent]:
    match live.kind:
        case "token":
            return [TokenShown(live.path, live.text)]
        case "log" if live.at is not None:
            seen.live_lines.add((live.path, live.at, live.text))
            return [LineLogged(LogLine(0, live.at, live.path, _level(live.level), live.text))]
        case "taken" if seen.status is not RunStatus.RUNNING:
            seen.status = RunStatus.RUNNING
            return [RunChanged(seen.status, seen.waiting)]
        case "began":
            return _step_changes(seen, seen.story.begin(live.path))
        case "ended" if live.record is not None:
            return _step_changes(seen, seen.story.add(live.record))
        case _:
            return []


async def _look(database: Database, run_id: UUID, seen: _Seen) -> list[RunEvent]:
    """What the database tells that was not told yet."""
    async with database.engine.connect() as connection:
        status = await runs.status(connection, run_id)
        rows = await record.journal(connection, run_id, seen.highest - _LATE_RECORDS)
        lines = await _new_lines(connection, run_id, seen)
        waits = tuple(wait_view(wait) for wait in await record.open_waits(connection, run_id))
    if status is None:
        raise NotFound("run", ids.encode("run", run_id), hint="It was removed while it was followed.")
    changes: list[RunEvent] = []
    changed = (status, waits) != (seen.status, seen.waiting)
    held = {wait.path for wait in (*waits, *seen.waiting)}
    seen.status, seen.waiting = status, waits
    looked_at = [path for row in rows for path in _changed_by(row, seen)]
    looked_at += [path for wait in held for path in seen.story.begin(wait)]
    changes += _step_changes(seen, looked_at)
    changes += lines
    if changed and not status.final:
        changes.append(RunChanged(status, waits))
    return changes


async def _new_lines(connection: AsyncConnection, run_id: UUID, seen: _Seen) -> list[RunEvent]:
    """The log's lines since the last look, but for those that were told live."""
    changes: list[RunEvent] = []
    for row in await record.log(connection, run_id, seen.last_line, _LOG_LINES):
        seen.last_line = row.id
        if (row.path, row.logged_at, row.message) not in seen.live_lines:
            changes.append(LineLogged(log_line(row)))
    return changes


async def _late_lines(database: Database, run_id: UUID, seen: _Seen) -> list[RunEvent]:
    """A worker elsewhere writes its lines a moment after they were logged, and so after the run's end."""
    await asyncio.sleep(_LINES_LATE_SECONDS)
    async with database.engine.connect() as connection:
        return await _new_lines(connection, run_id, seen)


def _level(text: str) -> Level:
    """The level of a live line, whose type does not say that it is one of four."""
    return next((level for level in LEVELS if level == text), "info")


def _changed_by(row: JournalRow, seen: _Seen) -> list[str]:
    """The steps that look different with this record."""
    seen.highest = max(seen.highest, row.seq)
    return seen.story.add(as_record(row))


def _step_changes(seen: _Seen, paths: Iterable[str]) -> list[RunEvent]:
    """The steps at these paths, as far as they look different from when they were last told, in the file's order."""
    waiting = {wait.path for wait in seen.waiting}
    changes: list[RunEvent] = []
    for path in seen.story.in_order(paths):
        view = seen.story.step(path, StepStatus.WAITING if path in waiting else unended(seen.status))
        if seen.steps.get(path) != view:
            seen.steps[path] = view
            changes.append(StepChanged(view))
    return changes
