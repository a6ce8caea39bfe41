"""What a run leaves: its journal, what it waits for, its log, its files."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.values import Json, JsonObject
from errands.store.rows import fetch_all, fetch_one
from errands.store.tables import approvals, artifacts, log_lines, projects, runs, steps, waits


@dataclass(frozen=True, slots=True)
class JournalRow:
    """One record."""

    path: str
    seq: int
    kind: Literal["outcome", "decision", "items", "reading", "intent", "attempt", "turn", "call", "wait", "phase"]
    status: str | None
    input: Json
    output: Json
    output_ref: str | None
    error: JsonObject | None
    facts: JsonObject | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class WaitRow:
    """Something that a run waits for, with the question if it is an approval."""

    path: str
    kind: Literal["timer", "event", "approval", "child"]
    due_at: datetime | None
    event_name: str | None
    event_key: str | None
    child_run_id: UUID | None
    created_at: datetime
    approval_id: UUID | None
    question: str | None
    choices: list[str] | None


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """A file that a run made."""

    id: UUID
    path: str
    name: str
    media_type: str
    size: int
    sha256: str
    location: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class LogRow:
    """One line."""

    id: int
    path: str
    level: Literal["debug", "info", "warning", "error"]
    message: str
    logged_at: datetime


async def journal(connection: AsyncConnection, run_id: UUID, after: int = 0) -> list[JournalRow]:
    """A run's records in the order of their writing, from the one after `after`. Index: pk_steps."""
    columns = [steps.c[name] for name in JournalRow.__dataclass_fields__]
    query = select(*columns).where(steps.c.run_id == run_id, steps.c.seq > after).order_by(steps.c.seq)
    return await fetch_all(connection, JournalRow, query)


async def entry(connection: AsyncConnection, run_id: UUID, path: str) -> JournalRow | None:
    """The record at a path. Index: pk_steps."""
    columns = [steps.c[name] for name in JournalRow.__dataclass_fields__]
    query = select(*columns).where(steps.c.run_id == run_id, steps.c.path == path)
    return await fetch_one(connection, JournalRow, query)


async def open_waits(connection: AsyncConnection, run_id: UUID) -> list[WaitRow]:
    """What a run waits for now, oldest first."""
    asked = and_(approvals.c.run_id == waits.c.run_id, approvals.c.path == waits.c.path)
    query = (
        select(
            waits.c.path,
            waits.c.kind,
            waits.c.due_at,
            waits.c.event_name,
            waits.c.event_key,
            waits.c.child_run_id,
            waits.c.created_at,
            approvals.c.id.label("approval_id"),
            approvals.c.question,
            approvals.c.choices,
        )
        .outerjoin(approvals, asked)
        .where(waits.c.run_id == run_id, waits.c.done_at.is_(None))
        .order_by(waits.c.created_at, waits.c.path)
    )
    return await fetch_all(connection, WaitRow, query)


async def files(connection: AsyncConnection, run_id: UUID) -> list[ArtifactRow]:
    """A run's files in the order of their making."""
    columns = [artifacts.c[name] for name in ArtifactRow.__dataclass_fields__]
    return await fetch_all(
        connection, ArtifactRow, select(*columns).where(artifacts.c.run_id == run_id).order_by(artifacts.c.id)
    )


async def file(connection: AsyncConnection, artifact_id: UUID) -> tuple[ArtifactRow, str] | None:
    """One file, and the name of the project that it is in."""
    columns = [artifacts.c[name] for name in ArtifactRow.__dataclass_fields__]
    query = (
        select(*columns, projects.c.name.label("project"))
        .join(runs, runs.c.id == artifacts.c.run_id)
        .join(projects, projects.c.id == runs.c.project_id)
        .where(artifacts.c.id == artifact_id)
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else (ArtifactRow(*row[:-1]), row.project)


async def log(connection: AsyncConnection, run_id: UUID, after: int, limit: int) -> list[LogRow]:
    """Up to `limit` lines after the line `after`."""
    columns = [log_lines.c[name] for name in LogRow.__dataclass_fields__]
    query = select(*columns).where(log_lines.c.run_id == run_id, log_lines.c.id > after)
    return await fetch_all(connection, LogRow, query.order_by(log_lines.c.id).limit(limit))


async def last_line(connection: AsyncConnection, run_id: UUID) -> int:
    """The number of the log's last line; 0 where there is none."""
    query = select(log_lines.c.id).where(log_lines.c.run_id == run_id).order_by(log_lines.c.id.desc()).limit(1)
    return (await connection.execute(query)).scalar_one_or_none() or 0
