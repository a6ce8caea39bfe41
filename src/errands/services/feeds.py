"""Following runs: of each run that is followed, one feed in a process finds out what is new, for all who follow it.

Whoever comes is given a snapshot, then every change until the run ends. A feed reads, compares and tells once, however
many follow; they take up what it told as they can, each at its own speed.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable, Sequence
from contextvars import Context
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from errands.core import ids
from errands.core.outcomes import RunStatus
from errands.services.errors import NotFound
from errands.services.following import Seen
from errands.services.story import Story
from errands.services.tail import Ear, News, Tail
from errands.services.telling import artifact_view, log_line, output_size, read_run, run_view, wait_view
from errands.services.views import (
    ArtifactView,
    LineLogged,
    RunChanged,
    RunEnded,
    RunEvent,
    RunSnapshot,
    RunView,
    StepChanged,
    WaitView,
)
from errands.store import record, runs
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database
from errands.store.record import JournalRow, LogRow
from errands.store.runs import RunRow

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from errands.engine.engine import Engine
    from errands.engine.live import LiveEvent

_LOOK_ANYWAY_SECONDS = 10.0
_LONGEST_INBOX = 5_000
_LOG_LINES = 1000
_LINES_LATE_SECONDS = 0.5
_REST_PER_FOLLOWER_SECONDS = 0.0002
"""How long a feed gathers after it has told something, for each follower in the process: what comes meanwhile is told
together, which costs each of them little more than one event.
"""
_LONGEST_REST_SECONDS = 0.2
_SHORTEST_REST_SECONDS = 0.002


class Told:
    """An event of a run as it is told to all who follow it. What a face writes of it is written once."""

    __slots__ = ("_written", "event")

    def __init__(self, event: RunEvent) -> None:
        self.event = event
        self._written: dict[Hashable, bytes] = {}

    def written(self, how: Hashable, write: Callable[[RunEvent], bytes]) -> bytes:
        """The event as `write` writes it; `how` names what it depends on beside the event."""
        known = self._written.get(how)
        if known is None:
            known = self._written[how] = write(self.event)
        return known


class Seat:
    """The place of somebody who follows, with what was told and not taken up yet."""

    def __init__(self) -> None:
        self.lines_before = 0
        """The log's last line that was told before: what is up to it, one has to read."""
        self.live_before = 0
        """How many lines had been told without a number before."""
        self.lost = False
        """Too much was not taken up, and is forgotten: take another seat."""
        self.left_standing = False
        """The feed ended before it gave a snapshot: ask for another one."""
        self._told: list[Told] = []
        self._over = False
        self._broke: BaseException | None = None
        self._news = asyncio.Event()

    def tell(self, told: Sequence[Told]) -> None:
        """Keep it until it is taken up."""
        if len(self._told) + len(told) > _LONGEST_INBOX:
            self.lost = True
            self.end()
        elif not self._over:
            self._told.extend(told)
            self._news.set()

    def end(self, broke: BaseException | None = None) -> None:
        """Nothing more is told; `broke` is raised once everything that was is taken up."""
        self._over, self._broke = True, self._broke or broke
        self._news.set()

    async def take(self) -> Sequence[Told]:
        """Everything that was told since, at least one thing; nothing at the end. Raises what broke the feed."""
        await self._news.wait()
        self._news.clear()
        told, self._told = self._told, []
        if self._over:
            self._news.set()
            if self._broke is not None and not told:
                raise self._broke
        return told


class _Inbox:
    """What was heard of a run and not told yet. Too much of it is forgotten: then one has to look."""

    def __init__(self) -> None:
        self._heard: list[LiveEvent | News] = []
        self._coming: list[Seat] = []
        self._news = asyncio.Event()

    def put(self, heard: "LiveEvent | News") -> None:
        if len(self._heard) < _LONGEST_INBOX:
            self._heard.append(heard)
        elif len(self._heard) == _LONGEST_INBOX:
            self._heard.append(News(lost=True))
        self._news.set()

    def come(self, seat: Seat) -> None:
        """Somebody wants to follow."""
        self._coming.append(seat)
        self._news.set()

    async def take(self) -> "tuple[Sequence[Seat], Sequence[LiveEvent | News]]":
        """Who came, and what was heard; that something may have been missed, where nothing was for long."""
        try:
            async with asyncio.timeout(_LOOK_ANYWAY_SECONDS):
                await self._news.wait()
        except TimeoutError:
            return (), (News(lost=True),)
        self._news.clear()
        heard, self._heard = self._heard, []
        return self.coming(), heard

    def coming(self) -> Sequence[Seat]:
        """Who has come since."""
        coming, self._coming = self._coming, []
        return coming


@dataclass(frozen=True, slots=True)
class _Sources:
    """Where feeds find what they tell."""

    database: Database
    engine: "Engine"
    artifacts: ArtifactStore
    tail: Tail


class Feeds:
    """The runs that are followed in this process."""

    def __init__(self, database: Database, engine: "Engine", artifacts: ArtifactStore, tail: Tail) -> None:
        self._sources = _Sources(database, engine, artifacts, tail)
        self._open: dict[UUID, _Feed] = {}
        self.followers = 0
        """How many follow now, all runs together."""

    async def follow(self, run_id: UUID, *, after: int = 0) -> AsyncGenerator[Sequence[Told], None]:
        """The events of one run, as many at a time as were told since; of its log so far the lines after `after`.

        Raises NotFound where it is not there (any more).
        """
        again, over = False, False
        self.followers += 1
        try:
            while not over:
                feed = self._feed(run_id)
                seat = feed.come()
                try:
                    async for told in self._given(run_id, seat, after, again=again):
                        again = True
                        after = max([after, *(one.event.line.id for one in told if isinstance(one.event, LineLogged))])
                        yield told
                finally:
                    await feed.leave(seat)
                over = not (seat.lost or seat.left_standing)
        finally:
            self.followers -= 1

    async def _given(
        self, run_id: UUID, seat: Seat, after: int, *, again: bool
    ) -> AsyncGenerator[Sequence[Told], None]:
        """What somebody in this seat is given. Who comes again, for it was too slow, has had a snapshot."""
        while told := await seat.take():
            first = told[0].event
            if isinstance(first, RunSnapshot):
                if not again:
                    yield told[:1]
                final = first.run.status.final
                if again and final:
                    await asyncio.sleep(_LINES_LATE_SECONDS)
                if again or not final:
                    async for lines in self._lines(run_id, after, None if final else seat.lines_before):
                        yield lines
                told = _anew(first, told) if again else told[1:]
            if told:
                yield told

    def _feed(self, run_id: UUID) -> "_Feed":
        feed = self._open.get(run_id)
        if feed is None:
            feed = self._open[run_id] = _Feed(self._sources, run_id, self)
        return feed

    def close(self, run_id: UUID, feed: "_Feed") -> None:
        """Let whoever comes from now on have another feed."""
        if self._open.get(run_id) is feed:
            del self._open[run_id]

    async def _lines(self, run_id: UUID, after: int, until: int | None) -> AsyncGenerator[Sequence[Told], None]:
        """What the log holds after a line, up to another where one is given, page by page."""
        while until is None or after < until:
            async with self._sources.database.reader.connect() as connection:
                rows = await record.log(connection, run_id, after, _LOG_LINES)
            if not rows:
                return
            after = rows[-1].id
            yield [Told(LineLogged(log_line(row))) for row in rows if until is None or row.id <= until]


def _anew(snapshot: RunSnapshot, told: Sequence[Told]) -> Sequence[Told]:
    """What is told after a break, as changes."""
    run = snapshot.run
    changes: list[RunEvent] = [StepChanged(step) for step in run.steps]
    if not run.status.final:
        changes.append(RunChanged(run.status, run.waiting))
    return [*(Told(change) for change in changes), *told[1:]]


class _Feed:
    """One run that is followed."""

    def __init__(self, sources: _Sources, run_id: UUID, feeds: Feeds) -> None:
        self._sources = sources
        self._run_id = run_id
        self._feeds = feeds
        self._inbox = _Inbox()
        self._seats: list[Seat] = []
        self._taken = 0
        # What it logs belongs to no request, although one has begun it.
        self._task = asyncio.create_task(self._live(), name="feed", context=Context())

    def come(self) -> Seat:
        """A seat, soon to be given a snapshot."""
        self._taken += 1
        seat = Seat()
        self._inbox.come(seat)
        return seat

    async def leave(self, seat: Seat) -> None:
        """The last one to leave ends the feed."""
        self._taken -= 1
        if seat in self._seats:
            self._seats.remove(seat)
        if not self._taken:
            self._feeds.close(self._run_id, self)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _live(self) -> None:
        try:
            # Listening begins before the snapshot is read, so that nothing falls between the two.
            with self._sources.tail.run(self._run_id) as ear:
                listening = [asyncio.create_task(self._listen()), asyncio.create_task(self._hear(ear))]
                try:
                    await self._tell_until_the_end()
                finally:
                    for task in listening:
                        task.cancel()
                    await asyncio.gather(*listening, return_exceptions=True)
        except BaseException as error:
            for seat in self._seats:
                seat.end(error)
            if not isinstance(error, Exception):
                raise
        finally:
            self._feeds.close(self._run_id, self)
            self._send_away()

    def _send_away(self) -> None:
        """Whoever has no snapshot yet asks the next feed."""
        for seat in self._inbox.coming():
            seat.left_standing = True
            seat.end()

    async def _listen(self) -> None:
        async for event in self._sources.engine.observe(self._run_id):
            self._inbox.put(event)

    async def _hear(self, ear: Ear[News]) -> None:
        while True:
            self._inbox.put(await ear.hear())

    async def _tell_until_the_end(self) -> None:
        seen = await self._begin()
        if seen is None:
            return
        held_before = seen.status is RunStatus.RUNNING
        while not seen.status.final:
            coming, heard = await self._inbox.take()
            if coming:
                await self._welcome(coming, seen)
            if not seen.status.final and await self._tell_changes(seen, heard):
                await self._rest()
        if self._seats:
            await self._tell_the_end(seen, late_lines=held_before or not seen.live)

    async def _begin(self) -> Seen | None:
        """Give the first who came their snapshot. None: there is nothing to follow, as they are told."""
        coming, heard = await self._inbox.take()
        try:
            found = await self._find(0)
            version = await self._sources.engine.versions.get(found.row.version_id)
        except Exception as error:
            for seat in coming:
                seat.end(error)
            return None
        status = RunStatus(found.row.status)
        seen = Seen(Story(version.program.definition), status, found.row.changed, found.waiting)
        seen.last_line = found.last_line
        self._seat(coming, seen, found)
        if not status.final:
            await self._tell_changes(seen, heard)
        return seen

    async def _welcome(self, coming: Sequence[Seat], seen: Seen) -> None:
        """Give those who came a snapshot, and the others what it tells that is new."""
        try:
            found = await self._find(seen.records_after)
        except Exception as error:
            for seat in coming:
                seat.end(error)
            return
        self._seat(coming, seen, found)

    def _seat(self, coming: Sequence[Seat], seen: Seen, found: "_Found") -> None:
        """Give a snapshot of what is known: what was found, and what was heard and is not written down yet."""
        newer = found.row.changed > seen.changed
        status, number = (RunStatus(found.row.status), found.row.changed) if newer else (seen.status, seen.changed)
        changes = seen.learn(status, number, found.waiting, found.records)
        view = found.view(status, seen.story)
        self._tell([*changes, *seen.hold(view.steps)])
        told = [Told(RunSnapshot(view)), *([Told(RunEnded(view))] if status.final else ())]
        for seat in coming:
            seat.lines_before, seat.live_before = seen.last_line, len(seen.live_lines)
            seat.tell(told)
            if status.final:
                seat.end()
            else:
                self._seats.append(seat)

    async def _find(self, after: int) -> "_Found":
        """The run, its records after a number, and what else a snapshot tells. Raises NotFound."""
        async with self._sources.database.reader.connect() as connection:
            row = await runs.find(connection, self._run_id)
            if row is None:
                raise NotFound("run", ids.encode("run", self._run_id))
            return _Found(
                row,
                await record.journal(connection, self._run_id, after),
                await _open_waits(connection, self._run_id),
                tuple(artifact_view(file) for file in await record.files(connection, self._run_id)),
                await output_size(self._sources.artifacts, row.output_ref),
                await record.last_line(connection, self._run_id),
            )

    async def _tell_changes(self, seen: Seen, heard: "Sequence[LiveEvent | News]") -> bool:
        """Tell what is new in what was heard, if anything is."""
        events: list[RunEvent] = []
        for one in heard:
            if isinstance(one, News):
                events += await (self._look(seen) if one.lost else self._learn(seen, one))
            elif one.kind == "released":
                # It may have ended.
                seen.live = True
                events += await self._look(seen)
            else:
                events += seen.hear(one)
        self._tell(events)
        return bool(events)

    async def _look(self, seen: Seen) -> list[RunEvent]:
        """What the database tells that was not told yet. Raises NotFound."""
        async with self._sources.database.reader.connect() as connection:
            state = await runs.state(connection, self._run_id)
            rows = await record.journal(connection, self._run_id, seen.records_after)
            lines = await record.log(connection, self._run_id, seen.last_line, _LOG_LINES)
            waits = await _open_waits(connection, self._run_id)
        if state is None:
            hint = "It was removed while it was followed."
            raise NotFound("run", ids.encode("run", self._run_id), hint=hint)
        return [*self._lines(seen, lines), *seen.learn(*state, waits, rows)]

    async def _learn(self, seen: Seen, news: News) -> list[RunEvent]:
        """What the process's tail has found. Only a change of state, or of what is waited for, needs a look here."""
        status, waits, number = seen.status, seen.waiting, seen.changed
        if news.state is not None and news.state[1] > seen.changed:
            status, number = news.state
        if status is not seen.status or any(row.kind == "wait" for row in news.records):
            async with self._sources.database.reader.connect() as connection:
                waits = await _open_waits(connection, self._run_id)
        return [*self._lines(seen, news.lines), *seen.learn(status, number, waits, news.records)]

    def _lines(self, seen: Seen, rows: Sequence[LogRow]) -> list[RunEvent]:
        """Lines that are new to all. Those that came after a line was told, without its number, are told it here."""
        fresh, again = seen.new_lines(rows)
        for before, event in again:
            late = [Told(event)]
            for seat in self._seats:
                if before < seat.live_before:
                    seat.tell(late)
        return fresh

    def _tell(self, events: Sequence[RunEvent]) -> None:
        if events:
            told = [Told(event) for event in events]
            for seat in self._seats:
                seat.tell(told)

    async def _rest(self) -> None:
        seconds = min(self._feeds.followers * _REST_PER_FOLLOWER_SECONDS, _LONGEST_REST_SECONDS)
        if seconds >= _SHORTEST_REST_SECONDS:
            await asyncio.sleep(seconds)

    async def _tell_the_end(self, seen: Seen, *, late_lines: bool) -> None:
        """Everything once more. A worker elsewhere writes its lines a moment after they were logged, and so perhaps
        after the run's end.
        """
        self._feeds.close(self._run_id, self)
        self._send_away()
        if late_lines:
            await asyncio.sleep(_LINES_LATE_SECONDS)
        async with self._sources.database.reader.connect() as connection:
            if late_lines:
                self._tell(self._lines(seen, await record.log(connection, self._run_id, seen.last_line, _LOG_LINES)))
            row = await runs.find(connection, self._run_id)
            if row is None:
                raise NotFound("run", ids.encode("run", self._run_id))
            sources = self._sources
            view, _ = await read_run(connection, row, sources.engine.versions, sources.artifacts, datetime.now(UTC))
        self._tell([RunEnded(view)])
        for seat in self._seats:
            seat.end()


@dataclass(frozen=True, slots=True)
class _Found:
    """What the database tells of a run to somebody who comes."""

    row: RunRow
    records: Sequence[JournalRow]
    waiting: tuple[WaitView, ...]
    files: tuple[ArtifactView, ...]
    output_size: int | None
    last_line: int

    def view(self, status: RunStatus, story: Story) -> RunView:
        """The run in this state, with the story that is known of it."""
        row = replace(self.row, status=status)
        return run_view(row, story, self.waiting, self.files, self.output_size, datetime.now(UTC))


async def _open_waits(connection: "AsyncConnection", run_id: UUID) -> tuple[WaitView, ...]:
    return tuple(wait_view(wait) for wait in await record.open_waits(connection, run_id))
