"""Which tools an agent is offered, and the names by which a provider knows them."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from errands.core.catalog import ToolSpec
from errands.core.definition.policies import Grants
from errands.core.outcomes import ErrorKind, StepFailed

_LONGEST_NAME = 64
"""Providers accept `[a-zA-Z0-9_-]{1,64}` as the name of a function."""
_RESERVED = frozenset(("final_result",))
"""pydantic-ai's own tool for structured output."""
_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool that a model may call."""

    alias: str
    """Its name at the provider."""
    spec: ToolSpec


def names_of(grants: Grants) -> list[str]:
    """The names and globs of the tools that a task was granted."""
    return [grant if isinstance(grant, str) else grant.name for grant in grants.tools]


def offer(
    wanted: Sequence[str], granted: Sequence[str], specs: Mapping[str, ToolSpec], *, asked_by_step: bool
) -> list[Offer]:
    """The tools that match `wanted` (names or globs) and what the task was granted, by name.

    A tool that the step names exactly must exist and be granted: StepFailed (not_found, denied) otherwise. What an
    agent's own list holds beyond the grants is left out without a word, since one agent serves many tasks.
    """
    if asked_by_step:
        for name in wanted:
            _check_named(name, granted, specs)
    chosen = [name for name in sorted(specs) if _matches(name, wanted) and _matches(name, granted)]
    aliases = encode(chosen)
    return [Offer(aliases[name], specs[name]) for name in chosen]


def encode(names: Iterable[str]) -> dict[str, str]:
    """A provider-safe, unique alias for each tool name: `http.request` -> `http_request`.

    The same set of names always gets the same aliases, so that a replay sees what the first attempt saw.
    """
    aliases: dict[str, str] = {}
    taken = set(_RESERVED)
    for name in sorted(names):
        alias = re.sub(r"[^a-zA-Z0-9_-]", "_", name)
        if alias in taken or len(alias) > _LONGEST_NAME:
            mark = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
            alias = f"{alias[: _LONGEST_NAME - len(mark) - 1]}_{mark}"
        taken.add(alias)
        aliases[name] = alias
    return aliases


def _check_named(name: str, granted: Sequence[str], specs: Mapping[str, ToolSpec]) -> None:
    if _GLOB.search(name):
        return
    if name not in specs:
        raise StepFailed(
            ErrorKind.NOT_FOUND,
            f"the step offers its agent the tool {name!r}, which does not exist",
            hint="check the name, or whether the tool server that provides it is connected",
        )
    if not _matches(name, granted):
        raise StepFailed(
            ErrorKind.DENIED,
            f"the step offers its agent the tool {name!r}, which the task was not granted",
            hint=f"add {name!r} to grants.tools",
        )


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
