"""The tree of a YAML document: plain values that know where in the text they stand."""

import re
from dataclasses import dataclass
from typing import Final

from errands.core.values import Json

Path = tuple[str | int, ...]
"""Where a value stands in a file: keys and list indexes from the top, such as `("steps", 2, "with", "sql")`."""

_PATH_PART: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A text, number, truth value or null."""

    value: Json
    text: str
    """As YAML reads it, before it becomes a number or a truth value."""
    start: int
    """Offset in the source of the first character (a quote, a `|`)."""
    end: int
    style: str | None
    """None (plain), `'`, `"`, `|` or `>`."""
    size: int = 1
    depth: int = 0


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list, in dashes or in brackets."""

    items: "tuple[Node, ...]"
    start: int
    end: int
    size: int
    """How many nodes it holds, itself included, aliases counted as often as they are used."""
    depth: int
    """How many levels lie below it."""


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping. Keys are texts: `200:` is the key `200`."""

    entries: "dict[str, tuple[ScalarNode, Node]]"
    start: int
    end: int
    size: int
    depth: int


Node = ScalarNode | ListNode | MapNode


def plain(node: Node) -> Json:
    """The value of a node without its places."""
    match node:
        case ScalarNode():
            return node.value
        case ListNode():
            return [plain(item) for item in node.items]
        case MapNode():
            return {key: plain(value) for key, (_, value) in node.entries.items()}


def show_path(path: Path) -> str:
    """`steps[2].with.sql`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def read_path(text: str) -> Path:
    """The inverse of `show_path`."""
    parts = _PATH_PART.findall(text)
    return tuple(int(index) if index else key for key, index in parts)
