"""Agents and models that are set field by field: each becomes a change of its file, whose comments and order stay."""

from collections.abc import Mapping
from typing import Literal

from errands.core.definition.document import read_document
from errands.core.definition.editing import Change, Remove, SetValue, rewrite
from errands.core.definition.emitting import emit_lines
from errands.core.definition.nodes import plain
from errands.core.definition.parsing import parse_document
from errands.core.values import Json, JsonObject
from errands.services.applying import as_json

Kind = Literal["agent", "model"]


def declare(kind: Kind, name: str, given: JsonObject, before: str | None) -> str:
    """The file that says what is given: every field but its name. What is None or empty is left out.

    `before`: the file that is there; only what means something else now is written anew.
    """
    wanted: JsonObject = {kind: name, **{key: value for key, value in given.items() if not _empty(value)}}
    anew = "\n".join(emit_lines(wanted, 0)) + "\n"
    document = None if before is None else read_document(before)
    if before is None or document is None or document.root is None:
        return anew
    found, means, meant = plain(document.root), _meaning(anew), _meaning(before)
    assert isinstance(found, Mapping)
    changes: list[Change] = [Remove((key,)) for key in found if key not in wanted]
    for key, value in wanted.items():
        same_words = key in found and found[key] == value
        if not same_words and (key not in means or means[key] != meant.get(key)):
            changes.append(SetValue((key,), value))
    return rewrite(before, changes)


def _empty(value: Json) -> bool:
    """Whether leaving it out means the same."""
    return value is None or value in ("", [], {})


def _meaning(source: str) -> JsonObject:
    """What a file comes down to, by key; nothing where it cannot be read as a whole."""
    definition = parse_document(source).definition
    return {} if definition is None else as_json(definition)
