"""Answers that people have begun and not given yet."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.values import JsonObject
from errands.store.rows import affected, fetch_one
from errands.store.tables_alarms import approval_drafts


@dataclass(frozen=True, slots=True)
class DraftRow:
    """What somebody has filled in so far."""

    approval_id: UUID
    person: str
    choice: str | None
    form: JsonObject
    note: str | None
    saved_at: datetime


async def find(connection: AsyncConnection, approval_id: UUID, person: str) -> DraftRow | None:
    """A person's draft."""
    columns = [approval_drafts.c[name] for name in DraftRow.__dataclass_fields__]
    return await fetch_one(connection, DraftRow, select(*columns).where(*_of(approval_id, person)))


async def put(connection: AsyncConnection, draft: DraftRow) -> None:
    """Keep a draft, in place of the person's earlier one."""
    changed = {name: getattr(draft, name) for name in ("choice", "form", "note", "saved_at")}
    row = insert(approval_drafts).values(approval_id=draft.approval_id, person=draft.person, **changed)
    await connection.execute(row.on_conflict_do_update(index_elements=["approval_id", "person"], set_=changed))


async def remove(connection: AsyncConnection, approval_id: UUID, person: str) -> bool:
    """Forget a draft; False where there is none."""
    return await affected(connection, delete(approval_drafts).where(*_of(approval_id, person))) > 0


def _of(approval_id: UUID, person: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return approval_drafts.c.approval_id == approval_id, approval_drafts.c.person == person
