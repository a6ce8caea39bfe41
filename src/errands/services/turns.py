"""What a person can do in a thread: say something, ask for another answer, click on calls that wait."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Said:
    """Words, with files that were attached to the thread before."""

    text: str
    attachments: tuple[str, ...] = ()
    replaces: str | None = None
    """Id of an earlier message that this is instead of; what followed it is put aside."""
    kind: Literal["said"] = "said"


@dataclass(frozen=True, slots=True)
class Again:
    """Another answer in place of one. None: of the last."""

    message: str | None = None
    kind: Literal["again"] = "again"


@dataclass(frozen=True, slots=True)
class Click:
    """The answer to one call that waits."""

    approval: str
    """Id of the approval that was asked for."""
    allowed: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Clicked:
    """Answers to all calls that a message asks for, by the id of the call."""

    message: str
    clicks: Mapping[str, Click]
    kind: Literal["clicked"] = "clicked"


Turn = Said | Again | Clicked
