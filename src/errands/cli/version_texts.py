"""What differs between two versions of a task, as lines to read."""

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from errands.cli.diffs import diff_text
from errands.cli.neutral import one_line, safe
from errands.core.definition.comparing import Difference, FieldChange
from errands.core.values import Json, to_text
from errands.services.views import VersionDiff

if TYPE_CHECKING:
    from rich.text import Text

_SIGNS = {"added": ("+", "diff.added"), "removed": ("-", "diff.removed"), "changed": ("~", ""), "moved": (">", "")}
_TITLES = {
    "task": "Task",
    "param": "Params",
    "grant": "Grants",
    "budget": "Budget",
    "limit": "Limits",
    "step": "Steps",
    "trigger": "Triggers",
    "test": "Tests",
}
_ONE_VALUE = ("task", "budget", "limit")
"""Areas whose differences are one key each, said in one line."""
_LONGEST = 160


def diff_lines(found: VersionDiff) -> "Sequence[Text]":
    """A heading for each part of the task that differs, below it a line for each difference and each key."""
    if not found.differences:
        return [safe(f"Versions {found.older} and {found.newer} of {found.task} say the same.")]
    lines = [safe(f"{found.task}: version {found.older} to {found.newer}", "strong")]
    for area, title in _TITLES.items():
        those = [one for one in found.differences if one.area == area]
        if those:
            lines.append(safe(title, "diff.place"))
        for one in those:
            lines += _told(one)
    return lines


def _told(one: Difference) -> "list[Text]":
    sign, style = _SIGNS[one.change]
    if one.area in _ONE_VALUE:
        (field,) = one.fields
        return [safe(f"  {sign} {_keyed(field)}", style), *_changed_lines(field)]
    kind = f" ({one.kind})" if one.kind else ""
    head = safe(f"  {sign} {one_line(one.name)}{kind} {one.change}{_place(one)}", style)
    lines = [head]
    for field in one.fields:
        lines += [safe(f"      {_keyed(field)}", "faint"), *_changed_lines(field)]
    return lines


def _place(one: Difference) -> str:
    if one.change == "moved":
        return f" from {one.earlier_place} to {one.place}" if one.earlier_place else f" within {one.place}"
    return f" in {one.place}" if one.place and one.change != "changed" else ""


def _keyed(field: FieldChange) -> str:
    if _has_lines(field):
        return f"{field.field}:"
    if field.before is None:
        return f"{field.field}: {_shown(field.after)}"
    if field.after is None:
        return f"{field.field}: no longer {_shown(field.before)}"
    return f"{field.field}: {_shown(field.before)} -> {_shown(field.after)}"


def _has_lines(field: FieldChange) -> bool:
    """Whether it is a text of several lines that has changed, such as a transform."""
    before, after = field.before, field.after
    return isinstance(before, str) and isinstance(after, str) and "\n" in before.rstrip() + after.rstrip()


def _changed_lines(field: FieldChange) -> "list[Text]":
    """A unified diff of a text of several lines, without the names of files, which it has not."""
    if not _has_lines(field):
        return []
    before, after = str(field.before).splitlines(), str(field.after).splitlines()
    lines = list(difflib.unified_diff(before, after, n=2, lineterm=""))[2:]
    return [safe("        ") + diff_text(line) for line in lines]


def _shown(value: Json) -> str:
    return one_line(value if isinstance(value, str) else to_text(value), _LONGEST)
