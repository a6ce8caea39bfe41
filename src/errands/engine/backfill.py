"""Backfills: planned times of the past are put into the ledger as due, some at a time, until the range is done with.

The scheduler starts them like anything else that has waited for its moment. How many runs go at once is bounded here:
a backfill puts in no more than it has room for.
"""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from uuid import UUID

from errands.core.schedules import Calendars, Occurrence, Schedule, Skipped, between
from errands.core.schedules.instants import TICK
from errands.engine.standing import ProjectCalendars, Standing, find_standing
from errands.store.connections import Connection, Pool, Row
from errands.store.sql import statement

_AT_ONCE = 200
"""Planned times that are passed over in one go."""


def planned_starts(schedule: Schedule, start: datetime, end: datetime, calendars: Calendars) -> Iterator[Occurrence]:
    """The planned times of a range that would start a run, whatever `max_runs` says."""
    return (one for one in between(schedule, start, end, calendars) if not isinstance(one.verdict, Skipped))


async def pump(pool: Pool, now: datetime) -> int:
    """Let every running backfill put in what it has room for. Gives how many planned times were moved past."""
    moved = 0
    for row in await pool.fetch("select id from backfills where status = 'running' order by id limit 100"):
        async with pool.acquire() as connection, connection.transaction():
            moved += await _go_on(connection, row["id"], now)
    return moved


async def _go_on(connection: Connection, backfill_id: UUID, now: datetime) -> int:
    row = await connection.fetchrow(
        "select * from backfills where id = $1 and status = 'running' for update skip locked", backfill_id
    )
    trigger = None if row is None else await find_standing(connection, row["trigger_id"])
    if row is None or trigger is None or _is_held(trigger):
        return 0
    room = row["max_concurrent"] - await connection.fetchval(statement("backfill_active"), backfill_id)
    if room <= 0:
        return 0
    seen = (await ProjectCalendars.of(connection, [trigger])).seen_by(trigger)
    following = planned_starts(trigger.schedule, row["cursor_at"], row["end_at"], seen)
    # A narrow window may have to be sought for long; others go on meanwhile.
    ahead = await asyncio.to_thread(list, islice(following, _AT_ONCE))
    return await _put_in(connection, row, [one.planned for one in ahead], room, now)


def _is_held(trigger: Standing) -> bool:
    """A backfill waits while its task is paused or has nothing to run; a switch that is off does not hold it."""
    return trigger.idle is not None and trigger.idle[0] != "disabled"


async def _put_in(connection: Connection, row: Row, planned: list[datetime], room: int, now: datetime) -> int:
    """Make the first `room` planned times due that have not run yet; pass over those that have."""
    ran = {
        found["planned_at"]
        for found in await connection.fetch(
            "select planned_at from occurrences where trigger_id = $1 and cause = '' and planned_at = any($2) "
            "and (outcome in ('started', 'queued') or due_at is not null)",
            row["trigger_id"],
            planned,
        )
    }
    chosen: list[datetime] = []
    passed_over = 0
    cursor: datetime = row["cursor_at"]
    for moment in planned:
        if len(chosen) == room:
            break
        cursor = moment + TICK
        if moment in ran:
            passed_over += 1
        else:
            chosen.append(moment)
    done = len(chosen) < room and len(planned) < _AT_ONCE
    await connection.execute(statement("backfill_due"), row["trigger_id"], chosen, now, row["id"])
    await connection.execute(
        "update backfills set cursor_at = $2, started = started + $3, passed_over = passed_over + $4, "
        "status = case when $5 then 'done' else status end, ended_at = case when $5 then $6::timestamptz end "
        "where id = $1",
        row["id"],
        cursor,
        len(chosen),
        passed_over,
        done,
        now,
    )
    return len(chosen) + passed_over
