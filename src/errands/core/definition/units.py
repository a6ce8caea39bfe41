"""Durations (`90s`, `2h30m`) and sizes (`512MiB`) as people write them."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|KiB|MiB|GiB)")

_LARGEST_FIRST = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
_LONGEST = timedelta(days=36_500)
_LARGEST = 2**60


def parse_duration(text: str) -> timedelta:
    """`30s`, `15m`, `1h30m`, `2d`, `1w`, `500ms`. Raises ValueError with an example for anything else."""
    compact = text.replace(" ", "")
    if not _DURATION.fullmatch(compact):
        raise ValueError(f"{text!r} is not a duration; write a number and a unit, such as 30s, 15m, 1h30m, 2d or 1w")
    seconds = sum(float(n) * _SECONDS[unit] for n, unit in _DURATION_PART.findall(compact))
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"{text[:40]!r} is too long; the longest duration is {_LONGEST.days}d")
    return timedelta(seconds=seconds)


def show_duration(duration: timedelta) -> str:
    """The inverse of `parse_duration`: `1h30m`, `2d`, `500ms`."""
    left = round(duration / timedelta(milliseconds=1))
    parts = []
    for unit, length in _LARGEST_FIRST:
        count, left = divmod(left, length)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"


def parse_size(text: str) -> int:
    """`512MiB`, `10MB`, `2GiB` in bytes. Raises ValueError with an example for anything else."""
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a size; write a number and a unit, such as 64KiB, 512MiB or 2GiB")
    size = float(match[1]) * _BYTES[match[2]]
    if size > _LARGEST:
        raise ValueError(f"{text[:40]!r} is too large; the largest size is {_LARGEST // 2**30}GiB")
    return int(size)


def _duration(value: object) -> object:
    if isinstance(value, str) and not value.startswith(("P", "-P")):  # "PT2M": our own stored form
        return parse_duration(value)
    if isinstance(value, int | float):
        raise ValueError(f"{value} has no unit; write {value}s for seconds, or m, h, d, w")
    return value


def _size(value: object) -> object:
    return parse_size(value) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_duration, json_schema_input_type=str)]
Size = Annotated[int, BeforeValidator(_size, json_schema_input_type=str | int)]
"""A number of bytes."""
