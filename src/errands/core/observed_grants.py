"""The narrowest grants that would have been enough for what runs have really done."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from errands.core.definition.policies import Grants, ToolGrant
from errands.core.tool_servers import SECRET_REFERENCE
from errands.core.values import Json, JsonObject


@dataclass(slots=True)
class Observed:
    """What was reached, gathered call by call."""

    tools: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    """`host` and `host:port`, of every URL among the arguments."""
    folders: dict[str, set[bool]] = field(default_factory=dict)
    """Absolute paths, each with whether it was written to."""

    def add(self, tool: str, arguments: Json, *, changes: bool = False) -> None:
        """A call that was made."""
        self.tools.add(tool)
        for text in _texts(arguments):
            self.secrets.update(SECRET_REFERENCE.findall(text))
            if text.startswith(("http://", "https://", "ws://", "wss://")):
                self._host(text)
            elif text.startswith("/"):
                self.folders.setdefault(text, set()).add(changes)

    def _host(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            if parts.hostname:
                self.hosts.add(f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname)
        except ValueError:
            return  # It was refused when it was called, too.


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What could be granted instead, and what is dropped or narrowed by it."""

    grants: JsonObject
    """As the task file writes it."""
    unused: tuple[str, ...]
    """Such as `tools: mail.send`: granted, and never needed."""
    narrowed: tuple[str, ...]
    """Such as `tools: crm/* -> crm/find`: granted by a glob of which less was needed."""

    @property
    def narrower(self) -> bool:
        """Whether anything could be taken away."""
        return bool(self.unused or self.narrowed)


def suggest(grants: Grants, seen: Observed, *, needed: Collection[str] = ()) -> Suggestion:
    """The part of the grants that was used. `needed`: tools that stay although no run has called them."""
    tools, unused, narrowed = _tools(grants.tools, seen.tools | set(needed))
    kept: dict[str, Json] = {"tools": tools} if tools else {}
    for name, granted, used in (("secrets", grants.secrets, seen.secrets), ("hosts", grants.hosts, seen.hosts)):
        found = [_used(one, used) for one in granted]
        values = [value for values in found for value in values]
        unused += [f"{name}: {one}" for one, values in zip(granted, found, strict=True) if not values]
        narrowed += _narrowed(name, granted, found)
        kept |= {name: list(dict.fromkeys(values))} if values else {}
    folders = [one for one in grants.folders if _opened(one, seen.folders)]
    unused += [f"folders: {one}" for one in grants.folders if one not in folders]
    kept |= {"folders": [*folders]} if folders else {}
    marked = [one for one in grants.untrusted if _used(one, seen.tools | set(needed))]
    unused += [f"untrusted: {one}" for one in grants.untrusted if one not in marked]
    kept |= {"untrusted": [*marked]} if marked else {}
    return Suggestion(kept, tuple(unused), tuple(narrowed))


def _tools(granted: Iterable[str | ToolGrant], used: Collection[str]) -> tuple[list[Json], list[str], list[str]]:
    """Grants by exact name, with the bounds that they had."""
    kept: list[Json] = []
    unused: list[str] = []
    narrowed: list[str] = []
    for grant in granted:
        name = grant if isinstance(grant, str) else grant.name
        found = _used(name, used)
        if not found:
            unused.append(f"tools: {name}")
            continue
        narrowed += _narrowed("tools", [name], [found])
        bounds = {} if isinstance(grant, str) else _bounds(grant)
        kept += [{"name": one, **bounds} if bounds else one for one in found]
    return kept, unused, narrowed


def _bounds(grant: ToolGrant) -> dict[str, Json]:
    bounds: dict[str, Json] = {"arguments": dict(grant.arguments)} if grant.arguments else {}
    return bounds | ({"approve": True} if grant.approve else {})


def _used(granted: str, used: Collection[str]) -> list[str]:
    """What of a grant was needed: exact names in the place of a glob, a host with its port as it was granted."""
    if granted in used:
        return [granted]
    if "*" not in granted and "?" not in granted:
        return [granted] if any(one.partition(":")[0] == granted for one in used) else []
    return sorted(one for one in used if fnmatchcase(one, granted) or fnmatchcase(one.partition(":")[0], granted))


def _narrowed(name: str, granted: Iterable[str], found: Iterable[list[str]]) -> list[str]:
    return [
        f"{name}: {one} -> {', '.join(values)}"
        for one, values in zip(granted, found, strict=True)
        if values and values != [one]
    ]


def _opened(folder: str, opened: Mapping[str, set[bool]]) -> bool:
    path = folder.removesuffix(":write").rstrip("/")
    return any(one == path or one.startswith(f"{path}/") for one in opened)


def _texts(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for inner in value.values():
                yield from _texts(inner)
        case list() | tuple():
            for inner in value:
                yield from _texts(inner)
        case _:
            return
