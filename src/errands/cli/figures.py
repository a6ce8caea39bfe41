"""Numbers as people read them: durations, token counts, money, sizes, moments. Each carries its unit."""

from datetime import datetime, timedelta
from decimal import Decimal

_DAY = 86_400
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")


def duration(span: timedelta | float) -> str:
    """A timedelta or seconds: `3ms`, `0.8s`, `41s`, `2m10s`, `3h02m`, `4d02h`."""
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    seconds = max(seconds, 0.0)
    if seconds < 0.0995:
        return f"{round(seconds * 1000)}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < _DAY:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // _DAY}d{whole % _DAY // 3600:02}h"


def count(number: int) -> str:
    """`950`, `12.4k`, `1.2M`."""
    if number < 1000:
        return str(number)
    if number < 999_950:
        return f"{number / 1000:.1f}k"
    return f"{number / 1_000_000:.1f}M"


def tokens(number: int) -> str:
    """`1 token`, `12.4k tokens`."""
    return "1 token" if number == 1 else f"{count(number)} tokens"


def money(usd: Decimal) -> str:
    """US dollars: cents from one dollar on, three digits that count below it: `$1.20`, `$0.031`, `$0.00042`."""
    if usd >= 1:
        return f"${usd:,.2f}"
    if usd == 0:
        return "$0"
    places = max(3, 1 - usd.adjusted())
    return "$" + f"{usd:.{places}f}".rstrip("0")


def size(number: int) -> str:
    """Bytes: `12 B`, `4.2 KiB`, `50 MiB`."""
    value, unit = float(number), _SIZES[0]
    for unit in _SIZES:
        if value < 1024 or unit == _SIZES[-1]:
            break
        value /= 1024
    return f"{number} B" if unit == "B" else f"{value:.3g} {unit}" if value < 1000 else f"{value:.0f} {unit}"


def moment(at: datetime, now: datetime) -> str:
    """An aware moment in the zone of `now`: the time if it is the same day, else date and time."""
    local = at.astimezone(now.tzinfo)
    return f"{local:%H:%M:%S}" if local.date() == now.date() else f"{local:%Y-%m-%d %H:%M}"


def plural(number: int, noun: str) -> str:
    """`1 step`, `3 steps`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
