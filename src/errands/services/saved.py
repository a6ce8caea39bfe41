"""What people keep for themselves in a project: views of lists, sets of arguments for a task.

Nobody else sees it and it decides nothing, so it needs no more than the right to see the project, and is not audited.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from errands.core.access import Principal, ProjectResource, Verb
from errands.core.values import JsonObject, to_text
from errands.services.authority import Authority, utc_now
from errands.services.errors import Conflict, Invalid, NotFound
from errands.services.lookup import find_project
from errands.store import saved
from errands.store.database import Database
from errands.store.saved import SavedRow

_SHELF = re.compile(r"[a-z]+(\.[a-z0-9-]{1,200})?")
_LONGEST_NAME = 100
_LARGEST = 64 * 2**10
_MOST = 500


@dataclass(frozen=True, slots=True)
class SavedView:
    """One thing that the caller keeps."""

    name: str
    value: JsonObject
    saved_at: datetime


class SavedService:
    """What a caller may keep. A shelf says what it is for, such as `runs` or `arguments.morning-brief`."""

    def __init__(self, database: Database, authority: Authority) -> None:
        self._database = database
        self._authority = authority

    async def list(self, caller: Principal, project: str, shelf: str) -> Sequence[SavedView]:
        """What the caller keeps on a shelf, by name. Raises Denied, NotFound (project), Invalid."""
        await self._may(caller, project)
        _check_shelf(shelf)
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
            rows = await saved.of_shelf(connection, owner.id, caller.reference, shelf)
        return [SavedView(row.name, row.value, row.saved_at) for row in rows]

    async def put(self, caller: Principal, project: str, shelf: str, name: str, value: JsonObject) -> SavedView:
        """Keep it, in place of an earlier one of its name. Raises Denied, NotFound (project), Invalid, Conflict."""
        await self._may(caller, project)
        _check_shelf(shelf)
        _check(name, value)
        row = SavedRow(name, value, utc_now())
        async with self._database.engine.begin() as connection:
            owner = await find_project(connection, project)
            if await saved.count(connection, owner.id, caller.reference, but=(shelf, name)) >= _MOST:
                raise Conflict(f"You keep {_MOST} things in {project} already.", "Remove some that you no longer need.")
            await saved.put(connection, owner.id, caller.reference, shelf, row)
        return SavedView(name, value, row.saved_at)

    async def remove(self, caller: Principal, project: str, shelf: str, name: str) -> None:
        """Forget it. Raises Denied, NotFound, Invalid."""
        await self._may(caller, project)
        _check_shelf(shelf)
        async with self._database.engine.begin() as connection:
            owner = await find_project(connection, project)
            if not await saved.remove(connection, owner.id, caller.reference, shelf, name):
                raise NotFound("saved", name)

    async def _may(self, caller: Principal, project: str) -> None:
        await self._authority.authorise(caller, Verb.PROJECT_READ, ProjectResource(project))


def _check_shelf(shelf: str) -> None:
    if not _SHELF.fullmatch(shelf):
        raise Invalid(f"{shelf[:80]!r} is no shelf.", "Use `runs`, or `arguments.` and the name of a task.")


def _check(name: str, value: JsonObject) -> None:
    if not name.strip() or len(name) > _LONGEST_NAME:
        raise Invalid(f"A name of {len(name)} characters cannot be kept.", f"Give 1 to {_LONGEST_NAME}.")
    size = len(to_text(value).encode())
    if size > _LARGEST:
        raise Invalid(f"{size:,} bytes are too many to keep.", f"{_LARGEST:,} is the most.")
