"""What the server itself tells people, and the seam through which it leaves: `bootstrap` hands services a `Post`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it leaves."""

    title: str
    body: str
    """Plain text."""
    key: str
    """The same each time it is sent again."""
    at: datetime
    """When it was written."""


class Post(Protocol):
    """Sends letters. What goes wrong is told in words that show no secret, and never raised."""

    def no_mail(self) -> str | None:
        """Why no mail can be sent from here. None: it can be tried."""
        ...

    def misfit(self, url: str, label: str) -> str | None:
        """Why an apprise URL cannot be a channel. None: it can."""
        ...

    async def to_channel(self, url: str, label: str, letter: Letter) -> str | None:
        """Send to an apprise URL. None: it was taken."""
        ...

    async def by_mail(self, to: Sequence[str], letter: Letter) -> str | None:
        """Send to mail addresses. None: it was taken for all of them."""
        ...
