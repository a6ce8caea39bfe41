"""Tasks, versions and what `apply` did with files, as text and tables."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from errands.cli.diagnostics import problem_lines
from errands.cli.diffs import diff_text
from errands.cli.displays import local_now
from errands.cli.figures import moment
from errands.cli.neutral import one_line, safe
from errands.cli.tables import Column, table
from errands.services.porting_views import Imported
from errands.services.views import Applied, TaskView, VersionView

if TYPE_CHECKING:
    from rich.console import Group

_CHANGES = {
    ("created", False): "created",
    ("changed", False): "changed",
    ("unchanged", False): "unchanged",
    ("created", True): "would be created",
    ("changed", True): "would change",
    ("unchanged", True): "would stay as it is",
}


def applied_text(applied: Applied, source: str, *, dry_run: bool, width: int) -> "Group":
    """One line on a file, its warnings, and the diff of what changed."""
    from rich.console import Group, RenderableType

    line = f"{one_line(applied.name)}: {applied.kind} {_CHANGES[applied.change, dry_run]}"
    if applied.version is not None:
        line += f", version {applied.version}{' published' if applied.published else ''}"
    parts: list[RenderableType] = [safe(line, "strong" if applied.change != "unchanged" else "")]
    for problem in applied.problems:
        parts += problem_lines(applied.file, source, problem, width=width)
    if applied.diff and applied.change == "changed":
        parts.append(diff_text(applied.diff))
    return Group(*parts)


def imported_text(imported: Imported, *, dry_run: bool, width: int) -> "Group":
    """A line on each file of a project, and the diff of what changed."""
    from rich.console import Group, RenderableType

    parts: list[RenderableType] = []
    for brought in imported.brought:
        line = f"{one_line(brought.name)}: {brought.kind} {_CHANGES[brought.change, dry_run]}"
        parts.append(safe(line, "strong" if brought.change != "unchanged" else ""))
        if brought.diff and brought.change == "changed":
            parts.append(diff_text(brought.diff))
    parts += [applied_text(one, "", dry_run=dry_run, width=width) for one in imported.applied]
    return Group(*parts)


def task_table(views: Sequence[TaskView], width: int) -> "Group":
    """One task a row."""
    return table(
        [Column("Task", "accent"), Column("Version"), Column("State", rank=1), Column("What it does", rank=2)],
        [
            (
                view.name,
                str(view.published) if view.published is not None else "none published",
                _state(view),
                view.title or view.description,
            )
            for view in views
        ],
        width,
    )


def version_table(views: Sequence[VersionView], width: int) -> "Group":
    """One version a row."""
    now = local_now()
    return table(
        [Column("Version"), Column(""), Column("Made"), Column("By"), Column("Message", rank=1)],
        [
            (
                str(view.number),
                "published" if view.published else "",
                moment(view.created_at, now),
                view.author,
                view.message or "",
            )
            for view in views
        ],
        width,
    )


def _state(view: TaskView) -> str:
    if view.remove_at is not None:
        return f"deleted, removed {moment(view.remove_at, local_now())}"
    if view.archived_at is not None:
        return "archived"
    if view.paused_at is None:
        return "active"
    return f"paused: {view.pause_note}" if view.pause_note else "paused"
