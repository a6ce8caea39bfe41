"""Tools that installed packages bring: found by entry point, held against the rules, put into the catalog.

A package is code that runs with the rights of this process, so none is looked into that is not allowed by name. One
that breaks costs nobody else a tool: what is wrong with it is told, in words that its maker can use.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points

from errands.core.catalog import ToolPackage
from errands.tools.catalog import Catalog
from errands.tools.tool import Arguments, Output, Tool

GROUP = "errands.tools"
"""Of the entry points: `"stock.level" = "errands_stock:stock_level"`, the tool's name and where it is."""
EVERY = "*"

_TOOL_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_LONGEST = 64


class _Unfit(Exception):
    """A tool cannot be taken; the text says why."""


def add_from_packages(catalog: Catalog, allowed: Sequence[str]) -> Sequence[ToolPackage]:
    """Put the tools of the allowed packages into a catalog that has the built-in ones. Raises nothing.

    `allowed` are names of packages, or `*` for all. Gives them by name, with what became of each.
    """
    if not allowed:
        return ()
    taken = {name.partition(".")[0] for name in catalog.specs()}
    found = {package: entries for package, entries in _installed().items() if _is_in(package, allowed)}
    claims = Counter(entry.name for entries in found.values() for entry in entries)
    brought = [_added(catalog, package, entries, taken, claims) for package, entries in found.items()]
    there = {_normal(package) for package, _ in found}
    missing = [name for name in allowed if name != EVERY and _normal(name) not in there]
    absent = [ToolPackage(name, "", (), (f"{name} is not installed here, or brings no tools",)) for name in missing]
    return sorted([*brought, *absent], key=lambda package: package.name)


def packages_not_allowed(allowed: Sequence[str]) -> Sequence[ToolPackage]:
    """Installed packages that say they bring tools, and that nobody has allowed. None of their code is run."""
    others = ((package, entries) for package, entries in _installed().items() if not _is_in(package, allowed))
    return [ToolPackage(*package, tuple(sorted(entry.name for entry in entries))) for package, entries in others]


_Package = tuple[str, str]
"""Name and version."""


def _installed() -> Mapping[_Package, Sequence[EntryPoint]]:
    packages: dict[_Package, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        if entry.dist is not None:
            packages.setdefault((entry.dist.name, entry.dist.version), []).append(entry)
    return dict(sorted(packages.items()))


def _is_in(package: _Package, allowed: Sequence[str]) -> bool:
    return EVERY in allowed or _normal(package[0]) in {_normal(name) for name in allowed}


def _normal(name: str) -> str:
    """As package indexes compare names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _added(
    catalog: Catalog, package: _Package, entries: Sequence[EntryPoint], taken: set[str], claims: Mapping[str, int]
) -> ToolPackage:
    added, problems = [], []
    for entry in sorted(entries, key=lambda entry: entry.name):
        try:
            _check_name(entry.name, taken, claims)
            tool = _fit(entry)
        except _Unfit as unfit:
            problems.append(str(unfit))
            continue
        whose = " ".join(package)
        # Another version of the package may mean something else by the same call: its cached answers are void.
        catalog.add(replace(tool, spec=replace(tool.spec, package=whose, version=f"{tool.spec.version} of {whose}")))
        added.append(entry.name)
    return ToolPackage(*package, tuple(added), tuple(problems))


def _check_name(name: str, taken: set[str], claims: Mapping[str, int]) -> None:
    """A grant such as `files.*` means the tools that an author knows; no package puts one of its own among them."""
    if not _TOOL_NAME.fullmatch(name) or len(name) > _LONGEST:
        raise _Unfit(f"{name!r} cannot be a tool's name: write a noun, a dot and a verb, such as stock.level")
    noun = name.partition(".")[0]
    if noun in taken:
        raise _Unfit(f"{name}: names that begin with `{noun}.` are those of Errands itself")
    if claims[name] > 1:
        raise _Unfit(f"{name}: two packages claim this name, so neither gets it")


def _fit(entry: EntryPoint) -> Tool[Arguments, Output]:
    """The tool that an entry point names. Raises _Unfit."""
    try:
        tool = entry.load()
    except (Exception, SystemExit) as fault:
        raise _Unfit(f"{entry.name}: {entry.value} cannot be loaded: {type(fault).__name__}: {fault}") from None
    if not isinstance(tool, Tool):
        raise _Unfit(f"{entry.name}: {entry.value} is no tool but {type(tool).__name__}; make it with `@tool(...)`")
    if tool.spec.name != entry.name:
        raise _Unfit(f"{entry.name}: the tool at {entry.value} calls itself {tool.spec.name}")
    if not tool.spec.description:
        raise _Unfit(f"{entry.name}: its function has no docstring, so nobody could know what it does")
    if tool.granted_by_secrets:
        raise _Unfit(f"{entry.name}: a tool of a package is granted like any other, so not by its secrets")
    return tool
