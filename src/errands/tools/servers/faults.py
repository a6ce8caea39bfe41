"""Why a session with a tool server came to its end, in words, as far as its transport has seen it."""

from collections.abc import Callable, Mapping
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
    status: int | None = None
    """Of HTTP, where that was it."""
    babble: int = 0
    """Lines that were no messages of the protocol."""
    babbled: str = ""
    """The first of them."""
    _listeners: list[Callable[[], None]] = field(default_factory=list)

    def note(
        self, kind: ErrorKind, message: str, hint: str | None = None, *, ends: bool = False, status: int | None = None
    ) -> None:
        """Keep the first reason. `ends`: the session cannot be used any more."""
        if self.kind is None:
            self.kind, self.message, self.hint, self.status = kind, message, hint, status
        if ends:
            for listener in self._listeners:
                listener()

    def on_end(self, listener: Callable[[], None]) -> None:
        """Be told when the session cannot be used any more."""
        self._listeners.append(listener)

    def forget(self) -> None:
        """A new call begins; what an earlier one met is not its reason."""
        self.kind, self.message, self.hint, self.status = None, "", None, None

    def failure(self) -> StepFailed | None:
        """What was noted, as a step's error."""
        if self.kind is None:
            return None
        detail = None if self.status is None else {"status": self.status}
        return StepFailed(self.kind, f"tool server {self.server}: {self.message}", hint=self.hint, detail=detail)

    @property
    def babble_note(self) -> str:
        """For a message: what the server wrote instead of answers."""
        if not self.babble:
            return ""
        return f"; it wrote {self.babble} lines that are no messages, such as {self.babbled!r}"


def is_unauthorised(failure: StepFailed) -> bool:
    """Whether the server wants another token; one that may not do this (403) is not helped by the next."""
    detail = failure.error.detail
    return isinstance(detail, Mapping) and detail.get("status") == 401


def shortened(text: str) -> str:
    """One line, at most 500 characters."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
