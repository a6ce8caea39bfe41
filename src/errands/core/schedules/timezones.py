"""Names of time zones: which are known, and what was meant by one that is not."""

from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import available_timezones

from errands.core.schedules.findings import Findings
from errands.core.schedules.local_time import zone_of

_NOT_A_PLACE = frozenset(("localtime", "posixrules", "Factory", "leapseconds", "zone.tab"))
"""Names that a system's zone folder may hold and that mean something else on each machine."""


def check_timezone(name: str, path: str, found: Findings) -> str | None:
    """The name, if it is an IANA name that this machine knows. Never answers with UTC for an unknown one."""
    if _is_known(name):
        return name
    hint = _suggestion(name) or "use an IANA name such as Europe/Berlin, America/New_York or UTC"
    found.add(path, f"{name!r} is not a known timezone", hint)
    return None


def _is_known(name: str) -> bool:
    if name.startswith(("posix/", "right/")) or name != name.strip():
        return False
    try:
        zone_of(name)
    except (ValueError, OSError, LookupError):
        return False
    # A file system that ignores case finds europe/berlin too; the name would then fail on the next machine.
    return name in _names()


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones()) - _NOT_A_PLACE


def _suggestion(name: str) -> str | None:
    if name in _NOT_A_PLACE:
        return "that name means another zone on each machine; use an IANA name such as Europe/Berlin, or UTC"
    if any(sign in name for sign in "+-") and any(letter.isdigit() for letter in name):
        return "an offset knows no summer time; use an IANA name such as Europe/Berlin, or UTC"
    spoken = name.strip().replace(" ", "_").casefold()
    names = sorted(_names(), key=_preference, reverse=True)
    by_last_part = {zone.rpartition("/")[2].casefold(): zone for zone in names}
    by_name = by_last_part | {zone.casefold(): zone for zone in names}
    nearest = get_close_matches(spoken, by_name, n=1, cutoff=0.7)
    return f'did you mean "{by_name[nearest[0]]}"?' if nearest else None


def _preference(zone: str) -> tuple[bool, str]:
    """Sorts names of a place (Europe/Berlin) before older ones without a continent."""
    return "/" not in zone, zone
