"""Secrets taken out of everything that is stored, shown or sent.

One compiled expression finds every form in which a known secret may stand in a text. Redaction goes by value: it
does not matter how a secret came into the text, only that it is there.
"""

import base64
import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

from errands.core.values import Json

_SHORTEST: Final = 6
"""Characters from which on a secret is found anywhere in text; shorter ones only as a whole value, by field."""
_SHORTEST_LINE: Final = 8
"""Characters from which on a line of a secret of several lines counts as a secret of its own."""
_GROUPED_BY: Final = 3
"""First characters by which the forms are grouped; less than `_SHORTEST`."""


class Redactor:
    """Replaces known secrets by `[secret NAME]`. Add them first, then redact; adding later is fine, too."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._short: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None

    @property
    def active(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._names or self._short)

    def add(self, name: str, value: str) -> None:
        """Know a secret from now on: its value and, where it has several lines or is a URL, its parts."""
        for part in _parts(value):
            if len(part) < _SHORTEST:
                self._short.setdefault(part, name)
                continue
            for form in _forms(part):
                self._names.setdefault(form, name)
        self._pattern = None

    def text(self, text: str) -> str:
        """The text without secrets. Linear in its length."""
        if not self.active or not text:
            return text
        if text in self._short:
            return _mark(self._short[text])
        pattern = self._pattern or self._compile()
        return pattern.sub(self._replacement, text)

    def json(self, value: Json) -> Json:
        """The value without secrets in its strings and keys; the very same object where there were none."""
        if not self.active:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return self._object(value)
        if isinstance(value, Sequence):
            items = [self.json(item) for item in value]
            return value if all(new is old for new, old in zip(items, value, strict=True)) else items
        if value is None or isinstance(value, bool):
            return value
        name = self._names.get(json.dumps(value))
        return value if name is None else _mark(name)

    def _object(self, value: Mapping[str, Json]) -> Json:
        members = {self.text(key): self.json(item) for key, item in value.items()}
        same = len(members) == len(value) and all(
            new == old and members[new] is item for new, (old, item) in zip(members, value.items(), strict=True)
        )
        return value if same else members

    def _compile(self) -> re.Pattern[str]:
        pattern = _alternatives(sorted(self._names, key=len, reverse=True))
        if self._short:
            # A short value counts only where it is all that a field holds: key=value, "key": "value", key: value.
            short = "|".join(re.escape(form) for form in sorted(self._short, key=len, reverse=True))
            field = rf"""(?<=[=:])(?P<gap>[ \t]*)(?P<quote>\\?["']?)(?P<short>{short})(?P=quote)(?=[\s,;&}})\]]|$)"""
            pattern = f"{pattern}|{field}" if pattern else field
        self._pattern = re.compile(pattern)
        return self._pattern

    def _replacement(self, match: re.Match[str]) -> str:
        if match.re.groups and match["short"] is not None:
            return f"{match['gap']}{match['quote']}{_mark(self._short[match['short']])}{match['quote']}"
        return _mark(self._names[match[0]])


def _mark(name: str) -> str:
    return f"[secret {name}]"


def _alternatives(forms: Sequence[str], depth: int = 0) -> str:
    """An expression for any of the forms, in their order where one begins another.

    Grouped by the first characters: a position in the text is then compared with a few characters, not with the
    beginnings of some thousand forms.
    """
    if depth == _GROUPED_BY or len(forms) < 2:
        return "|".join(re.escape(form[depth:]) for form in forms)
    groups: dict[str, list[str]] = {}
    for form in forms:
        groups.setdefault(form[depth], []).append(form)
    return "|".join(f"{re.escape(first)}(?:{_alternatives(group, depth + 1)})" for first, group in groups.items())


def _parts(value: str) -> Iterator[str]:
    """The value itself and what of it is a secret on its own."""
    stripped = value.strip()
    if not stripped:
        return
    yield value
    if stripped != value:
        yield stripped
    lines = [line.strip() for line in stripped.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _SHORTEST_LINE and not line.startswith("-----"))
    yield from _credentials(stripped)


def _credentials(value: str) -> Iterator[str]:
    """`user:password` and the password of a URL, as they are written and decoded."""
    if "://" not in value or "@" not in value:
        return
    try:
        parts = urlsplit(value)
    except ValueError:
        return
    if parts.password:
        yield parts.netloc.rpartition("@")[0]
        yield parts.password
        if unquote(parts.password) != parts.password:
            yield unquote(parts.password)


def _forms(value: str) -> set[str]:
    """Every way in which a value is commonly written."""
    raw = value.encode("utf-8", "surrogatepass")
    forms = {value, *_escaped(value), raw.hex(), raw.hex().upper(), *_base64(raw)}
    return {form for form in forms if len(form) >= _SHORTEST}


def _escaped(value: str) -> Iterator[str]:
    try:
        yield quote(value, safe="")
        yield quote(value)
        yield quote_plus(value)
        yield re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), quote(value, safe=""))
    except UnicodeEncodeError:
        pass
    for ascii_only in (True, False):
        once = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield once
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1]
        yield once.replace("/", "\\/")
    yield html.escape(value)
    yield html.escape(value).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    yield html.escape(value, quote=False)
    yield repr(value)[1:-1]


def _base64(raw: bytes) -> Iterator[str]:
    """The value within base64 of something longer, at each of the three alignments.

    A character at either end that also carries bits of a neighbouring byte is left out: it is not known.
    """
    for before in range(3):
        bits = (before * 8 + 5) // 6, ((before + len(raw)) * 8) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(before) + raw + bytes(2)).decode()[bits[0] : bits[1]]
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(raw).decode()
        yield whole
        yield whole.rstrip("=")
    # Base64 of mail and PEM is cut into lines of 76 or 64 characters.
    whole = base64.b64encode(raw).decode()
    for width in (76, 64):
        if len(whole) > width:
            yield from (line for line in re.findall(f".{{1,{width}}}", whole) if len(line) >= _SHORTEST_LINE)
