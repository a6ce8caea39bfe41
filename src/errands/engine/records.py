"""The journal's records: what was decided, asked and answered in a run, each at an address of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from errands.core.outcomes import StepError, StepStatus, Usage
from errands.core.values import Json, JsonObject

Kind = Literal["outcome", "decision", "items", "reading", "intent", "attempt", "turn", "call", "wait", "phase"]
"""outcome: how a step ended. decision: which branch was taken. items: a loop's list. reading: what `clock.now` or
`state` said, or that a block began. intent: an outside effect is about to happen. attempt: one that failed and is tried
again. turn, call: an agent's model request or tool call. wait: the run holds here. phase: the steps are done, `finally`
is left."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An output too large to lie in the journal: where it lies and how many bytes it has."""

    ref: str
    size: int


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a journal. Write-once: there is never a second record at the same path."""

    path: str
    kind: Kind
    status: StepStatus | None = None
    input: Json = None
    output: Json | Stored = None
    error: StepError | None = None
    facts: JsonObject | None = None
    """Small facts: `usage`, `attempts`, `cached`, `effect_key`, `digest`, `from_run`, `untrusted`, `files`."""
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def usage(self) -> Usage:
        found = self.facts.get("usage") if self.facts else None
        return Usage.from_json(found) if isinstance(found, Mapping) else Usage()

    def fact(self, name: str) -> Json:
        return self.facts.get(name) if self.facts else None

    @property
    def untrusted(self) -> bool:
        """It holds data from outside, or came of such data."""
        return self.facts is not None and self.facts.get("untrusted") is True

    def carrying(self, untrusted: bool) -> "Record":
        """The same record, with the mark of data from outside where it has one."""
        return replace(self, facts={**(self.facts or {}), "untrusted": True}) if untrusted else self

    def with_output(self, output: Json | Stored) -> "Record":
        return replace(self, output=output)


class LeaseLostError(Exception):
    """Another worker has taken the run over; nothing was written. The present holder lets the run go."""


class RecordRefusedError(Exception):
    """The database cannot hold this record (a NUL byte in a path, say). Only this record fails."""
