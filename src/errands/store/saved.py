"""What people keep for themselves in a project: views of lists, sets of arguments."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.values import JsonObject
from errands.store.rows import affected, fetch_all
from errands.store.tables_alarms import saved


@dataclass(frozen=True, slots=True)
class SavedRow:
    """One thing that somebody keeps."""

    name: str
    value: JsonObject
    saved_at: datetime


async def of_shelf(connection: AsyncConnection, project_id: UUID, owner: str, shelf: str) -> list[SavedRow]:
    """Everything on a person's shelf, by name."""
    columns = [saved.c[name] for name in SavedRow.__dataclass_fields__]
    query = select(*columns).where(saved.c.project_id == project_id, saved.c.owner == owner, saved.c.shelf == shelf)
    return await fetch_all(connection, SavedRow, query.order_by(saved.c.name))


async def count(connection: AsyncConnection, project_id: UUID, owner: str, *, but: tuple[str, str]) -> int:
    """How many things a person keeps in a project, not counting the one of this shelf and name."""
    query = select(func.count()).where(
        saved.c.project_id == project_id,
        saved.c.owner == owner,
        (saved.c.shelf != but[0]) | (saved.c.name != but[1]),
    )
    return int((await connection.execute(query)).scalar_one())


async def put(connection: AsyncConnection, project_id: UUID, owner: str, shelf: str, row: SavedRow) -> None:
    """Keep it, in place of an earlier one of its name."""
    changed = {"value": row.value, "saved_at": row.saved_at}
    made = insert(saved).values(project_id=project_id, owner=owner, shelf=shelf, name=row.name, **changed)
    await connection.execute(
        made.on_conflict_do_update(index_elements=["project_id", "owner", "shelf", "name"], set_=changed)
    )


async def remove(connection: AsyncConnection, project_id: UUID, owner: str, shelf: str, name: str) -> bool:
    """Forget it; False where there is none."""
    query = delete(saved).where(
        saved.c.project_id == project_id, saved.c.owner == owner, saved.c.shelf == shelf, saved.c.name == name
    )
    return await affected(connection, query) > 0
