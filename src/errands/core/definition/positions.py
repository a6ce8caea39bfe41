"""From a path in a definition, or an offset in one of its texts, to line and column of the file."""

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from errands.core.definition.nodes import ListNode, MapNode, Node, Path, ScalarNode

_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_ESCAPE = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|\r\n|.)", re.DOTALL)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A point of a file. Both are 1-based."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Positions:
    """Where everything in a file stands. Made by the parser; without a tree every place is the file's start."""

    source: str = ""
    root: Node | None = None
    _starts: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, source: str, root: Node | None) -> "Positions":
        """The positions of a document; `root` is `None` where its syntax is broken."""
        return cls(source, root, [0, *(found.end() for found in _LINE_BREAK.finditer(source))])

    def place(self, offset: int) -> Place:
        """Line and column of an offset in the source."""
        if not self._starts:
            return Place(1, 1)
        line = bisect.bisect_right(self._starts, offset) - 1
        return Place(line + 1, offset - self._starts[line] + 1)

    def value(self, path: Path) -> Place:
        """Where the value at a path begins; for a path that is not in the file, where its nearest parent does."""
        found = self._find(path)
        return self.place(found[1].start if found else 0)

    def key(self, path: Path) -> Place:
        """Where the key of the entry at a path begins; for a list item, where the item does."""
        found = self._find(path)
        if found is None:
            return Place(1, 1)
        key, node = found
        return self.place(key.start if key is not None else node.start)

    def inside(self, path: Path, offset: int) -> Place:
        """Where the character at an offset of the text at a path stands, whatever its quoting and folding."""
        found = self._find(path)
        if found is None or not isinstance(found[1], ScalarNode):
            return self.value(path)
        return self.place(_source_offset(self.source, found[1], offset))

    def has(self, path: Path) -> bool:
        """Whether the file says something at this path."""
        node = self.root
        for part in path:
            node = _child(node, part)
        return node is not None

    def _find(self, path: Path) -> tuple[ScalarNode | None, Node] | None:
        if self.root is None:
            return None
        key: ScalarNode | None = None
        node: Node = self.root
        for part in path:
            below = _child(node, part)
            if below is None:
                break
            key = node.entries[part][0] if isinstance(node, MapNode) and isinstance(part, str) else None
            node = below
        return key, node


def _child(node: Node | None, part: str | int) -> Node | None:
    match node, part:
        case MapNode(), str() if part in node.entries:
            return node.entries[part][1]
        case ListNode(), int() if part < len(node.items):
            return node.items[part]
        case _:
            return None


def _source_offset(source: str, node: ScalarNode, offset: int) -> int:
    """Folding and indentation change blanks only, so the n-th other character of a text is the n-th in the source."""
    before = node.text[:offset]
    wanted = sum(not character.isspace() for character in before)
    blanks = len(before) - len(before.rstrip())
    at_blank = offset >= len(node.text) or node.text[offset].isspace()
    seen = 0
    last_end = node.start if node.style is None else node.start + 1
    for start, end, blank in _characters(source, node):
        if blank:
            continue
        if seen == wanted and not at_blank:
            return start
        if seen == wanted:
            break
        seen += 1
        last_end = end
    return min(last_end + blanks, max(node.end, node.start))


def _characters(source: str, node: ScalarNode) -> Iterator[tuple[int, int, bool]]:
    """Start, end and blankness of every character of a text as the source writes it."""
    start, end = node.start, node.end
    if node.style in ("'", '"'):
        start, end = start + 1, end - 1
    elif node.style in ("|", ">"):
        header = _LINE_BREAK.search(source, start)
        start = header.end() if header else end
    index = start
    while index < end:
        width, blank = _width(source, index, node.style)
        if width > 0:
            yield index, index + width, blank
        index += abs(width)


def _width(source: str, index: int, style: str | None) -> tuple[int, bool]:
    """How much source one character takes (negative: it stands for nothing), and whether it is a blank."""
    if style == "'" and source.startswith("''", index):
        return 2, False
    if style == '"' and source[index] == "\\":
        found = _ESCAPE.match(source, index)
        escape = found[0] if found else "\\"
        if escape[1:] in ("\n", "\r\n", "\r"):
            return -len(escape), True
        return len(escape), escape[1:] in ("n", "t", "r", " ", "v", "f", "N", "_", "L", "P", "\t")
    return 1, source[index].isspace()
