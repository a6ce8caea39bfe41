"""Writes plain values as YAML: short things in one line, the rest in blocks, long texts as they are read."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from errands.core.definition.document import read_document
from errands.core.definition.nodes import plain
from errands.core.values import Json

INDENT: Final = 2
_FLOW_SIGNS: Final = frozenset(",[]{}")
_TRUTH_IN_YAML_1_1: Final = frozenset(("yes", "no", "on", "off"))
_BREAKS: Final = ("\r", "\x85", "\u2028", "\u2029", "\t")


def emit_flow(value: Json) -> str:
    """A value in one line."""
    match value:
        case str():
            return _quoted(value) if _FLOW_SIGNS & set(value) or "\n" in value else _scalar(value)
        case Mapping():
            return "{" + ", ".join(f"{emit_key(key)}: {emit_flow(item)}" for key, item in value.items()) + "}"
        case Sequence():
            return "[" + ", ".join(emit_flow(item) for item in value) + "]"
        case _:
            return json.dumps(value)


def emit_value(value: Json, indent: int) -> str:
    """What follows `key:`, a line break included where the value needs one. `indent` is the key's own column."""
    match value:
        case str() if is_block(value):
            return " " + _literal(value, indent + INDENT)
        case Mapping() | Sequence() if is_block(value):
            return "\n" + "\n".join(emit_lines(value, indent + INDENT))
        case _:
            return " " + (_scalar(value) if isinstance(value, str) else emit_flow(value))


def emit_lines(value: Json, indent: int) -> list[str]:
    """A mapping or list that is not empty, as a block."""
    lead = " " * indent
    lines: list[str] = []
    if isinstance(value, Mapping):
        for key, item in value.items():
            lines += f"{lead}{emit_key(key)}:{emit_value(item, indent)}".split("\n")
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            lines += emit_item(item, indent)
    return lines


def emit_item(item: Json, indent: int) -> list[str]:
    """An item of a block list, its dash included."""
    lead = " " * indent
    if isinstance(item, Mapping | Sequence) and not isinstance(item, str) and is_block(item):
        inner = emit_lines(item, indent + INDENT)
        return [f"{lead}- {inner[0][indent + INDENT :]}", *inner[1:]]
    return f"{lead}-{emit_value(item, indent)}".split("\n")


_MERGE: Final = "<<"
"""As a plain key it means: take in the keys of another mapping."""


def emit_key(key: str) -> str:
    """A key, in quotes where YAML would read it as something else."""
    return key if _reads_as_itself(key) and ":" not in key and key != _MERGE else _quoted(key)


def is_block(value: Json) -> bool:
    """Whether a value takes lines of its own."""
    match value:
        case str():
            literal = "\n" in value and not any(sign in value for sign in _BREAKS)
            return literal and value.strip("\n") != "" and value.isprintable() is False and _printable(value)
        case Mapping() | Sequence():
            return bool(value)
        case _:
            return False


def _printable(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


def _literal(text: str, indent: int) -> str:
    """`|`, with the mark that keeps the right number of line breaks at the end."""
    body = text.rstrip("\n")
    ending = len(text) - len(body)
    keep = {0: "-", 1: ""}.get(ending, "+")
    begins_blank = text[:1] in (" ", "\n")
    lead = " " * indent
    lines = [lead + line if line else "" for line in body.split("\n")] + [""] * max(ending - 1, 0)
    return f"|{INDENT if begins_blank else ''}{keep}\n" + "\n".join(lines)


def _scalar(text: str) -> str:
    return text if _reads_as_itself(text) and text.lower() not in _TRUTH_IN_YAML_1_1 else _quoted(text)


def _quoted(text: str) -> str:
    return "".join(_escaped(sign) for sign in json.dumps(text, ensure_ascii=False))


def _escaped(sign: str) -> str:
    """A sign as double quotes may hold it. (JSON's pairs of surrogates mean something else in YAML.)"""
    return sign if sign.isprintable() and ord(sign) < 0x10000 else f"\\U{ord(sign):08x}"


@lru_cache(4096)
def _reads_as_itself(text: str) -> bool:
    """Whether a text needs no quotes, as a value in a block."""
    if not text or "\n" in text or len(text) > 200 or not text.isprintable() or text.strip() != text:
        return False
    document = read_document(f"a: {text}\n")
    return document.root is not None and not document.problems and plain(document.root) == {"a": text}
