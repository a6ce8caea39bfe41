"""Questions to people, and what they answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.values import JsonObject
from errands.store.connections import Pool
from errands.store.rows import fetch_all, fetch_one
from errands.store.sql import statement
from errands.store.tables import approval_answers, approvals, projects, runs, tasks

_TAKEN_OVER = ("project", "task_id", "task", "task_title", "starter")


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """A question."""

    id: UUID
    run_id: UUID
    project_id: UUID
    project: str
    task_id: UUID
    task: str
    task_title: str | None
    starter: str | None
    path: str
    question: str
    form: JsonObject | None
    choices: Sequence[str]
    subject: JsonObject | None
    approvers: Sequence[str]
    excluded: Sequence[str]
    quorum: int
    remind_seconds: float | None
    reminders: int
    reminded_at: datetime | None
    escalate_seconds: float | None
    escalate_to: Sequence[str] | None
    escalated_at: datetime | None
    status: Literal["open", "answered", "expired", "withdrawn"]
    choice: str | None
    created_at: datetime
    due_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """What one person said."""

    approval_id: UUID
    person: str
    choice: str
    form: JsonObject | None
    note: str | None
    answered_at: datetime


async def open_in(
    connection: AsyncConnection, project_id: UUID, *, after: UUID | None, limit: int
) -> list[ApprovalRow]:
    """The open questions of a project, oldest first, after one. Index: ix_approvals_open."""
    query = _approvals().where(approvals.c.project_id == project_id, approvals.c.status == "open")
    query = query if after is None else query.where(approvals.c.id > after)
    return await fetch_all(connection, ApprovalRow, query.order_by(approvals.c.id).limit(limit))


async def answerable(
    pool: Pool, reach: Mapping[UUID, Sequence[str]], person: str, *, everything: bool, after: UUID | None, limit: int
) -> Sequence[UUID]:
    """Open questions that a person is asked by one of the names that it has in each project; oldest first.

    `everything`: whoever is asked.
    """
    names = [" ".join(found) for found in reach.values()]
    rows = await pool.fetch(statement("answerable"), list(reach), names, everything, person, after, limit)
    return [row["id"] for row in rows]


async def those(connection: AsyncConnection, approval_ids: Sequence[UUID]) -> list[ApprovalRow]:
    """The questions with these ids, oldest first."""
    query = _approvals().where(approvals.c.id.in_(approval_ids))
    return await fetch_all(connection, ApprovalRow, query.order_by(approvals.c.id))


async def find(connection: AsyncConnection, approval_id: UUID) -> ApprovalRow | None:
    """One question."""
    return await fetch_one(connection, ApprovalRow, _approvals().where(approvals.c.id == approval_id))


async def of_run(connection: AsyncConnection, run_id: UUID) -> list[ApprovalRow]:
    """A run's open questions, oldest first."""
    query = _approvals().where(approvals.c.run_id == run_id, approvals.c.status == "open")
    return await fetch_all(connection, ApprovalRow, query.order_by(approvals.c.id))


async def last_of_run(connection: AsyncConnection, run_id: UUID) -> ApprovalRow | None:
    """A run's newest question, open or not."""
    query = _approvals().where(approvals.c.run_id == run_id)
    return await fetch_one(connection, ApprovalRow, query.order_by(approvals.c.id.desc()).limit(1))


async def answers(connection: AsyncConnection, approval_ids: Sequence[UUID]) -> list[AnswerRow]:
    """All answers to these questions, first given first."""
    columns = [approval_answers.c[name] for name in AnswerRow.__dataclass_fields__]
    query = select(*columns).where(approval_answers.c.approval_id.in_(approval_ids))
    return await fetch_all(connection, AnswerRow, query.order_by(approval_answers.c.answered_at))


def _approvals() -> Select[tuple[object, ...]]:
    own = [approvals.c[name] for name in ApprovalRow.__dataclass_fields__ if name not in _TAKEN_OVER]
    task = (runs.c.task_id, tasks.c.name.label("task"), tasks.c.title.label("task_title"))
    return (
        select(*own, projects.c.name.label("project"), *task, runs.c.starter)
        .join(runs, runs.c.id == approvals.c.run_id)
        .join(tasks, tasks.c.id == runs.c.task_id)
        .join(projects, projects.c.id == approvals.c.project_id)
    )
