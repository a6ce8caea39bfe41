"""Cursors: where a page of a list ended, as callers give it back."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import TypeVar

from errands.core.values import Json, from_text, to_text
from errands.services.errors import Invalid
from errands.services.views import Page

Item = TypeVar("Item")
LARGEST_PAGE = 500


def cursor_of(place: Json) -> str:
    """A place in a list as a text that stands in an address as it is."""
    return base64.urlsafe_b64encode(to_text(place).encode()).decode().rstrip("=")


def place_of(cursor: str) -> Json:
    """The place that a cursor names. None: it is no cursor."""
    try:
        return from_text(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode())
    except (ValueError, binascii.Error):
        return None


def no_cursor(cursor: str) -> Invalid:
    """The refusal of what is no cursor of a list."""
    return Invalid(f"{cursor[:80]!r} is no cursor of this list.", "Take it from the page before.")


def check_limit(limit: int, many: str) -> None:
    """Raises Invalid for a page that is too large or has no row. `many`: what is listed, such as `triggers`."""
    if not 1 <= limit <= LARGEST_PAGE:
        raise Invalid(f"{limit} {many} cannot be on one page.", f"Ask for 1 to {LARGEST_PAGE}.")


async def whole(page: Callable[[str | None], Awaitable[Page[Item]]]) -> list[Item]:
    """Everything in a list: `page` reads the page of a cursor, None is the first."""
    read = await page(None)
    items = list(read.items)
    while read.next_cursor is not None:
        read = await page(read.next_cursor)
        items += read.items
    return items
