"""What an import of a project did, as faces show it."""

from dataclasses import dataclass
from typing import Literal

from errands.services.views import Applied

Change = Literal["created", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class Brought:
    """What an import did, or would do, with a calendar or a channel."""

    file: str
    kind: Literal["calendar", "channel"]
    name: str
    change: Change
    diff: str
    """Unified diff; empty where nothing changes."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did, or would do."""

    applied: tuple[Applied, ...]
    """Tasks, agents and models."""
    brought: tuple[Brought, ...]
    missing_secrets: tuple[str, ...]
    """Names that the project uses and that have no value here yet."""
