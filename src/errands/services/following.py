"""Following a run: a snapshot, then every change until it ends.

What the database tells comes from the process's `Tail`, wherever the run is held; where this process holds it, its live
events come at once, and what the journal tells of them later is not told again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from errands.core import ids
from errands.core.outcomes import RunStatus, StepStatus
from errands.services.errors import NotFound
from errands.services.story import Story
from errands.services.tail import Ear, News, Tail
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
from errands.store.record import JournalRow, LogRow

if TYPE_CHECKING:
    from errands.engine.engine import Engine
    from errands.engine.launching import Versions
    from errands.engine.live import LiveEvent

_LOOK_ANYWAY_SECONDS = 10.0
_LONGEST_INBOX = 5_000
_LOG_LINES = 1000
_LINES_LATE_SECONDS = 0.5
# Numbers are given out before commits: a record can appear with a lower number than one that was seen before.
_LATE_RECORDS = 20_000


@dataclass(slots=True)
class _Seen:
    """What a follower has been told."""

    story: Story
    status: RunStatus
    changed: int
    """The number of the state that was told last."""
    waiting: tuple[WaitView, ...]
    steps: dict[str, StepView]
    highest: int = 0
    last_line: int = 0
    live: bool = False
    """This process holds the run, or did."""
    live_lines: set[tuple[str, datetime, str]] = field(default_factory=set)


class _Inbox:
    """What was heard of a run and not told yet. Too much of it is forgotten: then one has to look."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[LiveEvent | News] = asyncio.Queue()

    def put(self, heard: "LiveEvent | News") -> None:
        if self._queue.qsize() < _LONGEST_INBOX:
            self._queue.put_nowait(heard)
        elif self._queue.qsize() == _LONGEST_INBOX:
            self._queue.put_nowait(News(lost=True))

    async def take(self) -> "LiveEvent | News":
        """The next thing; that something may have been missed, where nothing came for long."""
        try:
            async with asyncio.timeout(_LOOK_ANYWAY_SECONDS):
                return await self._queue.get()
        except TimeoutError:
            return News(lost=True)


async def follow_run(
    database: Database, engine: "Engine", artifacts: ArtifactStore, tail: Tail, run_id: UUID
) -> AsyncIterator[RunEvent]:
    """The events of one run. Raises NotFound where it is not there (any more)."""
    inbox = _Inbox()
    # Listening begins before the snapshot is read, so that nothing falls between the two.
    with tail.run(run_id) as ear:
        listening = [
            asyncio.create_task(_listen(engine, run_id, inbox.put)),
            asyncio.create_task(_hear(ear, inbox.put)),
        ]
        try:
            view, seen = await _begin(database, engine.versions, artifacts, run_id)
            yield RunSnapshot(view)
            ended_before, held_before = seen.status.final, seen.status is RunStatus.RUNNING
            while not seen.status.final:
                for event in await _changes(database, tail, run_id, seen, await inbox.take()):
                    yield event
            if not ended_before and (held_before or not seen.live):
                for line in await _late_lines(database, tail, run_id, seen):
                    yield line
            yield RunEnded(await tail.views.read(run_id, partial(_end, database, engine.versions, artifacts, run_id)))
        finally:
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)


async def _listen(engine: "Engine", run_id: UUID, put: "Callable[[LiveEvent], None]") -> None:
    async for event in engine.observe(run_id):
        put(event)


async def _hear(ear: Ear[News], put: Callable[[News], None]) -> None:
    while True:
        put(await ear.hear())


async def _begin(
    database: Database, versions: "Versions", artifacts: ArtifactStore, run_id: UUID
) -> tuple[RunView, _Seen]:
    async with database.reader.connect() as connection:
        row = await runs.find(connection, run_id)
        if row is None:
            raise NotFound("run", ids.encode("run", run_id))
        view, story = await read_run(connection, row, versions, artifacts, datetime.now(UTC))
    return view, _Seen(story, view.status, row.changed, view.waiting, {step.path: step for step in view.steps})


async def _end(database: Database, versions: "Versions", artifacts: ArtifactStore, run_id: UUID) -> RunView:
    """A run that has ended: whoever asks is told the same."""
    return (await _begin(database, versions, artifacts, run_id))[0]


async def _changes(
    database: Database, tail: Tail, run_id: UUID, seen: _Seen, heard: "LiveEvent | News"
) -> list[RunEvent]:
    """What is to be told of what was heard."""
    if isinstance(heard, News):
        return await (_look(database, run_id, seen) if heard.lost else _told(database, tail, run_id, seen, heard))
    seen.live = True
    # At once when the run is let go: it may have ended.
    return await _look(database, run_id, seen) if heard.kind == "released" else _live_changes(heard, seen)


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
    async with database.reader.connect() as connection:
        state = await runs.state(connection, run_id)
        rows = await record.journal(connection, run_id, seen.highest - _LATE_RECORDS)
        lines = await record.log(connection, run_id, seen.last_line, _LOG_LINES)
        waits = tuple(wait_view(wait) for wait in await record.open_waits(connection, run_id))
    if state is None:
        raise NotFound("run", ids.encode("run", run_id), hint="It was removed while it was followed.")
    return _news(seen, *state, waits, rows, lines)


async def _told(database: Database, tail: Tail, run_id: UUID, seen: _Seen, news: News) -> list[RunEvent]:
    """What the process's tail has found. Only a change of state, or of what is waited for, needs a look of our own."""
    status, waits = seen.status, seen.waiting
    number = seen.changed
    if news.state is not None and news.state[1] > seen.changed:
        status, number = news.state
    if status is not seen.status or any(row.kind == "wait" for row in news.records):
        newest = news.records[-1].seq if news.records else 0
        waits = await tail.waits.read((run_id, number, newest), partial(_waits, database, run_id))
    return _news(seen, status, number, waits, news.records, news.lines)


async def _waits(database: Database, run_id: UUID) -> tuple[WaitView, ...]:
    async with database.reader.connect() as connection:
        return tuple(wait_view(wait) for wait in await record.open_waits(connection, run_id))


def _news(
    seen: _Seen,
    status: RunStatus,
    number: int,
    waits: tuple[WaitView, ...],
    rows: Sequence[JournalRow],
    lines: Sequence[LogRow],
) -> list[RunEvent]:
    changes: list[RunEvent] = []
    changed = (status, waits) != (seen.status, seen.waiting)
    held = {wait.path for wait in (*waits, *seen.waiting)}
    seen.status, seen.changed, seen.waiting = status, number, waits
    looked_at = [path for row in rows for path in _changed_by(row, seen)]
    looked_at += [path for wait in held for path in seen.story.begin(wait)]
    changes += _step_changes(seen, looked_at)
    changes += _new_lines(lines, seen)
    if changed and not status.final:
        changes.append(RunChanged(status, waits))
    return changes


def _new_lines(lines: Sequence[LogRow], seen: _Seen) -> list[RunEvent]:
    """Lines of the log that were not told before."""
    changes: list[RunEvent] = []
    for row in lines:
        if row.id > seen.last_line:
            seen.last_line = row.id
            if (row.path, row.logged_at, row.message) not in seen.live_lines:
                changes.append(LineLogged(log_line(row)))
    return changes


async def _late_lines(database: Database, tail: Tail, run_id: UUID, seen: _Seen) -> list[RunEvent]:
    """A worker elsewhere writes its lines a moment after they were logged, and so after the run's end.

    Followers of a run read them together: whichever is first has waited long enough for all.
    """
    await asyncio.sleep(_LINES_LATE_SECONDS)
    after = seen.last_line

    async def read() -> Sequence[LogRow]:
        async with database.reader.connect() as connection:
            return await record.log(connection, run_id, after, _LOG_LINES)

    return _new_lines(await tail.lines.read((run_id, after), read), seen)


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
