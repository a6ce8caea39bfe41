"""What has happened since one last looked: for many runs, or whole projects, at once.

Numbers (`steps.seq`, `log_lines.id`, `runs.changed`, `audit_entries.seq`) are given out before their transactions
commit, so a row can appear with a lower number than one that was seen before: look again at the last few seconds.
"""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import column, func, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.outcomes import RunStatus
from errands.store.record import JournalRow, LogRow
from errands.store.runs import RunListed, listed, listed_query
from errands.store.tables import log_lines, runs, steps
from errands.store.tables_people import audit_entries


@dataclass(frozen=True, slots=True)
class Marks:
    """The highest numbers that were given out."""

    records: int
    lines: int
    changes: int
    entries: int


@dataclass(frozen=True, slots=True)
class EntryRow:
    """That something of a project was changed."""

    seq: int
    project: str
    verb: str
    noun: str
    name: str


async def marks(connection: AsyncConnection) -> Marks:
    """Index: ix_steps_seq, pk_log_lines, pk_audit_entries."""
    row = await connection.execute(
        select(
            select(func.coalesce(func.max(steps.c.seq), 0)).scalar_subquery(),
            select(func.coalesce(func.max(log_lines.c.id), 0)).scalar_subquery(),
            select(column("last_value")).select_from(table("run_changes")).scalar_subquery(),
            select(func.coalesce(func.max(audit_entries.c.seq), 0)).scalar_subquery(),
        )
    )
    return Marks(*row.one())


async def records(connection: AsyncConnection, run_ids: Collection[UUID], after: int) -> list[tuple[UUID, JournalRow]]:
    """Records of these runs after a number, in the order of their writing. Index: ix_steps_seq."""
    columns = [steps.c[name] for name in JournalRow.__dataclass_fields__]
    query = select(steps.c.run_id, *columns).where(steps.c.seq > after, steps.c.run_id.in_(run_ids))
    return [(row[0], JournalRow(*row[1:])) for row in await connection.execute(query.order_by(steps.c.seq))]


async def lines(connection: AsyncConnection, run_ids: Collection[UUID], after: int) -> list[tuple[UUID, LogRow]]:
    """Log lines of these runs after a number. Index: pk_log_lines."""
    columns = [log_lines.c[name] for name in LogRow.__dataclass_fields__]
    query = select(log_lines.c.run_id, *columns).where(log_lines.c.id > after, log_lines.c.run_id.in_(run_ids))
    return [(row[0], LogRow(*row[1:])) for row in await connection.execute(query.order_by(log_lines.c.id))]


async def states(
    connection: AsyncConnection, run_ids: Collection[UUID], after: int
) -> list[tuple[UUID, RunStatus, int]]:
    """The state of these runs, as far as it changed after a number, and its own number. Index: ix_runs_changed."""
    query = select(runs.c.id, runs.c.status, runs.c.changed).where(runs.c.changed > after, runs.c.id.in_(run_ids))
    return [(row.id, RunStatus(row.status), row.changed) for row in await connection.execute(query)]


async def changed_runs(
    connection: AsyncConnection, project_ids: Collection[UUID], after: int, limit: int
) -> list[tuple[UUID, int, RunListed]]:
    """Runs of these projects whose state changed after a number, with project and number. Index: ix_runs_changed."""
    query = listed_query(runs.c.project_id, runs.c.changed).where(
        runs.c.changed > after, runs.c.project_id.in_(project_ids)
    )
    found = await connection.execute(query.order_by(runs.c.changed).limit(limit))
    return [(row["project_id"], row["changed"], listed(row)) for row in found.mappings()]


async def changed_things(
    connection: AsyncConnection, projects: Collection[str], nouns: Collection[str], after: int
) -> list[EntryRow]:
    """What was done to things of these projects, as the audit log tells. Index: pk_audit_entries."""
    entry = audit_entries.c
    query = select(entry.seq, entry.project, entry.verb, entry.noun, entry.name).where(
        entry.seq > after, entry.project.in_(projects), entry.noun.in_(nouns), entry.outcome == "done"
    )
    return [EntryRow(*row) for row in await connection.execute(query.order_by(entry.seq))]
