"""What a walk needs of the world that remembers. Two implementations: a run's session, and a rehearsal in memory."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

from errands.core.definition.steps import ApproveStep
from errands.core.values import Json, JsonObject
from errands.engine.lanes import Lane, Turn
from errands.engine.records import Record, Stored


@dataclass(frozen=True, slots=True)
class TimerHold:
    """Until a moment. Result: `{by: timer, at}`."""

    due_at: datetime
    kind: Literal["timer"] = "timer"


@dataclass(frozen=True, slots=True)
class EventHold:
    """Until an event of this name (and key) is sent. Result: `{by: event, payload}` or `{by: timer, at}`."""

    name: str
    key: str | None
    due_at: datetime | None
    kind: Literal["event"] = "event"


@dataclass(frozen=True, slots=True)
class AnswerHold:
    """Until people have answered. Result: `{by: answer, choice, form, person, at}` or `{by: timer, at}`."""

    question: str
    form: JsonObject | None
    choices: tuple[str, ...]
    policy: ApproveStep | None
    due_at: datetime | None
    subject: JsonObject | None = None
    """What is asked about where the engine itself asks: a call, a budget. Kept as the input of the wait's record."""
    kind: Literal["approval"] = "approval"


@dataclass(frozen=True, slots=True)
class ChildHold:
    """Until a sub-task has ended. Result: `{by: child, run, status, output | output_ref, error}`."""

    task: str
    arguments: JsonObject
    wait: bool
    marked: JsonObject = field(default_factory=dict)
    """What its `trigger` says of data from outside: which arguments carry the mark, or a condition above the step."""
    kind: Literal["child"] = "child"


Hold = TimerHold | EventHold | AnswerHold | ChildHold


@dataclass(frozen=True, slots=True)
class Cached:
    """An output as the cache holds it."""

    output: Json
    untrusted: bool = False
    """It carries the mark of data from outside."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Values for the task's state."""

    values: JsonObject
    untrusted: bool = False
    """They carry the mark of data from outside, for every run that reads them."""


class Ledger(Protocol):
    """A run's journal and what hangs on it."""

    def find(self, path: str) -> Record | None:
        """The record at a path, if there is one."""
        ...

    async def write(self, record: Record, *, keep: Kept | None = None) -> Record:
        """Record and wait for the commit; gives the record as it was stored (redacted, large outputs put away).

        `keep` goes to the task's state in the same transaction. Raises LeaseLostError; StepFailed where the output
        cannot be stored.
        """
        ...

    async def ride(self, record: Record) -> Record:
        """Record with the next commit, without waiting for it: for what a replay would compute again."""
        ...

    async def read(self, stored: Stored) -> Json:
        """A large output."""
        ...

    async def hold(self, path: str, hold: Hold, lane: Lane, turn: Turn | None = None) -> Json:
        """Wait, holding nothing: the run is let go if no other branch can move. Gives the hold's result.

        `turn` is told where the branch may have something else to do meanwhile.
        """
        ...

    def inherited(self, path: str) -> Record | None:
        """The outcome that an earlier run left at this path, if this run is a rerun from a later step."""
        ...

    async def cached(self, key: str) -> Cached | None: ...

    async def remember(self, key: str, entry: Cached, ttl: timedelta) -> None: ...

    async def state(self) -> JsonObject:
        """What earlier runs of the task have kept; the record at `@state` carries the mark if any of it does."""
        ...
