"""Whether the server has the version of Errands that this command has."""

from collections.abc import Callable

VERSION_HEADER = "Errands-Version"


class Versions:
    """Compares, and says it once where they differ."""

    def __init__(self, own: str, warn: Callable[[str], None]) -> None:
        self.own = own
        self._warn = warn
        self._said = False

    def saw(self, other: str | None) -> None:
        """A server has told its version. What differs in the last number fits."""
        if other is None or self._said or _series(other) == _series(self.own):
            return
        self._said = True
        self._warn(f"The server has Errands {other}, this is {self.own}: some commands may not fit.")


def _series(version: str) -> list[str]:
    return version.split(".")[:2]
