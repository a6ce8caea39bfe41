"""What a trusted mail server says of where a mail comes from (`Authentication-Results`, RFC 8601).

We check neither SPF nor DKIM ourselves: only the server that took the mail from the outside saw who sent it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from errands.core.values import Json

_COMMENT: Final = re.compile(r"\([^()]*\)")
_RESULT: Final = re.compile(r"\s*([A-Za-z0-9-]{1,40})\s*=\s*([A-Za-z]{1,20})(.*)", re.DOTALL)
_PROPERTY: Final = re.compile(r"([A-Za-z-]{1,30}\.[A-Za-z-]{1,30})\s*=\s*\"?([^\s;\"]{1,320})")
_METHODS: Final = {"spf": "smtp.mailfrom", "dkim": "header.d", "dmarc": "header.from"}
_LONGEST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of a mail's sender."""

    by: str | None = None
    """Name of the server that says it. None: nobody whom we trust has said anything."""
    spf: str | None = None
    dkim: str | None = None
    dmarc: str | None = None
    verified: bool = False
    """One of them holds for the very domain that the mail names as its sender's."""

    @property
    def refuted(self) -> bool:
        """A trusted server has looked, and nothing holds."""
        return self.by is not None and not self.verified

    def as_json(self) -> Json:
        """As a run's payload shows it."""
        return {"by": self.by, "spf": self.spf, "dkim": self.dkim, "dmarc": self.dmarc, "verified": self.verified}


def origin_of(headers: Sequence[str], trusted: str | None, sender: str) -> Origin:
    """What the headers of the server `trusted` (its authserv-id) say of the address in `From`. Never raises."""
    if trusted is None:
        return Origin()
    told: dict[str, list[tuple[str, str]]] = {}
    looked = False
    for header in headers:
        name, _, rest = _COMMENT.sub("", header[:_LONGEST]).partition(";")
        if name.split()[:1] != [trusted] and name.strip().lower() != trusted.lower():
            continue
        looked = True
        for method, result, domain in _results(rest):
            told.setdefault(method, []).append((result, domain))
    if not looked:
        return Origin()
    own = sender.rpartition("@")[2].lower()
    passed = [(method, domain) for method, found in told.items() for result, domain in found if result == "pass"]
    verified = any(_speaks_for(method, domain, own) for method, domain in passed)
    return Origin(trusted, _best(told, "spf"), _best(told, "dkim"), _best(told, "dmarc"), verified)


def _results(rest: str) -> list[tuple[str, str, str]]:
    """Method, result and the domain that it is about."""
    found = []
    for part in rest.split(";"):
        said = _RESULT.fullmatch(part)
        method = said[1].lower() if said is not None else ""
        if said is None or method not in _METHODS:
            continue
        properties = {name.lower(): value for name, value in _PROPERTY.findall(said[3])}
        domain = properties.get(_METHODS[method]) or properties.get("header.i", "")
        found.append((method, said[2].lower(), domain.rpartition("@")[2].lower()))
    return found


def _speaks_for(method: str, domain: str, sender: str) -> bool:
    """A domain speaks for itself and those below it; by DMARC the server has compared them already."""
    return domain == sender or (method != "dmarc" and "." in domain and sender.endswith(f".{domain}"))


def _best(told: dict[str, list[tuple[str, str]]], method: str) -> str | None:
    results = [result for result, _ in told.get(method, ())]
    return "pass" if "pass" in results else (results[0] if results else None)
