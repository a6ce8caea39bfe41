"""The conversion itself, in a child process: converters have been crashed, hung and blown up by hostile documents."""

import os
from pathlib import PurePath

from markitdown import MarkItDown, MarkItDownException, StreamInfo, UnsupportedFormatException

from errands.tools.refusal import Refusal


def convert(job: dict[str, object]) -> dict[str, object]:
    """`{file, name, max_characters}` -> `{markdown, title, characters, truncated}`."""
    file, name = int(str(job["file"])), str(job["name"])
    max_characters = int(str(job["max_characters"]))
    with os.fdopen(file, "rb") as stream:
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
    }


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
