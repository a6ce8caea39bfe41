"""What followers hear: one look at the database, a few times a second, for all that follow in this process.

A look reads only what is new, by its number, so it costs the same however long the history is and however many runs
there are; while nobody follows there is none.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from typing import Generic, Literal, TypeVar
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.outcomes import RunStatus
from errands.services.outages import outage
from errands.store import changes
from errands.store.changes import EntryRow, Marks
from errands.store.database import Database
from errands.store.record import JournalRow, LogRow
from errands.store.runs import RunListed

log = structlog.get_logger()

LOOK_EVERY_SECONDS = 0.2
_LATE_SECONDS = 3.0
"""A transaction that takes longer to commit than this is not heard of; followers look for themselves now and then."""
_EARLIER = 5_000
"""Numbers before the newest, where looking begins: what was being written then is still to come."""
_REMEMBERED = 50_000
_LONGEST_QUEUE = 1_000
_MOST_RUNS = 1_000
NOUNS = ("task", "trigger", "approval", "calendar", "agent", "alarm", "run")
"""Things of a project whose changes everybody who may see the project may know of."""


@dataclass(frozen=True, slots=True)
class News:
    """What is new of a run since the last news. `lost`: some were dropped, for they were not taken up in time."""

    records: Sequence[JournalRow] = ()
    lines: Sequence[LogRow] = ()
    state: tuple[RunStatus, int] | None = None
    """With the number of the change: what was read since may be newer."""
    lost: bool = False


@dataclass(frozen=True, slots=True)
class RunMoved:
    """A run of a project came to be, or changed its state."""

    number: int
    run: RunListed


Moved = RunMoved | EntryRow | Literal["lost"]


Heard = TypeVar("Heard")


class Ear(Generic[Heard]):
    """Somebody who follows, with what was not taken up yet."""

    def __init__(self, lost: Heard) -> None:
        self._lost = lost
        self._queue: asyncio.Queue[Heard] = asyncio.Queue()

    def tell(self, heard: Heard) -> None:
        """Keep it until it is taken up, unless too much is kept already."""
        if self._queue.qsize() < _LONGEST_QUEUE:
            self._queue.put_nowait(heard)
        elif self._queue.qsize() == _LONGEST_QUEUE:
            self._queue.put_nowait(self._lost)

    def tell_lost(self) -> None:
        """Something may have been missed."""
        self.tell(self._lost)

    async def hear(self) -> Heard:
        """The next thing."""
        return await self._queue.get()


class Seen:
    """Numbers that were told, so that looking again at the last seconds tells nothing twice."""

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[str, int], None] = OrderedDict()

    def first(self, kind: str, number: int) -> bool:
        """Whether this is heard for the first time."""
        key = (kind, number)
        if key in self._told:
            return False
        self._told[key] = None
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        return True


@dataclass(slots=True)
class _Watched:
    """Who follows what."""

    runs: dict[UUID, list[Ear[News]]] = field(default_factory=dict)
    projects: dict[UUID, list[Ear[Moved]]] = field(default_factory=dict)
    names: dict[str, UUID] = field(default_factory=dict)
    """Projects by name, as the audit log knows them."""

    def tell_lost(self) -> None:
        """Tell everybody that something may have been missed."""
        for of_run in self.runs.values():
            for news in of_run:
                news.tell_lost()
        for of_project in self.projects.values():
            for moved in of_project:
                moved.tell_lost()


class Tail:
    """Looks for all followers of a process. `run` and `project` give an ear for as long as the block lasts."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watched = _Watched()
        self._looking: asyncio.Task[None] | None = None

    @contextmanager
    def run(self, run_id: UUID) -> Iterator[Ear[News]]:
        """Hear of one run."""
        with self._ear(self._watched.runs, run_id, Ear(News(lost=True))) as ear:
            yield ear

    @contextmanager
    def project(self, project_id: UUID, name: str) -> Iterator[Ear[Moved]]:
        """Hear of all runs of a project, and of changes to its things."""
        self._watched.names[name] = project_id
        lost: Moved = "lost"
        with self._ear(self._watched.projects, project_id, Ear(lost)) as ear:
            yield ear

    @contextmanager
    def _ear(self, ears: dict[UUID, list[Ear[Heard]]], key: UUID, ear: Ear[Heard]) -> Iterator[Ear[Heard]]:
        ears.setdefault(key, []).append(ear)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="tail")
        try:
            yield ear
        finally:
            ears[key].remove(ear)
            if not ears[key]:
                del ears[key]

    async def _look(self) -> None:
        """Look until nobody follows any more."""
        seen, earlier = Seen(), deque[Marks]()
        try:
            while self._watched.runs or self._watched.projects:
                try:
                    async with self._database.reader.connect() as connection:
                        await self._look_once(connection, seen, earlier)
                except Exception as error:
                    if outage(error) is None:
                        log.exception("tail.broke")
                    self._watched.tell_lost()
                await asyncio.sleep(LOOK_EVERY_SECONDS)
        finally:
            self._looking = None

    async def _look_once(self, connection: AsyncConnection, seen: Seen, earlier: deque[Marks]) -> None:
        now = await changes.marks(connection)
        if not earlier:
            earlier.append(Marks(*(max(number - _EARLIER, 0) for number in astuple(now))))
        since = earlier[0]
        earlier.append(now)
        if len(earlier) > _LATE_SECONDS / LOOK_EVERY_SECONDS:
            earlier.popleft()
        if self._watched.runs:
            await self._tell_of_runs(connection, seen, since)
        if self._watched.projects:
            await self._tell_of_projects(connection, seen, since)

    async def _tell_of_runs(self, connection: AsyncConnection, seen: Seen, since: Marks) -> None:
        followed = list(self._watched.runs)
        news: dict[UUID, tuple[list[JournalRow], list[LogRow]]] = {}
        states: dict[UUID, tuple[RunStatus, int]] = {}
        for run_id, status, number in await changes.states(connection, followed, since.changes):
            if seen.first("state", number):
                states[run_id] = (status, number)
        for run_id, row in await changes.records(connection, followed, since.records):
            if seen.first("record", row.seq):
                news.setdefault(run_id, ([], []))[0].append(row)
        for run_id, line in await changes.lines(connection, followed, since.lines):
            if seen.first("line", line.id):
                news.setdefault(run_id, ([], []))[1].append(line)
        for run_id in {*news, *states}:
            records, lines = news.get(run_id, ((), ()))
            for ear in self._watched.runs.get(run_id, ()):
                ear.tell(News(records, lines, states.get(run_id)))

    async def _tell_of_projects(self, connection: AsyncConnection, seen: Seen, since: Marks) -> None:
        followed = list(self._watched.projects)
        for project_id, number, run in await changes.changed_runs(connection, followed, since.changes, _MOST_RUNS):
            if seen.first("run", number):
                self._tell(project_id, RunMoved(number, run))
        names = {name: key for name, key in self._watched.names.items() if key in self._watched.projects}
        for entry in await changes.changed_things(connection, list(names), NOUNS, since.entries):
            if seen.first("entry", entry.seq):
                self._tell(names[entry.project], entry)

    def _tell(self, project_id: UUID, moved: Moved) -> None:
        for ear in self._watched.projects.get(project_id, ()):
            ear.tell(moved)
