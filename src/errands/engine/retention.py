"""What is kept no longer: ended runs past their retention, and deleted tasks past their grace. The keeper calls it."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

from errands.engine.counting import count_before_removal, hold_counting
from errands.engine.launching import request_cancel
from errands.store import unneeded
from errands.store.audit import NewEntry, write_in
from errands.store.connections import Connection, Pool
from errands.store.sql import statement

_BATCH = 500
_TASKS_AT_ONCE = 20
_TIME_TO_REMOVE = timedelta(minutes=5)
"""What whoever lets go of files gets to remove them."""


class ArtifactBin(Protocol):
    """Where the files of removed runs lie."""

    async def delete(self, refs: list[str]) -> None: ...


async def forget_ended(
    pool: Pool, artifacts: ArtifactBin, now: datetime, retention: timedelta | None, *, batch: int = _BATCH
) -> int:
    """Remove ended runs, with their journals and files, some hundred at a time. Gives how many.

    Each task's published version may say for how long (`limits.keep_runs`); of the others they stay for `retention`,
    None: for good. A run whose sub-tasks are under way stays with them.
    """
    forgotten = 0
    while True:
        async with pool.acquire() as connection, connection.transaction():
            cut = None if retention is None else now - retention
            rows = await connection.fetch(statement("expired_runs"), cut, now, batch)
            refs = await _remove(connection, [row["id"] for row in rows])
        await _bin(pool, artifacts, refs)
        forgotten += len(rows)
        if len(rows) < batch:
            return forgotten


Forgotten = Literal["forgotten", "gone", "active", "needed"]
"""`needed`: a sub-task of it has not ended."""


async def forget_run(
    pool: Pool, artifacts: ArtifactBin, run_id: UUID, written: Callable[[Connection, UUID], Awaitable[None]]
) -> Forgotten:
    """Remove an ended run with its journal and files; `written` keeps in the same transaction that it was removed."""
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow("select finished_at from runs where id = $1 for update", run_id)
        if row is None:
            return "gone"
        if row["finished_at"] is None:
            return "active"
        if await connection.fetchval(
            "select exists(select 1 from runs where parent_run_id = $1 and finished_at is null)", run_id
        ):
            return "needed"
        refs = await _remove(connection, [run_id])
        await written(connection, run_id)
    await _bin(pool, artifacts, refs)
    return "forgotten"


async def remove_deleted(pool: Pool, artifacts: ArtifactBin, now: datetime) -> int:
    """Remove tasks whose grace is over, with everything of theirs. Gives how many are gone.

    What still runs is asked to end first, and its task is removed when the keeper comes again.
    """
    rows = await pool.fetch(
        "select id from tasks where remove_at <= $1 order by remove_at limit $2", now, _TASKS_AT_ONCE
    )
    return sum([await _remove_task(pool, artifacts, row["id"], now) for row in rows])


async def remove_deleted_projects(pool: Pool, artifacts: ArtifactBin, now: datetime) -> int:
    """Remove projects whose grace is over, with everything of theirs. Gives how many are gone.

    Their tasks are deleted first, and removed as such; the project follows once none is left.
    """
    rows = await pool.fetch("select id from projects where remove_at <= $1 order by remove_at", now)
    gone = 0
    for row in rows:
        await pool.execute(
            "update tasks set archived_at = coalesce(archived_at, $2), remove_at = $2 "
            "where project_id = $1 and (remove_at is null or remove_at > $2) "
            "and exists(select 1 from projects where projects.id = $1 and projects.remove_at <= $2)",
            row["id"],
            now,
        )
        while await remove_deleted(pool, artifacts, now):
            pass
        gone += await _remove_project(pool, artifacts, row["id"], now)
    return gone


async def remove_unneeded(pool: Pool, artifacts: ArtifactBin, now: datetime) -> int:
    """Remove files that were let go of a while ago and are still there: whoever was about to was killed, or could not.

    Gives how many.
    """
    removed = 0
    while refs := await unneeded.left(pool, now - _TIME_TO_REMOVE, _BATCH):
        await _bin(pool, artifacts, refs)
        removed += len(refs)
    return removed


async def _remove_project(pool: Pool, artifacts: ArtifactBin, project_id: UUID, now: datetime) -> bool:
    async with pool.acquire() as connection, connection.transaction():
        await hold_counting(connection)
        name = await connection.fetchval(
            "select name from projects where id = $1 and remove_at <= $2 "
            "and not exists(select 1 from tasks where project_id = $1) for update skip locked",
            project_id,
            now,
        )
        if name is None:
            return False  # Restored meanwhile, another keeper is at it, or a run has still to end.
        rows = await connection.fetch(
            "select location as ref from attachments join threads on threads.id = attachments.thread_id "
            "where threads.project_id = $1",
            project_id,
        )
        refs = [row["ref"] for row in rows]
        await unneeded.note(connection, refs)
        await connection.execute("delete from projects where id = $1", project_id)
        entry = NewEntry(
            *("system:keeper", "system", "keeper", "project.delete", "project", name, name, "done"), {"act": "removed"}
        )
        await write_in(connection, entry)
    await _bin(pool, artifacts, refs)
    return True


async def _remove_task(pool: Pool, artifacts: ArtifactBin, task_id: UUID, now: datetime) -> bool:
    while True:
        async with pool.acquire() as connection, connection.transaction():
            await hold_counting(connection)
            held = await connection.fetchrow(statement("lock_deleted_task"), task_id, now)
            if held is None:
                return False  # Restored meanwhile, or another keeper is at it.
            active = await connection.fetch(
                "select id from runs where task_id = $1 and status in ('queued', 'running', 'waiting') order by id",
                task_id,
            )
            for row in active:
                await request_cancel(connection, row["id"], "system:keeper", "the task is deleted", now)
            rows = await connection.fetch(
                "select id from runs where task_id = $1 and finished_at is not null order by finished_at limit $2",
                task_id,
                _BATCH,
            )
            refs = await _remove(connection, [row["id"] for row in rows])
            left = await connection.fetchval("select exists(select 1 from runs where task_id = $1)", task_id)
            if not left:
                await _remove_row(connection, task_id, held["project"], held["task"])
        await _bin(pool, artifacts, refs)
        if not left or not rows:
            return not left


async def _remove_row(connection: Connection, task_id: UUID, project: str, task: str) -> None:
    """The task with its versions and triggers, and an entry in the audit log."""
    await connection.execute("delete from tasks where id = $1", task_id)
    entry = NewEntry(
        "system:keeper", "system", "keeper", "task.delete", "task", task, project, "done", {"act": "removed"}
    )
    await write_in(connection, entry)


async def _remove(connection: Connection, ids: list[UUID]) -> list[str]:
    """Take runs and their journals out; gives the places of files that nobody needs any more."""
    if not ids:
        return []
    await count_before_removal(connection, ids)
    rows = await connection.fetch(statement("files_of_runs"), ids)
    refs = [row["ref"] for row in rows]
    await unneeded.note(connection, refs)
    await connection.execute("delete from steps where run_id = any($1)", ids)
    await connection.execute("delete from runs where id = any($1)", ids)
    return refs


async def _bin(pool: Pool, artifacts: ArtifactBin, refs: list[str]) -> None:
    if refs:
        await artifacts.delete(refs)
        await unneeded.gone(pool, refs)
