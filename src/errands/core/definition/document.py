"""Reads the text of a YAML file into a tree with places, and refuses what could harm or mislead.

Built on the event stream of ruamel.yaml, not on its constructors: nothing recurses, no tag makes an object, and every
limit is looked at before memory is spent.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from errands.core.definition.nodes import ListNode, MapNode, Node, ScalarNode
from errands.core.definition.positions import Positions
from errands.core.definition.rules import RuleCode
from errands.core.definition.syntax_words import explain
from errands.core.problems import Problem, in_file_order
from errands.core.values import Json

MAX_BYTES = 2**20
MAX_DEPTH = 64
"""Levels of lists and mappings. Steps have a tighter limit of their own."""
MAX_NODES = 50_000
"""Values in a file, aliases counted as often as they are used."""

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("true", "True", "TRUE"))
_FALSE = frozenset(("false", "False", "FALSE"))
_INTEGER = re.compile(r"[-+]?[0-9][0-9_]*|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_SURPRISES = (ValueError, TypeError, IndexError, KeyError, AttributeError, AssertionError, NotImplementedError)
"""What ruamel.yaml raises beside its own errors on some broken input."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a file's text holds. `root` is `None` where its syntax is broken."""

    root: MapNode | None
    positions: Positions
    problems: list[Problem]


def read_document(source: str) -> Document:
    """The tree of a YAML file, with every problem that keeps it from being one. Never raises.

    Decode bytes with `errors="surrogateescape"`: then those that are not UTF-8 are found here, with their place.
    """
    source = source.removeprefix("\ufeff")
    problems = _refuse_text(source)
    if problems:
        return Document(None, Positions.of(source[:MAX_BYTES], None), problems)
    composer = _Composer(Positions.of(source, None))
    root = composer.compose(source)
    if root is None and not composer.problems:
        composer.report(0, "the file is empty", "start with `task: name`", "empty")
    elif not isinstance(root, MapNode) and not composer.problems:
        composer.report(0, "a file must be a mapping of keys to values", "start with `task: name`", "wrong-type")
    usable = root if isinstance(root, MapNode) else None
    return Document(usable, Positions.of(source, usable), in_file_order(composer.problems))


def _refuse_text(source: str) -> list[Problem]:
    """Bounds on the bare text, before any parser sees it."""
    size = len(source) if len(source) > MAX_BYTES else len(source.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        hint = "move long data into a file that a step reads, or split the task into sub-tasks"
        return [
            Problem(1, 1, "", f"the file has {size:,} bytes; the limit is {MAX_BYTES:,} (1 MiB)", hint, "too-large")
        ]
    if not source.strip():
        return [Problem(1, 1, "", "the file is empty", "start with `task: name`", "empty")]
    for offset, character in enumerate(source):
        if character == "\0" or "\ud800" <= character <= "\udfff":
            place = Positions.of(source, None).place(offset)
            what = "a NUL character" if character == "\0" else "bytes that are not UTF-8 text"
            hint = "save the file as UTF-8 text"
            return [Problem(place.line, place.column, "", f"the file holds {what}", hint, "syntax")]
    return []


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been seen yet."""

    start: int
    mapping: bool
    flow: bool
    anchor: str | None
    children: list[Node] = field(default_factory=list)
    size: int = 1
    depth: int = 0


@dataclass(slots=True)
class _Composer:
    """Puts events together to a tree, with a stack of its own instead of recursion."""

    positions: Positions
    problems: list[Problem] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, Node] = field(default_factory=dict)
    documents: int = 0
    stopped: bool = False

    def compose(self, source: str) -> Node | None:
        """The root of the only document, or `None` with a problem that says why there is none."""
        root: Node | None = None
        for event in self._events(source):
            node = self._take(event)
            if self.stopped:
                return None
            if node is not None:
                if self.stack:
                    self._put(node)
                else:
                    root = node
        return None if self.stopped else root

    def report(self, offset: int, message: str, hint: str | None, code: RuleCode) -> None:
        place = self.positions.place(offset)
        self.problems.append(Problem(place.line, place.column, "", message, hint, code))

    def _stop(self, offset: int, message: str, hint: str | None, code: RuleCode) -> None:
        self.report(offset, message, hint, code)
        self.stopped = True

    def _events(self, source: str) -> Iterator[Event]:
        try:
            yield from YAML(typ="safe", pure=True).parse(source)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            offset = mark.index if mark is not None else 0
            opened = error.context_mark.index if error.context_mark is not None else None
            words = explain(source, offset, opened, error.context, error.problem)
            self._stop(words.offset, words.message, words.hint, "syntax")
        except ReaderError as error:
            code = error.character if isinstance(error.character, int) else ord(str(error.character)[:1] or "?")
            message = f"the file holds the control character U+{code:04X}"
            self._stop(error.position, message, f'remove it, or write it as "\\u{code:04x}" in double quotes', "syntax")
        except (YAMLError, *_SURPRISES) as error:
            self._stop(0, f"this is not readable as YAML: {str(error)[:200]}", None, "syntax")

    def _take(self, event: Event) -> Node | None:
        """What an event completes, if anything."""
        match event:
            case DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    hint = "put each task, agent or model into a file of its own"
                    self._stop(event.start_mark.index, "a second document starts here (`---`)", hint, "many-documents")
                elif event.version not in (None, (1, 2), "1.2"):
                    self._stop(0, "only YAML 1.2 is read here", "remove the %YAML line", "syntax")
            case DocumentEndEvent():
                pass
            case ScalarEvent():
                return self._scalar(event)
            case AliasEvent():
                return self._alias(event)
            case SequenceStartEvent() | MappingStartEvent():
                self._open(event)
            case SequenceEndEvent() | MappingEndEvent():
                return self._close(event)
            case _:
                pass
        return None

    def _open(self, event: SequenceStartEvent | MappingStartEvent) -> None:
        self._refuse_tag(event)
        if len(self.stack) >= MAX_DEPTH:
            hint = "use fewer levels of lists and mappings"
            self._stop(event.start_mark.index, f"values are nested deeper than {MAX_DEPTH} levels", hint, "too-deep")
        mapping = isinstance(event, MappingStartEvent)
        self.stack.append(_Open(event.start_mark.index, mapping, bool(event.flow_style), event.anchor))

    def _close(self, event: SequenceEndEvent | MappingEndEvent) -> Node:
        done = self.stack.pop()
        end = max(event.end_mark.index if done.flow else event.start_mark.index, done.start)
        node: Node
        if done.mapping:
            node = MapNode(self._entries(done), done.start, end, done.size, done.depth)
        else:
            node = ListNode(tuple(done.children), done.start, end, done.size, done.depth)
        if done.anchor:
            self.anchors[done.anchor] = node
        return node

    def _put(self, node: Node) -> None:
        parent = self.stack[-1]
        parent.children.append(node)
        parent.size += node.size
        parent.depth = max(parent.depth, node.depth + 1)
        if parent.size > MAX_NODES or len(self.stack) + node.depth > MAX_DEPTH:
            hint = "repeat less with aliases (`*name`), or move data into a file that a step reads"
            self._stop(node.start, f"the file unfolds to more than {MAX_NODES:,} values", hint, "too-large")

    def _entries(self, done: _Open) -> dict[str, tuple[ScalarNode, Node]]:
        entries: dict[str, tuple[ScalarNode, Node]] = {}
        merged: list[Node] = []
        for key, value in zip(done.children[::2], done.children[1::2], strict=True):
            if not isinstance(key, ScalarNode):
                braces = isinstance(key, MapNode)
                hint = 'put the template in quotes: "{{ ... }}"' if braces else "keys must be plain texts"
                what = "`{{` outside quotes is read as a mapping" if braces else "a list cannot be a key"
                self.report(
                    done.start if braces else key.start, what, hint, "unquoted-template" if braces else "syntax"
                )
            elif key.text == "<<" and key.style is None:
                merged += value.items if isinstance(value, ListNode) else [value]
            elif (name := _key_text(key)) in entries:
                first = self.positions.place(entries[name][0].start)
                hint = f"it stands in line {first.line} already; remove one of the two"
                self.report(key.start, f"the key `{name[:80]}` stands here a second time", hint, "duplicate-key")
            else:
                entries[name] = (key, value)
        for source in merged:
            if isinstance(source, MapNode):
                entries |= {name: entry for name, entry in source.entries.items() if name not in entries}
            else:
                self.report(source.start, "`<<` takes a mapping", "write `<<: *name`", "syntax")
        return entries

    def _alias(self, event: AliasEvent) -> Node | None:
        found = self.anchors.get(event.anchor)
        if found is None:
            inside = any(level.anchor == event.anchor for level in self.stack)
            message = f"`*{event.anchor}` contains itself" if inside else f"nothing is named `&{event.anchor}` above"
            hint = "" if inside else " or, if it is meant as text, put it in quotes"
            self._stop(
                event.start_mark.index, message, f"name a value that is complete before this line{hint}", "alias"
            )
        return replace(found, start=event.start_mark.index, end=event.end_mark.index) if found else None

    def _scalar(self, event: ScalarEvent) -> Node:
        self._refuse_tag(event)
        start, end = event.start_mark.index, max(event.start_mark.index, event.end_mark.index)
        text = self._whole(event.value, start)
        value: Json = text
        if event.style is None:
            value = self._resolve(text, start)
        node = ScalarNode(value, text, start, end, event.style)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _whole(self, text: str, start: int) -> str:
        """Joins `\\ud83d\\ude00`, as JSON escapes what is beyond 16 bits; a half alone is no text."""
        if not any("\ud800" <= character <= "\udfff" for character in text):
            return text
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self.report(start, "an escape stands for half a character", "write the character itself", "bad-value")
            return text.encode(errors="replace").decode()

    def _resolve(self, text: str, start: int) -> Json:
        """A plain text as YAML 1.2 reads it. Dates stay text: JSON has none."""
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        if _NOT_FINITE.fullmatch(text):
            self.report(
                start, f"`{text}` is no number that JSON can carry", "put it in quotes if it is text", "bad-value"
            )
            return 0
        number = text.replace("_", "")
        if len(text) > 300 or not (_INTEGER.fullmatch(text) or _FLOAT.fullmatch(text)):
            return text
        if _INTEGER.fullmatch(text):
            return int(number, 0) if number[:2] in ("0o", "0x") else int(number)
        value = float(number)
        if value in (float("inf"), float("-inf")):
            self.report(start, f"{text[:40]} is too large a number", "put it in quotes if it is text", "bad-value")
            return 0
        return value

    def _refuse_tag(self, event: ScalarEvent | SequenceStartEvent | MappingStartEvent) -> None:
        if event.tag is not None and str(event.tag) not in ("!", "None"):
            shown = str(event.tag).removeprefix("tag:yaml.org,2002:")
            self.report(event.start_mark.index, f"the tag `{shown[:60]}` is not read here", "remove it", "tag")


def _key_text(key: ScalarNode) -> str:
    """`200:`, `true:` and `null:` are the keys that JSON would write."""
    match key.value:
        case True:
            return "true"
        case False:
            return "false"
        case None if key.style is None:
            return "null"
        case _:
            return key.text
