"""Edits that say what they began with: the ETag of what was read, given back as If-Match."""

from typing import Annotated

from fastapi import Header

IfMatch = Annotated[
    str | None,
    Header(description="ETag of what was edited. `*`: whatever is there. 412 where it is another."),
]


def etag(digest: str) -> str:
    """The ETag of what has this digest."""
    return f'"{digest}"'


IfMatchOptional = Annotated[
    str | None,
    Header(description="ETag of what was edited: 412 where it is another. None: whatever is there."),
]


IfNew = Annotated[
    str | None,
    Header(alias="If-None-Match", description="`*`: a new one; 412 where there is one already.", pattern=r"^\*$"),
]


def edited_or_new(if_match: str | None, if_none_match: str | None) -> list[str] | None:
    """As `edited_if_said`; `If-None-Match: *` says that there must be none yet."""
    return [] if if_none_match is not None else edited_if_said(if_match)


def edited_if_said(if_match: str | None) -> list[str] | None:
    """As `edited`; without the header it fits whatever is there."""
    return None if if_match is None else edited(if_match)


def edited(if_match: str | None) -> list[str] | None:
    """The digests of an If-Match; none of them without the header; None for `*`, which fits whatever is there."""
    if if_match is None:
        return []
    given = [one.strip().removeprefix("W/").strip('"') for one in if_match.split(",")]
    return None if "*" in given else given
