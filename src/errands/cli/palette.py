"""How each outcome looks: its colour and its icon, the same in trees, tables and lines.

Every state has a shape of its own, so that colour is never alone; an output that cannot show the shapes gets ASCII.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from errands.core.outcomes import RunStatus, StepStatus

if TYPE_CHECKING:
    from rich.theme import Theme


@dataclass(frozen=True, slots=True)
class Look:
    """Icon, its ASCII stand-in, colour and word of one state."""

    icon: str
    plain_icon: str
    colour: str
    word: str

    def sign(self, *, unicode: bool) -> str:
        """The icon that the output can show."""
        return self.icon if unicode else self.plain_icon


_LOOKS = {
    "succeeded": Look("✓", "+", "green", "succeeded"),
    "running": Look("▸", ">", "bright_blue", "running"),
    "waiting": Look("◆", "~", "medium_purple1", "waiting"),
    "queued": Look("○", ".", "bright_black", "queued"),
    "skipped": Look("╌", "-", "bright_black", "skipped"),
    "failed": Look("✗", "x", "red", "failed"),
    "timed_out": Look("◷", "!", "dark_orange", "timed out"),
    "cancelled": Look("⊘", "/", "grey62", "cancelled"),
}


def look_of(status: RunStatus | StepStatus) -> Look:
    """The look of a run's or a step's state."""
    return _LOOKS[status.value]


def theme() -> "Theme":
    """The named styles that renderers use: one for each state, and a few for the rest of a text."""
    from rich.theme import Theme

    return Theme(
        {f"status.{name}": look.colour for name, look in _LOOKS.items()}
        | {
            "faint": "bright_black",
            "strong": "bold",
            "accent": "bright_blue",
            "light": "bold bright_blue",
            "problem.error": "bold red",
            "problem.warning": "bold dark_orange",
            "problem.hint": "cyan",
            "diff.added": "green",
            "diff.removed": "red",
            "diff.place": "cyan",
        }
    )
