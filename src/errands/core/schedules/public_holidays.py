"""Public holidays by country and part of it, from the library `holidays` (extra `calendars`), loaded on first use."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from types import ModuleType


class HolidaysAbsent(Exception):
    """The extra `calendars` is not installed."""

    def __init__(self) -> None:
        super().__init__("public holidays need the extra `calendars`: pip install 'errands[calendars]'")


@lru_cache(maxsize=1)
def known_holidays() -> Mapping[str, tuple[str, ...]]:
    """Country codes and the codes of their parts. Raises HolidaysAbsent."""
    countries: Mapping[str, list[str]] = _library().list_supported_countries(include_aliases=False)
    return {code: tuple(parts) for code, parts in countries.items()}


@lru_cache(maxsize=1024)
def holidays_of(country: str, subdivision: str | None, year: int) -> Mapping[date, str]:
    """The holidays of a year by name, observed days included. Raises HolidaysAbsent."""
    found: Mapping[date, str] = _library().country_holidays(country, subdiv=subdivision, years=year)
    return {day: name for day, name in found.items() if day.year == year}


def _library() -> ModuleType:
    try:
        import holidays
    except ImportError as missing:
        raise HolidaysAbsent from missing
    return holidays
