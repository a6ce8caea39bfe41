"""What came from outside to triggers, and whom an address leads to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.store.connections import Connection, Pool
from errands.store.rows import fetch_all
from errands.store.tables_triggers import deliveries


@dataclass(frozen=True, slots=True)
class Addressed:
    """A trigger as a delivery finds it."""

    id: UUID
    name: str
    kind: str
    definition: str
    """JSON text."""
    owner: str | None
    project_id: UUID
    project: str
    task_id: UUID
    task: str


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """Something that came, and what became of it."""

    id: int
    received_at: datetime
    outcome: str
    code: str | None
    reason: str | None
    delivery: str | None
    run_id: UUID | None
    count: int


async def find(pool: Pool, address: str) -> Addressed | None:
    """The open trigger of an address. Index: uq_triggers_address."""
    row = await pool.fetchrow(
        "select triggers.id, triggers.name, triggers.kind, triggers.definition, triggers.owner, triggers.project_id, "
        "projects.name as project, triggers.task_id, tasks.name as task from triggers "
        "join tasks on tasks.id = triggers.task_id join projects on projects.id = triggers.project_id "
        "where triggers.address = $1 and triggers.closed_at is null and tasks.archived_at is null",
        address,
    )
    return None if row is None else Addressed(**{name: row[name] for name in Addressed.__dataclass_fields__})


async def note(
    connection: Connection | Pool,
    trigger_id: UUID,
    now: datetime,
    *,
    outcome: str,
    code: str | None,
    reason: str | None,
    delivery: str | None,
    run_id: UUID | None,
) -> None:
    """Keep what became of a delivery, in the connection's transaction; with a pool, at once."""
    await connection.execute(
        "insert into deliveries (trigger_id, received_at, outcome, code, reason, delivery, run_id) "
        "values ($1, $2, $3, $4, $5, $6, $7)",
        trigger_id,
        now,
        outcome,
        code,
        reason,
        delivery,
        run_id,
    )


async def count(
    pool: Pool,
    trigger_id: UUID,
    now: datetime,
    *,
    outcome: str,
    code: str,
    reason: str,
    delivery: str | None = None,
    run_id: UUID | None = None,
) -> None:
    """Count what started nothing. Those of one kind within one minute share a row, which tells of the last."""
    await pool.execute(
        "insert into deliveries (trigger_id, received_at, outcome, code, reason, delivery, run_id, window_at) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (trigger_id, code, window_at) "
        "where window_at is not null do update set count = deliveries.count + 1, received_at = excluded.received_at, "
        "reason = excluded.reason, delivery = excluded.delivery, run_id = excluded.run_id",
        trigger_id,
        now,
        outcome,
        code,
        reason,
        delivery,
        run_id,
        now.replace(second=0, microsecond=0),
    )


async def recent(connection: AsyncConnection, trigger_id: UUID, before: int | None, limit: int) -> list[DeliveryRow]:
    """Newest first, before the row `before`. Index: ix_deliveries_trigger."""
    query = _rows().where(deliveries.c.trigger_id == trigger_id).order_by(deliveries.c.id.desc()).limit(limit)
    return await fetch_all(connection, DeliveryRow, query if before is None else query.where(deliveries.c.id < before))


async def prune(pool: Pool, before: datetime) -> None:
    """Forget what came before a moment. What became of it stays in the ledger."""
    await pool.execute("delete from deliveries where received_at < $1", before)


def _rows() -> Select[tuple[object, ...]]:
    columns: Sequence[str] = tuple(DeliveryRow.__dataclass_fields__)
    return select(*(deliveries.c[name] for name in columns))
