"""Edits of what several people change: each says what it began with, so that nobody's change is lost unseen."""

from collections.abc import Sequence

from errands.core.values import Json, to_text
from errands.services.applying import digest_of
from errands.services.errors import ChangedMeanwhile


def digest_of_value(value: Json) -> str:
    """Names what is kept: the same for the same value."""
    return digest_of(to_text(value))


def check_edited(noun: str, name: str, before: str | None, edited: Sequence[str] | None) -> None:
    """Raises ChangedMeanwhile where what is there is none of what was edited.

    `before`: the digest of what is there; None: there is nothing. `edited`: digests; none of them: it must not be
    there yet. None: whatever is there.
    """
    if edited is None:
        return
    if before is None and edited:
        raise ChangedMeanwhile(f"{noun.capitalize()} {name} is not there any more.", "Store it as a new one.")
    if before is not None and not edited:
        raise ChangedMeanwhile(
            f"{noun.capitalize()} {name} is there already.", "Choose another name, or edit the one that is there."
        )
    if before is not None and before not in edited:
        raise ChangedMeanwhile(f"Somebody has changed the {noun} {name} meanwhile.", "Read it again, and edit that.")
