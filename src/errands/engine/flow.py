"""How a block of steps ends: a closed union."""

from dataclasses import dataclass

from errands.core.outcomes import RunStatus, StepError
from errands.core.values import Json
from errands.engine.records import Stored


@dataclass(frozen=True, slots=True)
class Went:
    """It came to its end; `output` is its last step's."""

    output: Json | Stored = None
    untrusted: bool = False
    """The output carries the mark of data from outside."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A `finish` step ended the run."""

    status: RunStatus
    output: Json | Stored = None
    error: StepError | None = None
    untrusted: bool = False


@dataclass(frozen=True, slots=True)
class Broke:
    """A step failed and nothing handled it."""

    error: StepError
    untrusted: bool = False
    """Its words may hold data from outside."""


Flow = Went | Finished | Broke


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends: what is written on its row."""

    status: RunStatus
    output: Json | Stored = None
    error: StepError | None = None
    untrusted: bool = False
