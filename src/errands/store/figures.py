"""Counts over runs that have not ended: they cost what is there now, not what ever was."""

from collections.abc import Mapping
from datetime import datetime

from errands.store.connections import Pool
from errands.store.identifiers import created_at


async def active_runs(pool: Pool) -> Mapping[str, int]:
    """How many runs are queued, running and waiting. Index: ix_runs_active."""
    rows = await pool.fetch(
        "select status, count(*) as runs from runs where status in ('queued', 'running', 'waiting') group by status"
    )
    found = {str(row["status"]): int(row["runs"]) for row in rows}
    return {status: found.get(status, 0) for status in ("queued", "running", "waiting")}


async def oldest_queued(pool: Pool) -> datetime | None:
    """When the oldest run of the queue was made. Index: ix_runs_queued_turn."""
    # Without `offset 0` the planner may walk the whole history by its primary key.
    found = await pool.fetchval(
        "select id from (select id from runs where status = 'queued' offset 0) as queued order by id limit 1"
    )
    return None if found is None else created_at(found)


async def living_workers(pool: Pool, since: datetime) -> int:
    """How many workers were seen since then. There are as many rows as workers."""
    return int(await pool.fetchval("select count(*) from workers where seen_at > $1", since))


async def longest_overdue(pool: Pool) -> datetime | None:
    """The earliest moment at which a scheduler should have looked at a trigger and has not; may lie ahead.

    Indexes: ix_triggers_next, ix_occurrences_due.
    """
    found: datetime | None = await pool.fetchval(
        "select least((select min(next_at) from triggers where next_at is not null), "
        "(select min(due_at) from occurrences where due_at is not null))"
    )
    return found


async def last_seen_worker(pool: Pool) -> datetime | None:
    """When any worker was last heard of. Those that stopped in good order, or are long gone, have left no row."""
    found: datetime | None = await pool.fetchval("select max(seen_at) from workers")
    return found


async def hosts(pool: Pool) -> list[str]:
    """Names of the machines that workers are on."""
    return [str(row["host"]) for row in await pool.fetch("select distinct host from workers order by host")]


async def connections(pool: Pool) -> tuple[int, int]:
    """How many sessions the database server has, and how many it lets users have."""
    row = await pool.fetchrow(
        "select (select sum(numbackends) from pg_stat_database)::int as taken, "
        "current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int "
        "- coalesce(current_setting('reserved_connections', true), '0')::int as most"
    )
    assert row is not None
    return int(row["taken"]), int(row["most"])
