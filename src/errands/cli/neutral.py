"""Makes text that somebody else wrote (a model, a web page, a file's name) safe to show in a terminal.

A terminal obeys control characters: they can move the cursor over what was printed before, change the title or the
clipboard, or reverse the order of letters. Here they become visible signs. Markup of the drawing library is no danger
as long as such text only ever enters a `Text`, never a markup string: `safe` is the one way in.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

_LINE_BREAKS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# C0 but tab and line feed, DEL, C1, and the marks that change the direction of text (UAX 9).
_UNSAFE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SPACE = re.compile(r"\s+")


def neutral(text: str) -> str:
    """The text with control and direction characters made visible; line breaks and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return _LONE_SURROGATE.sub("\ufffd", _UNSAFE.sub(_visible, _LINE_BREAKS.sub("\n", text)))


def one_line(text: str, limit: int | None = None) -> str:
    """The neutral text on one line; longer than `limit` characters, it is cut and ends in an ellipsis."""
    line = _SPACE.sub(" ", neutral(text if limit is None else text[: 4 * limit])).strip()
    return line if limit is None or len(line) <= limit else line[: limit - 1].rstrip() + "…"


def safe(text: str, style: str = "") -> "Text":
    """The neutral text as something to draw; no markup in it is obeyed."""
    from rich.text import Text

    # The style lies on the characters, not on the whole: what is added behind must not take it on.
    return Text(tab_size=4).append(neutral(text), style)


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"<U+{code:04X}>"
