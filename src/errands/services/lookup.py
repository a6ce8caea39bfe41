"""From the names that callers use to rows; what is not there is refused with the nearest that is."""

import difflib
import re
from collections.abc import Callable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core import ids
from errands.core.access import TaskResource
from errands.services.cursors import no_cursor
from errands.services.errors import Conflict, Invalid, NotFound
from errands.store import members, projects, runs, tasks
from errands.store.database import Database
from errands.store.projects import ProjectRow
from errands.store.tasks import TaskRow, VersionBody

_WHOLE = 32
_FIRST_TASK = "Project {project} has no task yet; `errands apply FILE` adds one."
_DIGITS = re.compile(r"[0-9a-f]{6,32}")


async def find_project(connection: AsyncConnection, name: str) -> ProjectRow:
    """The project of this name. Raises NotFound."""
    found = None if "\0" in name else await projects.find(connection, name)
    if found is None:
        names = [project.name for project in await projects.every(connection)]
        raise NotFound("project", name, _near(name, names), None if names else "`errands apply` makes it.")
    return found


async def find_task(connection: AsyncConnection, project: str, name: str, *, lock: bool = False) -> TaskRow:
    """The task of this name in a project. Raises NotFound."""
    found = None if "\0" in name + project else await tasks.find_in(connection, project, name, lock=lock)
    if found is None:
        owner = await find_project(connection, project)
        names = [task.name for task in await tasks.every(connection, owner.id)]
        near = _near(name, names)
        hint = None if near else f"See those of project {project}: errands tasks --project {project}"
        raise NotFound("task", name, near, hint if names else _FIRST_TASK.format(project=project))
    return found


async def find_to_start(database: Database, project: str, name: str) -> tuple[TaskRow, TaskResource]:
    """The task of this name, and as `permit` knows it: one round trip, for every start asks it. Raises NotFound."""
    found = None if "\0" in name + project else await tasks.find_to_start(database.pool, project, name)
    if found is None:
        async with database.reader.connect() as connection:
            row = await find_task(connection, project, name)
            return row, await narrowed(connection, project, row.id, row.name)
    return found.task, TaskResource(project, found.task.name, frozenset(found.runners), frozenset(found.answerers))


def refuse_deleted(project: ProjectRow) -> None:
    """Raises Conflict for a project that is deleted: nothing new comes into it."""
    if project.remove_at is not None:
        raise Conflict(
            f"Project {project.name} is deleted; it is removed after {project.remove_at:%Y-%m-%d %H:%M} UTC.",
            f"Bring it back first: errands project restore {project.name}",
        )


def refuse_archived(task: TaskRow | None) -> None:
    """Raises Conflict for a task that is archived or deleted: it takes no new version and starts nothing."""
    if task is None or task.archived_at is None:
        return
    state = (
        "archived" if task.remove_at is None else f"deleted; it is removed after {task.remove_at:%Y-%m-%d %H:%M} UTC"
    )
    raise Conflict(f"Task {task.name} is {state}.", f"Bring it back first: errands unarchive {task.name}")


async def narrowed(connection: AsyncConnection, project: str, task_id: UUID, name: str) -> TaskResource:
    """The task as `permit` knows it, with who alone may run it and answer for it."""
    access = await members.access_of(connection, task_id)
    return TaskResource(project, name, frozenset(access.runners), frozenset(access.answerers))


async def find_version(connection: AsyncConnection, task: TaskRow, number: int | None) -> VersionBody:
    """The numbered version of a task; None stands for the published one, or else the newest. Raises NotFound."""
    wanted = number or task.published or task.latest
    found = await tasks.body(connection, task.id, wanted)
    if found is None:
        hint = f"Its versions are 1 to {task.latest}." if task.latest > 1 else "Its only version is 1."
        raise NotFound(f"version of task {task.name}", str(wanted), hint=hint)
    return found


async def find_run(connection: AsyncConnection, text: str, seen: Callable[[str], bool]) -> UUID:
    """The run that `run_...` names, or that hex digits of its id single out among those of projects that are `seen`.

    A whole id is taken as it is: whether there is such a run, and whether it may be shown, is for the caller to find
    out. Raises NotFound, Invalid.
    """
    digits = text.strip().lower().removeprefix("run_").replace("-", "")
    if not _DIGITS.fullmatch(digits):
        hint = "A run is named by its id, such as run_0192f3c4a1b27c3e8d5f6a7b8c9d0e1f, or by the last 6 digits of it."
        raise NotFound("run", text, hint=hint)
    if len(digits) == _WHOLE:
        return UUID(hex=digits)
    some = await runs.with_digits(connection, digits)
    projects_of = await runs.projects_of(connection, some)
    found = [run for run in some if seen(projects_of[run])]
    if not found:
        raise NotFound("run", text, hint="Only recent runs are found by the end of their id; give the whole id.")
    if len(found) > 1:
        raise Invalid(
            f"More than one run matches {text!r}: {', '.join(ids.encode('run', run) for run in found)}.",
            "Give more digits.",
        )
    return found[0]


def _near(name: str, names: list[str]) -> list[str]:
    return difflib.get_close_matches(name, names, n=3)


def number_of(cursor: str) -> int:
    """The number that a page ended with. Raises Invalid."""
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise no_cursor(cursor)
    return int(cursor)
