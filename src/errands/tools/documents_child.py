"""The conversion itself, in a child process: converters have been crashed, hung and blown up by hostile documents."""

import os
from pathlib import PurePath
from typing import BinaryIO

from markitdown import MarkItDown, MarkItDownException, StreamInfo, UnsupportedFormatException

from errands.tools.documents_pages import scanned_pages
from errands.tools.refusal import Refusal

_PICTURES = frozenset((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp"))


def convert(job: dict[str, object]) -> dict[str, object]:
    """`{file, name, max_characters}` -> `{markdown, title, characters, truncated, pages, scanned}`."""
    file, name = int(str(job["file"])), str(job["name"])
    max_characters = int(str(job["max_characters"]))
    with os.fdopen(file, "rb") as stream:
        pages, scanned = _pages(stream, name)
        try:
            extension = PurePath(name).suffix.lower() or None
            found = MarkItDown(enable_plugins=False).convert_stream(stream, stream_info=StreamInfo(extension=extension))
        except UnsupportedFormatException:
            raise Refusal(
                "input", f"{name} is in no format that can be read", "PDF, Word, Excel, HTML, CSV and text can be"
            ) from None
        except MarkItDownException as error:
            raise Refusal("tool", f"{name} cannot be converted: {_first_line(error)}", "is the file damaged?") from None
    text = found.markdown
    return {
        "markdown": text[:max_characters],
        "title": found.title,
        "characters": len(text),
        "truncated": len(text) > max_characters,
        "pages": pages,
        "scanned": scanned,
    }


def _pages(stream: BinaryIO, name: str) -> tuple[int | None, list[int]]:
    """How many pages there are, where the format has pages, and which of them are scans."""
    if PurePath(name).suffix.lower() in _PICTURES:
        return 1, [1]
    head = stream.read(1024)
    stream.seek(0)
    if b"%PDF-" not in head:
        return None, []
    try:
        return scanned_pages(stream)
    except Exception:  # A damaged file is for the converter to report.
        stream.seek(0)
        return None, []


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
