"""What databases give, as JSON, and what JSON gives, as database values. Standard library only: children import it."""

import base64
import json
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from errands.tools.refusal import Refusal


def to_json(value: object) -> object:
    """One cell as a JSON value, nothing rounded: dates as ISO 8601 text, bytes as base64."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Decimal():
            return _decimal(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(bytes(value)).decode()
        case Mapping():
            return {str(key): to_json(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [to_json(inner) for inner in value]
        case _:
            return str(value)


def _decimal(value: Decimal) -> int | float | str:
    """A number where that loses nothing, else text: 12.10 is 12.1, but 30 digits stay as they are."""
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    return number if Decimal(repr(number)) == value else str(value)


class Rows:
    """Gathers rows as JSON objects, up to bounds on their number and size.

    Columns of one name are told apart by a number: `id`, `id_2`.
    """

    def __init__(self, max_rows: int, max_bytes: int) -> None:
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._size = 0
        self.columns: list[str] = []
        self.rows: list[dict[str, object]] = []
        self.truncated = False

    def name_columns(self, names: list[str]) -> None:
        seen: dict[str, int] = {}
        for name in names:
            seen[name] = seen.get(name, 0) + 1
            self.columns.append(name if seen[name] == 1 else f"{name}_{seen[name]}")

    def add(self, cells: tuple[object, ...]) -> bool:
        """Take one row; False where there are as many as were asked for, and the row was left out.

        Raises Refusal (limit) where the result becomes too large.
        """
        if len(self.rows) >= self._max_rows:
            self.truncated = True
            return False
        row = {name: to_json(cell) for name, cell in zip(self.columns, cells, strict=True)}
        self._size += sum(len(cell) if isinstance(cell, str) else 8 for cell in row.values())
        if self._size > self._max_bytes:
            raise Refusal(
                "limit",
                f"the result is larger than {self._max_bytes} bytes after {len(self.rows)} rows",
                "select fewer columns, or fetch it in parts",
            )
        self.rows.append(row)
        return True

    def as_json(self) -> dict[str, object]:
        return {
            "rows": self.rows,
            "row_count": len(self.rows),
            "columns": self.columns,
            "truncated": self.truncated,
        }


def fit(value: object, kind: str, name: str) -> object:
    """A JSON value as the Postgres type `kind` (`date`, `numeric`, `text`, `_int4` for int4[], ...) wants it.

    Raises Refusal (input) that names the parameter where it cannot be.
    """
    if value is None:
        return None
    if kind.endswith("[]") or kind.startswith("_"):
        if not isinstance(value, list | tuple):
            raise Refusal("input", f"params.{name}: {value!r} is not a list, and the statement wants one")
        return [fit(item, kind.removesuffix("[]").removeprefix("_"), name) for item in value]
    convert = _FITTING.get(kind)
    try:
        return convert(value) if convert else value
    except (ValueError, TypeError, ArithmeticError):
        raise Refusal("input", f"params.{name}: {str(value)[:80]!r} is not a value of type {kind}") from None


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _whole(value: object) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError
    return int(str(value) if isinstance(value, str) else value)  # type: ignore[call-overload, no-any-return]


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}[str(value).lower()] if str(value).lower() in ("true", "false") else _no(value)


def _no(value: object) -> bool:
    raise ValueError(value)


def _moment(value: object) -> datetime:
    return datetime.fromisoformat(str(value))


def _aware(value: object) -> datetime:
    moment = _moment(value)
    if moment.tzinfo is None:
        raise Refusal(
            "input",
            f"{str(value)[:40]!r} has no offset from UTC",
            "write 2026-01-31T07:00:00+00:00",
        )
    return moment


def _duration(value: object) -> timedelta:
    if isinstance(value, int | float):
        return timedelta(seconds=value)
    raise ValueError(value)


_FITTING: Mapping[str, Callable[[object], object]] = {
    "text": _text,
    "varchar": _text,
    "bpchar": _text,
    "name": _text,
    "json": json.dumps,
    "jsonb": json.dumps,
    "int2": _whole,
    "int4": _whole,
    "int8": _whole,
    "float4": lambda value: float(str(value)),
    "float8": lambda value: float(str(value)),
    "numeric": lambda value: Decimal(str(value)),
    "bool": _flag,
    "date": lambda value: date.fromisoformat(str(value)[:10]),
    "time": lambda value: time.fromisoformat(str(value)),
    "timetz": lambda value: time.fromisoformat(str(value)),
    "timestamp": _moment,
    "timestamptz": _aware,
    "interval": _duration,
    "uuid": lambda value: UUID(str(value)),
    "bytea": lambda value: base64.b64decode(str(value), validate=True),
}
