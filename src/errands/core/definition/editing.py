"""Changes a task file's text: what is not changed keeps its comments, order, quotes and line breaks.

Each change is made in the text itself, at the place that the parser found. The result is read again: if it does not
say what it should (odd layouts, anchors), the top-level part that holds the change is written anew instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from errands.core.definition.document import read_document
from errands.core.definition.emitting import emit_flow, emit_item, emit_key, emit_lines, emit_value, is_block
from errands.core.definition.nodes import ListNode, MapNode, Node, Path, ScalarNode, plain, show_path
from errands.core.problems import DefinitionInvalid
from errands.core.values import Json, JsonObject

_WIDTH = 100


@dataclass(frozen=True, slots=True)
class SetValue:
    """Put a value at a path. Mappings on the way that do not exist are made."""

    path: Path
    value: Json


@dataclass(frozen=True, slots=True)
class Remove:
    """Take out the key or list item at a path."""

    path: Path


@dataclass(frozen=True, slots=True)
class Insert:
    """Put a new item into the list at a path, before the item that has this index now."""

    path: Path
    index: int
    value: Json


@dataclass(frozen=True, slots=True)
class Move:
    """Give the list item at a path another index in the same list."""

    path: Path
    index: int


Change = SetValue | Remove | Insert | Move


class EditInvalid(ValueError):
    """A change that cannot be made: its path leads nowhere."""


def rewrite(source: str, changes: Sequence[Change]) -> str:
    """The text with the changes made, one after the other.

    Raises DefinitionInvalid where the text is no YAML, EditInvalid where a path leads nowhere.
    """
    for change in changes:
        source = _make(source, change)
    return source


def _make(source: str, change: Change) -> str:
    document = read_document(source)
    if document.root is None or document.problems:
        raise DefinitionInvalid(document.problems)
    before = plain(document.root)
    assert isinstance(before, dict)
    after = _changed(before, change)
    edited = _Text(source.removeprefix("\ufeff"), document.root).make(change, after)
    for candidate in (edited, _section_anew(source.removeprefix("\ufeff"), document.root, change.path[:1], after)):
        if candidate is not None and _says(candidate, after):
            return candidate
    return "\n".join(emit_lines(after, 0)) + "\n"


def _says(source: str, wanted: Json) -> bool:
    document = read_document(source)
    return document.root is not None and not document.problems and plain(document.root) == wanted


def _changed(data: JsonObject, change: Change) -> JsonObject:
    """The plain value after a change."""
    match change:
        case SetValue(path=path, value=value):
            result = _with(data, path, value)
        case Remove(path=path):
            parent = _at(data, path[:-1], path)
            if isinstance(parent, Mapping) and path[-1] in parent:
                result = _with(data, path[:-1], {key: item for key, item in parent.items() if key != path[-1]})
            else:
                index = _index(parent, path)
                result = _with(data, path[:-1], [item for at, item in enumerate(_list(parent, path)) if at != index])
        case Insert(path=path, index=index, value=value):
            found = _at(data, path, path, missing_is_none=True)
            items = [*_list([] if found is None else found, path)]
            items.insert(index, value)
            result = _with(data, path, items)
        case Move(path=path, index=index):
            parent = _at(data, path[:-1], path)
            items = [*_list(parent, path)]
            items.insert(index, items.pop(_index(parent, path)))
            result = _with(data, path[:-1], items)
    assert isinstance(result, Mapping)
    return result


def _with(data: Json, path: Path, value: Json) -> Json:
    """A copy of the data with another value at a path."""
    if not path:
        return value
    head, rest = path[0], path[1:]
    if isinstance(head, int):
        items = [*_list(data, path)]
        if not 0 <= head < len(items):
            raise EditInvalid(f"the list has {len(items)} items, so there is no [{head}]")
        items[head] = _with(items[head], rest, value)
        return items
    if data is not None and not isinstance(data, Mapping):
        raise EditInvalid(f"`{head}` cannot be set: what holds it is no mapping")
    known = data or {}
    return {**known, head: _with(known.get(head), rest, value)}


def _at(data: Json, path: Path, whole: Path, *, missing_is_none: bool = False) -> Json:
    for part in path:
        if isinstance(data, Mapping) and isinstance(part, str) and (part in data or missing_is_none):
            data = data.get(part)
        elif isinstance(data, Sequence) and not isinstance(data, str) and isinstance(part, int) and part < len(data):
            data = data[part]
        elif data is None and missing_is_none:
            return None
        else:
            raise EditInvalid(f"there is nothing at {show_path(whole)}")
    return data


def _list(value: Json, path: Path) -> Sequence[Json]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return value
    raise EditInvalid(f"there is no list at {show_path(path)}")


def _index(parent: Json, path: Path) -> int:
    last = path[-1] if path else None
    if isinstance(last, int) and 0 <= last < len(_list(parent, path)):
        return last
    raise EditInvalid(f"there is nothing at {show_path(path)}")


def _section_anew(source: str, root: MapNode, path: Path, after: JsonObject) -> str | None:
    """The text with one top-level part written anew, and all others as they are."""
    text = _Text(source, root)
    if not path or not isinstance(path[0], str):
        return None
    if path[0] not in after:
        return text.without_key(root, path[0])
    return text.with_value((path[0],), after[path[0]])


@dataclass(frozen=True, slots=True)
class _Text:
    """A text and its tree, and the ways to change it. Each gives `None` where the layout is beyond it."""

    source: str
    root: MapNode

    def make(self, change: Change, after: JsonObject) -> str | None:
        match change:
            case SetValue(path=path, value=value):
                return self.with_value(path, value)
            case Remove(path=path):
                parent = self._find(path[:-1])
                if isinstance(parent, MapNode) and isinstance(path[-1], str):
                    if len(parent.entries) == 1:
                        return self.with_value(path[:-1], {})
                    return self.without_key(parent, path[-1])
                if isinstance(parent, ListNode) and isinstance(path[-1], int):
                    return self.with_value(path[:-1], []) if len(parent.items) == 1 else self._without(parent, path[-1])
                return None
            case Insert(path=path, index=index, value=value):
                parent = self._find(path)
                if not isinstance(parent, ListNode) or not parent.items:
                    return self.with_value(path, [value])
                return self._inserted(parent, index, value)
            case Move(path=path, index=index):
                parent = self._find(path[:-1])
                if isinstance(parent, ListNode) and isinstance(path[-1], int):
                    return self._moved(parent, path[-1], index)
                return None

    def with_value(self, path: Path, value: Json) -> str | None:
        """Put a value at a path."""
        if not path:
            return None
        node, parent = self._find(path), self._find(path[:-1])
        if node is not None and parent is not None:
            return self._replaced(node, parent, path[-1], value)
        if isinstance(parent, MapNode) and isinstance(path[-1], str):
            return self._with_key(parent, path[-1], value)
        wrapped: Json = {str(path[-1]): value}
        return self.with_value(path[:-1], wrapped) if isinstance(path[-1], str) else None

    def without_key(self, parent: MapNode, key: str) -> str | None:
        """Take out an entry of a mapping that has others."""
        keys = list(parent.entries)
        at = keys.index(key)
        start, end = parent.entries[key][0].start, self._end(parent.entries[key][1])
        if self._in_flow(parent):
            return self._cut_flow(start, end, first=at == 0)
        if self._indent_of(start) is None:
            if at + 1 >= len(keys):
                return None
            return self.source[:start] + self.source[parent.entries[keys[at + 1]][0].start :]
        return self.source[: self._line_start(start)] + self.source[self._line_end(end) :]

    def _replaced(self, node: Node, parent: Node, last: str | int, value: Json) -> str | None:
        end = self._end(node)
        flow_before = self._in_flow(node) and node.size > 1
        short = emit_flow(value)
        if self._in_flow(parent) or (flow_before and len(short) <= _WIDTH and is_block(value) and "\n" not in short):
            return self.source[: node.start] + short + self.source[end:]
        if isinstance(parent, ListNode):
            return self._replaced_item(parent, last, value)
        assert isinstance(parent, MapNode)
        key = parent.entries[str(last)][0]
        colon = self.source.find(":", key.end) + 1
        text = emit_value(value, self._column(key.start))
        first, _, rest = text.partition("\n")
        tail_start = end
        if self._line_start(node.start) > key.start:
            tail_start = colon
        elif isinstance(node, ScalarNode) and node.style in ("|", ">"):
            header = self.source[node.start : self._line_end(node.start)]
            tail_start = node.start + len(header.split(" ", maxsplit=1)[0].rstrip())
        tail = self.source[tail_start : self._line_end(tail_start)].rstrip("\r\n")
        below = "\n" + rest if rest else ""
        return self.source[:colon] + first.rstrip() + tail + below + self._after_line(end)

    def _replaced_item(self, parent: ListNode, last: str | int, value: Json) -> str | None:
        chunk = self._chunk(parent, int(last), comments=False)
        if chunk is None:
            return None
        start, end = chunk
        dash = self._dash(parent, int(last))
        if dash is None:
            return None
        lines = "\n".join(emit_item(value, self._column(dash)))
        return self.source[:start] + lines + self._after_line(end - 1 if self.source[end - 1 : end] == "\n" else end)

    def _with_key(self, parent: MapNode, key: str, value: Json) -> str | None:
        if self._in_flow(parent):
            text = f"{emit_key(key)}: {emit_flow(value)}"
            close = self._end(parent) - 1
            lead = self.source[:close].rstrip()
            joint = ", " if parent.entries and not lead.endswith(",") else "" if not parent.entries else " "
            return lead + joint + text + self.source[close:]
        if not parent.entries:
            return None
        first = next(iter(parent.entries.values()))[0]
        indent = self._column(first.start)
        line = " " * indent + f"{emit_key(key)}:{emit_value(value, indent)}"
        return self._with_lines(self._end(parent), line)

    def _without(self, parent: ListNode, index: int) -> str | None:
        if self._in_flow(parent):
            item = parent.items[index]
            return self._cut_flow(item.start, self._end(item), first=index == 0)
        chunk = self._chunk(parent, index)
        return None if chunk is None else self.source[: chunk[0]] + self.source[chunk[1] :]

    def _inserted(self, parent: ListNode, index: int, value: Json) -> str | None:
        count = len(parent.items)
        at = min(index, count) if index >= 0 else max(count + index, 0)
        if self._in_flow(parent):
            if at == count:
                end = self._end(parent.items[-1])
                return self.source[:end] + ", " + emit_flow(value) + self.source[end:]
            start = parent.items[at].start
            return self.source[:start] + emit_flow(value) + ", " + self.source[start:]
        dash = self._dash(parent, 0)
        if dash is None:
            return None
        lines = "\n".join(emit_item(value, self._column(dash)))
        if at == count:
            return self._with_lines(self._end(parent), lines)
        chunk = self._chunk(parent, at)
        return None if chunk is None else self.source[: chunk[0]] + lines + "\n" + self.source[chunk[0] :]

    def _moved(self, parent: ListNode, index: int, to: int) -> str | None:
        """The item's own text at another place among its siblings; what stands between items stays."""
        spans: list[tuple[int, int]] = []
        for at, item in enumerate(parent.items):
            span = (item.start, self._end(item)) if self._in_flow(parent) else self._chunk(parent, at)
            if span is None:
                return None
            spans.append(span)
        texts = [self.source[start:end] for start, end in spans]
        if not self._in_flow(parent):
            texts = [text if text.endswith("\n") else text + "\n" for text in texts]
        texts.insert(to, texts.pop(index))
        result, done = "", 0
        for (start, end), text in zip(spans, texts, strict=True):
            result += self.source[done:start] + text
            done = end
        return result + self.source[done:]

    def _with_lines(self, end: int, lines: str) -> str:
        """The lines put below the line in which an offset lies."""
        at = self._line_end(end)
        joint = "" if self.source[:at].endswith("\n") else "\n"
        return self.source[:at] + joint + lines + "\n" + self.source[at:]

    def _chunk(self, parent: ListNode, index: int, *, comments: bool = True) -> tuple[int, int] | None:
        """An item's lines, from the comments directly above its dash to the end of its last line."""
        dash = self._dash(parent, index)
        if dash is None or self._indent_of(dash) is None:
            return None
        start = self._line_start(dash)
        indent = dash - start
        while comments and start > 0:
            above = self._line_start(start - 1)
            line = self.source[above : start - 1]
            if not line.lstrip().startswith("#") or len(line) - len(line.lstrip()) != indent:
                break
            start = above
        return start, self._line_end(self._end(parent.items[index]))

    def _dash(self, parent: ListNode, index: int) -> int | None:
        at = self.source.rfind("-", parent.start, parent.items[index].start)
        between = self.source[at + 1 : parent.items[index].start]
        return at if at >= 0 and not between.strip() else None

    def _cut_flow(self, start: int, end: int, *, first: bool) -> str | None:
        """Take out an entry between commas, and one of the commas."""
        if not first:
            comma = self.source.rfind(",", 0, start)
            return self.source[:comma] + self.source[end:]
        comma = self.source.find(",", end)
        after = comma + 1
        while self.source[after : after + 1] == " ":
            after += 1
        return self.source[:start] + self.source[after:]

    def _find(self, path: Path) -> Node | None:
        node: Node = self.root
        for part in path:
            match node, part:
                case MapNode(), str() if part in node.entries:
                    node = node.entries[part][1]
                case ListNode(), int() if part < len(node.items):
                    node = node.items[part]
                case _:
                    return None
        return node

    def _in_flow(self, node: Node) -> bool:
        return isinstance(node, MapNode | ListNode) and self.source[node.start : node.start + 1] in ("{", "[")

    def _end(self, node: Node) -> int:
        """Where a node's own text ends: a block ends with its last value, not with the comments below it."""
        if self.source.startswith("*", node.start):
            return node.end
        match node:
            case ScalarNode():
                return node.start + len(self.source[node.start : node.end].rstrip())
            case _ if self._in_flow(node):
                return node.end
            case ListNode():
                return self._end(node.items[-1]) if node.items else node.end
            case MapNode():
                return max((self._end(value) for _, value in node.entries.values()), default=node.end)

    def _line_start(self, offset: int) -> int:
        return self.source.rfind("\n", 0, offset) + 1

    def _line_end(self, offset: int) -> int:
        """After the line break of the line in which the offset lies."""
        found = self.source.find("\n", offset)
        return len(self.source) if found < 0 else found + 1

    def _after_line(self, offset: int) -> str:
        """The rest of the text from the line break of this line on."""
        found = self.source.find("\n", offset)
        return "\n" if found < 0 else self.source[found:]

    def _indent_of(self, offset: int) -> int | None:
        """The column of an offset, if nothing but blanks stands before it in its line."""
        start = self._line_start(offset)
        return offset - start if not self.source[start:offset].strip() else None

    def _column(self, offset: int) -> int:
        return offset - self._line_start(offset)
