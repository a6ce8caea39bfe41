"""What a mail says: its sender, subject, text and attachments. No byte of it is trusted."""

import email.utils
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import compat32
from typing import Final

from errands.core.html_text import text_of_html

_MOST_HEADERS, _LONGEST_HEADERS = 1_000, 256 * 1024
_MOST_PARTS, _DEEPEST = 5_000, 50
_LONGEST_TEXT: Final = 2**20
_LONGEST_LINE: Final = 2_000
_ADDRESS: Final = re.compile(r"[^@\s<>\",;:()\[\]\\]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}")


class MailUnreadable(Exception):
    """The mail is not taken as it is. Says why in one sentence."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file of a mail."""

    name: str
    """As the mail calls it; may be empty, and may hold anything."""
    media_type: str
    content: bytes
    inline: bool
    """A picture within the text, for example."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that was read."""

    sender: str
    """The address of `From`, its domain in lower case."""
    shown_sender: str
    """`From` as it is written."""
    to: Sequence[str]
    cc: Sequence[str]
    subject: str
    text: str
    """The plain text, or what the HTML says."""
    html: str | None
    message_id: str | None
    date: str | None
    reply_to: str | None
    automatic: bool
    """A program's answer to a mail: whoever answers it may never stop."""
    results: Sequence[str]
    """`Authentication-Results` headers, topmost first, that the server before us may have written."""
    attachments: Sequence[Attached]


def read_mail(raw: bytes, *, most_attachments: int) -> Mail:
    """Read a mail. Blocking: some 20 ms a MiB. Raises MailUnreadable."""
    _check_head(raw)
    try:
        message = BytesParser(policy=compat32).parsebytes(raw)
        parts = list(_parts(message))
    except RecursionError:
        raise MailUnreadable(f"its parts are nested deeper than {_DEEPEST}") from None
    attached = [part for part in parts if _is_file(part)]
    if len(attached) > most_attachments:
        raise MailUnreadable(f"it has {len(attached)} attachments, more than {most_attachments}")
    sender, shown = _sender(message)
    plain, html = _body(parts, "text/plain"), _body(parts, "text/html")
    return Mail(
        sender,
        shown,
        _addresses(message, "To"),
        _addresses(message, "Cc"),
        _line(message, "Subject") or "",
        plain if plain is not None and plain.strip() else text_of_html(html or "")[:_LONGEST_TEXT],
        html,
        _line(message, "Message-ID"),
        _line(message, "Date"),
        _line(message, "Reply-To"),
        (_line(message, "Auto-Submitted") or "no").lower().startswith("auto-replied"),
        _results(message),
        [_attached(part) for part in attached],
    )


def is_allowed(address: str, patterns: Sequence[str]) -> bool:
    """Whether `ana@example.com` is one of `ana@example.com`, `*@example.com`, `example.com`. No pattern: everybody."""
    return not patterns or any(_fits(address.lower(), pattern.lower()) for pattern in patterns)


def _fits(address: str, pattern: str) -> bool:
    local, _, domain = address.rpartition("@")
    wanted, at, host = pattern.rpartition("@")
    return _like(domain, host) and (not at or _like(local, wanted))


def _like(text: str, pattern: str) -> bool:
    """`*` stands for any characters. No regular expression: many `*` must not take many times as long."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == first
    at, end = len(first), len(text) - len(rest[-1])
    if not text.startswith(first) or not text.endswith(rest[-1]):
        return False
    for part in rest[:-1]:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return at <= end


def _check_head(raw: bytes) -> None:
    end = raw.find(b"\r\n\r\n")
    size = end if end >= 0 else len(raw)
    if size > _LONGEST_HEADERS:
        raise MailUnreadable(f"its header has {size:,} bytes, more than {_LONGEST_HEADERS:,}")
    lines, most = raw.count(b"\n", 0, size), _MOST_HEADERS * 5
    if lines > most:
        raise MailUnreadable(f"its header has {lines:,} lines, more than {most:,}")


def _parts(message: "Message[str, str]", depth: int = 0) -> Iterator["Message[str, str]"]:
    """The leaves. A mail within a mail is one."""
    waiting = [(message, 0)]
    seen = 0
    while waiting:
        part, depth = waiting.pop()
        seen += 1
        if depth > _DEEPEST or seen > _MOST_PARTS:
            raise MailUnreadable(f"it has more than {_MOST_PARTS:,} parts, or they are nested deeper than {_DEEPEST}")
        inner = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(inner, list):
            waiting += [(one, depth + 1) for one in reversed(inner) if isinstance(one, Message)]
        else:
            yield part


def _is_file(part: "Message[str, str]") -> bool:
    kind = (part.get_content_disposition() or "").lower()
    named = _filename(part) != ""
    return kind == "attachment" or named or part.get_content_type() not in ("text/plain", "text/html")


def _attached(part: "Message[str, str]") -> Attached:
    name = _filename(part)
    if part.get_content_maintype() == "message":
        inner = part.get_payload()
        content = inner[0].as_bytes() if isinstance(inner, list) and inner and isinstance(inner[0], Message) else b""
        return Attached(name or "message.eml", "message/rfc822", content, inline=False)
    given = part.get_payload(decode=True)
    content = given if isinstance(given, bytes) else b""
    inline = (part.get_content_disposition() or "").lower() == "inline" or part.get("Content-ID") is not None
    return Attached(name, part.get_content_type(), content, inline)


def _filename(part: "Message[str, str]") -> str:
    try:
        return clean(_decoded(part.get_filename() or ""))[:_LONGEST_LINE]
    except (LookupError, ValueError, TypeError, UnicodeError):
        return ""


def _body(parts: Sequence["Message[str, str]"], kind: str) -> str | None:
    """All parts of this type that are no file, one below the other."""
    found = [_text(part) for part in parts if part.get_content_type() == kind and not _is_file(part)]
    return "\n".join(found)[:_LONGEST_TEXT] if found else None


def _text(part: "Message[str, str]") -> str:
    given = part.get_payload(decode=True)
    content = given if isinstance(given, bytes) else b""
    charset = part.get_content_charset("utf-8") or "utf-8"
    try:
        text = content.decode(charset, errors="replace")
    except (LookupError, ValueError):
        text = content.decode("latin-1")
    return clean(text).replace("\r\n", "\n")


def _sender(message: "Message[str, str]") -> tuple[str, str]:
    """Raises MailUnreadable unless there is exactly one: readers of a mail disagree on which of several counts."""
    given = message.get_all("From") or []
    shown = clean(_decoded(str(given[0])))[:_LONGEST_LINE] if given else ""
    # The address is read before encoded words are: they are names, and must not bring in another address.
    found = [address for _, address in email.utils.getaddresses([str(one) for one in given])]
    if len(given) != 1 or len(found) != 1 or not _ADDRESS.fullmatch(found[0]) or str(given[0]).count("@") > 3:
        raise MailUnreadable("it does not come from one sender that can be read")
    local, _, domain = found[0].rpartition("@")
    return f"{local}@{domain.lower()}", shown


def _addresses(message: "Message[str, str]", name: str) -> list[str]:
    given = [str(one)[: 64 * 1024] for one in message.get_all(name) or []]
    return [clean(address) for _, address in email.utils.getaddresses(given)[:200] if _ADDRESS.fullmatch(address)]


def _results(message: "Message[str, str]") -> list[str]:
    """Those above the second `Received`: below it stands what servers before the last one have written."""
    found: list[str] = []
    received = 0
    for name, value in message.items():
        received += name.lower() == "received"
        if received > 1:
            break
        if name.lower() == "authentication-results":
            found.append(clean(str(value)))
    return found[:20]


def _line(message: "Message[str, str]", name: str) -> str | None:
    given = message.get(name)
    if given is None:
        return None
    return " ".join(clean(_decoded(str(given))).split())[:_LONGEST_LINE]


def _decoded(text: str) -> str:
    """Encoded words (RFC 2047) as text."""
    try:
        found = decode_header(text)
    except (HeaderParseError, ValueError, LookupError):
        return text
    shown = ""
    for part, charset in found:
        if isinstance(part, str):
            shown += part
            continue
        try:
            shown += part.decode(charset or "utf-8", errors="replace")
        except (LookupError, ValueError):
            shown += part.decode("latin-1")
    return shown


def clean(text: str) -> str:
    """Without what a database cannot keep."""
    return text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
