"""JSON values as people read them: text as it is, everything else as indented JSON, cut where it is long."""

from collections.abc import Mapping, Sequence

from errands.cli.neutral import neutral, one_line
from errands.cli.screen import json_text
from errands.core.values import Json

_LINE = 2000
"""Characters of a line that are shown where not everything is asked for."""

_COMPACT = 90
"""Characters up to which an object or a list stays on one line."""


def value_lines(value: Json, *, limit: int | None = None) -> list[str]:
    """The value in lines, neutral; no more than `limit`, the last of which then says how many were left out."""
    lines = value.splitlines() or [""] if isinstance(value, str) else _json_lines(value)
    if limit is not None:
        lines = [line if len(line) <= _LINE else line[:_LINE] + "…" for line in lines]
    if limit is not None and len(lines) > limit:
        lines = [*lines[: limit - 1], f"… {len(lines) - limit + 1} more lines"]
    return [neutral(line) for line in lines]


def spoken(answer: Json) -> str:
    """What a model answered, as a sentence: its text, and the tools that it called. Unknown shapes as JSON."""
    response = answer.get("response") if isinstance(answer, Mapping) else None
    parts = response.get("parts") if isinstance(response, Mapping) else None
    if not isinstance(parts, Sequence) or isinstance(parts, str):
        return brief(answer)
    return " ".join(_part(part) for part in parts if isinstance(part, Mapping)) or brief(answer)


def _part(part: Mapping[str, Json]) -> str:
    if "tool_name" in part:
        return f"called {part['tool_name']}({brief(part.get('args'))})"
    content = part.get("content")
    return content if isinstance(content, str) else ""


def _json_lines(value: Json) -> list[str]:
    """Small values on one line, others indented."""
    compact = json_text(value)
    return [compact] if len(compact) <= _COMPACT else json_text(value, indent=2).splitlines()


def brief(value: Json, limit: int = 120) -> str:
    """The value on one line of at most `limit` characters."""
    return one_line(value if isinstance(value, str) else json_text(value), limit)
