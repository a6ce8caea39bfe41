"""Why a session with a tool server came to its end, in words, as far as its transport has seen it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from errands.core.outcomes import ErrorKind, StepFailed

_LONGEST = 500


@dataclass(slots=True)
class Fault:
    """Kept by the transport; what the SDK raises says only that the connection is gone."""

    server: str
    kind: ErrorKind | None = None
    message: str = ""
    hint: str | None = None
    babble: int = 0
    """Lines that were no messages of the protocol."""
    babbled: str = ""
    """The first of them."""
    _listeners: list[Callable[[], None]] = field(default_factory=list)

    def note(self, kind: ErrorKind, message: str, hint: str | None = None, *, ends: bool = False) -> None:
        """Keep the first reason. `ends`: the session cannot be used any more."""
        if self.kind is None:
            self.kind, self.message, self.hint = kind, message, hint
        if ends:
            for listener in self._listeners:
                listener()

    def on_end(self, listener: Callable[[], None]) -> None:
        """Be told when the session cannot be used any more."""
        self._listeners.append(listener)

    def forget(self) -> None:
        """A new call begins; what an earlier one met is not its reason."""
        self.kind, self.message, self.hint = None, "", None

    def failure(self) -> StepFailed | None:
        """What was noted, as a step's error."""
        if self.kind is None:
            return None
        return StepFailed(self.kind, f"tool server {self.server}: {self.message}", hint=self.hint)

    @property
    def babble_note(self) -> str:
        """For a message: what the server wrote instead of answers."""
        if not self.babble:
            return ""
        return f"; it wrote {self.babble} lines that are no messages, such as {self.babbled!r}"


def shortened(text: str) -> str:
    """One line, at most 500 characters."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
