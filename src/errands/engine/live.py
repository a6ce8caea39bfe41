"""What happens now, for whoever follows a run that this process holds. Best effort; the journal is the record."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID
from weakref import WeakValueDictionary

from errands.core.definition.steps import Step
from errands.engine.records import Record

_LONGEST_QUEUE = 10_000


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One thing that happened in a run. `record` with `ended`; `text` with `token` and `log`."""

    run_id: UUID
    kind: Literal["began", "ended", "token", "log", "taken", "released"]
    path: str = ""
    at: datetime | None = None
    attempt: int = 1
    record: Record | None = None
    text: str = ""
    """With `released`: ended, waiting, handed over or lost; with `taken`: the task's name."""
    level: str = "info"


class LiveBus:
    """Hands events to observers. Costs next to nothing while nobody observes."""

    def __init__(self) -> None:
        self._observers: dict[UUID, list[asyncio.Queue[LiveEvent]]] = {}
        self._listeners: list[Callable[[LiveEvent], None]] = []
        self._watchers: WeakValueDictionary[UUID, RunWatcher] = WeakValueDictionary()

    def watched(self, run_id: UUID, watcher: "RunWatcher") -> None:
        """From now on this one knows what runs in a run."""
        self._watchers[run_id] = watcher

    def observed(self, run_id: UUID) -> bool:
        return run_id in self._observers

    def publish(self, event: LiveEvent) -> None:
        for queue in self._observers.get(event.run_id, ()):
            if queue.qsize() < _LONGEST_QUEUE:
                queue.put_nowait(event)
        if event.kind in ("taken", "released"):
            for callback in self._listeners:
                callback(event)

    def listen(self, callback: Callable[[LiveEvent], None]) -> None:
        """Call back whenever a run is taken or released by this process."""
        self._listeners.append(callback)

    async def observe(self, run_id: UUID) -> AsyncIterator[LiveEvent]:
        """The steps that run now, then events of one run from now on; ends when the caller stops iterating."""
        queue: asyncio.Queue[LiveEvent] = asyncio.Queue()
        if (watcher := self._watchers.get(run_id)) is not None:
            # An agent's step can take minutes before there is a record of it.
            for path, at in watcher.live.items():
                queue.put_nowait(LiveEvent(run_id, "began", path, at))
        self._observers.setdefault(run_id, []).append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._observers[run_id].remove(queue)
            if not self._observers[run_id]:
                del self._observers[run_id]


class RunWatcher:
    """The walk's watcher: keeps what runs now, and tells observers."""

    def __init__(self, run_id: UUID, bus: LiveBus, clock: Callable[[], datetime]) -> None:
        self.live: dict[str, datetime] = {}
        """Steps that run now, by path, with the moment at which they began."""
        self._run_id = run_id
        self._bus = bus
        self._clock = clock
        bus.watched(run_id, self)

    def began(self, path: str, step: Step, attempt: int) -> None:
        now = self._clock()
        self.live[path] = now
        if self._bus.observed(self._run_id):
            self._bus.publish(LiveEvent(self._run_id, "began", path, now, attempt))

    def ended(self, record: Record) -> None:
        if record.kind == "outcome":
            self.live.pop(record.path, None)
        if self._bus.observed(self._run_id):
            self._bus.publish(LiveEvent(self._run_id, "ended", record.path, record.finished_at, record=record))
