"""Lists of triggers, page by page: a project may have a hundred thousand."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.values import Json
from errands.services.cursors import check_limit, cursor_of, no_cursor, place_of
from errands.services.errors import Invalid
from errands.services.lookup import find_task
from errands.store import tasks, triggers
from errands.store.triggers import Place, TriggerRow

Order = Literal["task", "next"]
"""By task and name; or the next to start first, and last what is held or has no next time."""
MOST_TASKS = 100


async def page_of(
    connection: AsyncConnection,
    project: tuple[UUID, str],
    named: Sequence[str],
    order: Order,
    cursor: str | None,
    limit: int,
) -> tuple[Sequence[TriggerRow], str | None]:
    """Triggers of a project (id and name), or of the tasks `named` there, and the cursor of the page after.

    Raises NotFound (a task), Invalid (cursor, limit, too many tasks).
    """
    check_limit(limit, "triggers")
    if len(named) > MOST_TASKS:
        raise Invalid(f"{len(named)} tasks cannot be asked about at once.", f"Name {MOST_TASKS} at most.")
    after = None if cursor is None else _place(cursor, order)
    known = await tasks.ids_of(connection, project[0], [name for name in named if "\0" not in name]) if named else {}
    for name in named:
        if name not in known:
            await find_task(connection, project[1], name)  # Raises, and names the nearest.
    ids = list(known.values()) if named else None
    found = await triggers.page(connection, project[0], ids, order, after, limit + 1)
    shown = found[:limit]
    return [row for row, _ in shown], _cursor(*shown[-1], order) if len(found) > limit else None


def _cursor(row: TriggerRow, due: datetime | None, order: Order) -> str:
    place: Json = [row.task, row.name] if order == "task" else [None if due is None else due.isoformat(), str(row.id)]
    return cursor_of([order, place])


def _place(cursor: str, order: Order) -> Place:
    """Raises Invalid."""
    try:
        found = _read(place_of(cursor), order)
    except ValueError:
        found = None
    if found is None:
        raise no_cursor(cursor)
    return found


def _read(said: Json, order: Order) -> Place | None:
    """Raises ValueError for what is no moment or no id."""
    match said:
        case ["task", [str(task), str(name)]] if order == "task" and "\0" not in task + name:
            return task, name
        case ["next", [str(due), str(trigger)]] if order == "next":
            moment = datetime.fromisoformat(due)
            return None if moment.tzinfo is None else (moment, UUID(trigger))
        case ["next", [None, str(trigger)]] if order == "next":
            return None, UUID(trigger)
        case _:
            return None
