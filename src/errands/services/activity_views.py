"""What somebody who follows a project is told."""

from dataclasses import dataclass
from typing import Literal

from errands.services.views import RunLine


@dataclass(frozen=True, slots=True)
class ActivityBegun:
    """From here on everything is told. Always the first event."""

    number: int
    """Of the last change before; to go on from here after a break."""
    kind: Literal["begun"] = "begun"


@dataclass(frozen=True, slots=True)
class RunMovedOn:
    """A run came to be, or changed its state."""

    number: int
    """Of the change; to go on from here after a break."""
    run: RunLine
    kind: Literal["run"] = "run"


@dataclass(frozen=True, slots=True)
class ThingChanged:
    """A thing of the project was made, changed or removed: read it again if it is shown."""

    noun: str
    name: str
    verb: str
    kind: Literal["changed"] = "changed"


@dataclass(frozen=True, slots=True)
class ActivityLost:
    """More has happened than can be told one by one: read again whatever is shown."""

    number: int | None
    kind: Literal["lost"] = "lost"


ActivityEvent = ActivityBegun | RunMovedOn | ThingChanged | ActivityLost
