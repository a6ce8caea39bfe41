"""Recorded values in parts: whoever looks at sixty megabytes looks at a page of them at a time."""

from errands.core.values import Json, to_text
from errands.services.errors import Invalid
from errands.services.views import TextPart
from errands.store.artifacts import ArtifactStore

LARGEST_PART = 2**20
_LONGEST_CHARACTER = 4


async def part_of_stored(artifacts: ArtifactStore, ref: str, offset: int, limit: int) -> TextPart:
    """A part of what lies under a name. Raises OSError, Invalid."""
    size = await artifacts.size(ref)
    _check(offset, limit, size)
    return _part(await artifacts.part(ref, offset, limit), offset, size)


def part_of_value(value: Json, offset: int, limit: int) -> TextPart:
    """A part of a value that lies in the record. Raises Invalid."""
    whole = to_text(value).encode()
    _check(offset, limit, len(whole))
    return _part(whole[offset : offset + limit], offset, len(whole))


def _part(data: bytes, offset: int, size: int) -> TextPart:
    """Characters that the end cuts in two begin the next part."""
    last = offset + len(data) >= size
    text = data.decode(errors="replace") if last else _whole_characters(data)
    following = offset + (len(data) if last else len(text.encode()))
    return TextPart(text, offset, None if last else following, size)


def _whole_characters(data: bytes) -> str:
    for cut in range(_LONGEST_CHARACTER):
        try:
            return data[: len(data) - cut].decode()
        except UnicodeDecodeError:
            continue
    return data.decode(errors="replace")


def _check(offset: int, limit: int, size: int) -> None:
    if not _LONGEST_CHARACTER <= limit <= LARGEST_PART:
        raise Invalid(f"A part of {limit} bytes cannot be given.", f"Ask for {_LONGEST_CHARACTER} to {LARGEST_PART}.")
    if offset > size:
        raise Invalid(f"The value has {size:,} bytes; byte {offset:,} is behind its end.", "Begin with offset 0.")
