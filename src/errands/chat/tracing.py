"""Where the values of a conversation's calls came from: what the person said, an earlier result, or a model's pen."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from errands.core.values import Json

_SECRET = re.compile(r"secret:([A-Za-z_][A-Za-z0-9_]*)")
_NOT_IN_IDS = re.compile(r"[^a-z0-9_]+")
_SHORTEST = 3
"""Characters from which on a text counts as said, or as taken from a result."""
_COMPOSED = 80
"""Characters from which on a text that nobody said and no result holds was written by a model."""
_MOST_LEAVES = 5000
_NAMES_TAKEN = ("run", "trigger", "payload", "error", "now", "clock", "state", "date", "datetime", "json", "re", "math")

Step = str | int
Compose = Callable[[str, str], str]
"""By the name of an argument and its text, the expression that gives it."""


class Trace:
    """Knows what was said and what results held; names steps and params."""

    def __init__(self, said: Sequence[str], *, follow: bool) -> None:
        """`follow`: values that results hold become references to them."""
        self.params: dict[str, Json] = {}
        self._said = [text.casefold() for text in said]
        self._follow = follow
        self._sources: dict[Json, str] = {}
        self._by_value: dict[tuple[str, Json], str] = {}
        self._taken = set(_NAMES_TAKEN)

    def name(self, wanted: str) -> str:
        """An id that nothing else has."""
        base = _NOT_IN_IDS.sub("_", wanted.casefold()).strip("_") or "step"
        base = base if base[0].isalpha() else f"step_{base}"
        found, number = base, 1
        while found in self._taken:
            number += 1
            found = f"{base}_{number}"
        self._taken.add(found)
        return found

    def learn(self, step: str, result: Json) -> None:
        """What a step gave; what an earlier one gave too stays that one's."""
        for place, (path, value) in enumerate(_leaves(result, ())):
            if place >= _MOST_LEAVES:
                return
            if _telling(value):
                self._sources.setdefault(_key(value), f"{step}{_shown(path)}")

    def traced(self, key: str, value: Json, compose: Compose) -> Json:
        """The argument as the file has it: with references and params where values came from elsewhere.

        `compose` gives the expression for a text that a model wrote.
        """
        match value:
            case Mapping():
                return {name: self.traced(name, inner, compose) for name, inner in value.items()}
            case str() if _SECRET.fullmatch(value):
                return value
            case str() if self._composed(value):
                return compose(key, value)
            case str() | int() | float() if not isinstance(value, bool):
                return self._scalar(key, value)
            case Sequence() if not isinstance(value, str):
                return [self.traced(key, inner, compose) for inner in value]
            case _:
                return value

    def _composed(self, value: str) -> bool:
        """Whether a model wrote it: long, said by nobody, held by no result."""
        if len(value) < _COMPOSED or "://" in value.split(" ", maxsplit=1)[0]:
            return False
        return _key(value) not in self._sources and not self._was_said(value)

    def _scalar(self, key: str, value: str | int | float) -> Json:
        source = self._sources.get(_key(value)) if self._follow else None
        if source is not None and _telling(value):
            return f"{{{{ {source} }}}}"
        if self._was_said(value):
            return f"{{{{ {self._param(key, value)} }}}}"
        return literal(value) if isinstance(value, str) else value

    def _param(self, key: str, value: str | int | float) -> str:
        """The param that holds this value by default; the same value under the same key is the same param."""
        known = self._by_value.get((key, _key(value)))
        if known is not None:
            return known
        name = self.name(key)
        kind = "string" if isinstance(value, str) else "integer" if isinstance(value, int) else "number"
        default: Json = literal(value) if isinstance(value, str) else value
        self.params[name] = {"type": kind, "default": default}
        self._by_value[key, _key(value)] = name
        return name

    def _was_said(self, value: str | int | float) -> bool:
        """Whether the person's words hold the value, as a word of its own."""
        text = str(value).casefold()
        if isinstance(value, str) and len(text) < _SHORTEST:
            return False
        whole = re.compile(rf"(?<![\w.-]){re.escape(text)}(?![\w-])")
        return any(whole.search(said) for said in self._said)


def literal(text: str) -> str:
    """The text as a template that gives it back."""
    return text.replace("{{", "{{ '{{' }}")


def hosts_of(value: Json) -> set[str]:
    """The hosts of all addresses in a value."""
    found = set()
    for _, text in _leaves(value, ()):
        if isinstance(text, str) and "://" in text:
            try:
                found.add(urlsplit(text.strip()).netloc.rpartition("@")[2])
            except ValueError:
                continue
    return found - {""}


def secrets_of(value: Json) -> set[str]:
    """The names of all secrets that a value refers to."""
    return {name for _, text in _leaves(value, ()) if isinstance(text, str) for name in _SECRET.findall(text)}


def _leaves(value: Json, path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Json]]:
    match value:
        case Mapping():
            for key, inner in value.items():
                yield from _leaves(inner, (*path, key))
        case Sequence() if not isinstance(value, str):
            for number, inner in enumerate(value):
                yield from _leaves(inner, (*path, number))
        case _:
            yield path, value


def _telling(value: Json) -> bool:
    """Whether an equal value elsewhere is hardly by chance."""
    if isinstance(value, str):
        return len(value) >= _SHORTEST
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= 100


def _key(value: Json) -> Json:
    return value if isinstance(value, str) else f"#{value}"


def _shown(path: Sequence[Step]) -> str:
    return "".join(f"[{part!r}]" for part in path)
