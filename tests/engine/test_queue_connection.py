"""How the queue's loop reaches the database: one look for its questions, and no waiting for the disk."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from pgqueuer.types import QueueEntrypoint

from errands.engine.patience import DATABASE_AWAY
from errands.engine.queue_connection import LastingDriver, PatientQueries
from errands.engine.queueing import ADVANCE
from errands.store.database import Database

KINDS = [QueueEntrypoint(ADVANCE)]


async def put(database: Database, after: str, kind: str = ADVANCE, status: str = "queued") -> None:
    """One job that may be picked after so long."""
    await database.pool.execute(
        "insert into pgqueuer (priority, entrypoint, execute_after, headers, status) "
        "values (0, $1, now() + $2::text::interval, 'null', $3::text::pgqueuer_status)",
        kind,
        after,
        status,
    )


async def test_a_queue_without_jobs_has_nothing_to_pick_and_nothing_to_wait_for(database: Database) -> None:
    await put(database, "-1 s", status="picked")
    await put(database, "-1 s", kind="of another program")
    queries = PatientQueries(database.pool)

    assert await queries.eligible_queued_work(KINDS) == 0
    assert await queries.next_deferred_eta(KINDS) is None
    assert await queries.queued_work(KINDS) == 0


async def test_a_job_that_has_come_due_is_to_be_picked_at_once_whatever_comes_later(database: Database) -> None:
    await put(database, "1 h")
    await put(database, "-1 s")

    assert await PatientQueries(database.pool).eligible_queued_work(KINDS) == 1


async def test_a_job_that_was_put_off_is_waited_for_until_it_comes_due(database: Database) -> None:
    await put(database, "2 h")
    await put(database, "1 h")
    queries = PatientQueries(database.pool)

    assert await queries.eligible_queued_work(KINDS) == 0
    left = await queries.next_deferred_eta(KINDS)
    assert left is not None
    assert timedelta(minutes=59) < left <= timedelta(hours=1)


async def test_the_queue_waits_for_no_disk_while_all_else_does(database: Database) -> None:
    async with LastingDriver(database.pool) as driver:
        assert await driver.fetch("show synchronous_commit") == [{"synchronous_commit": "off"}]
        assert await database.pool.fetchval("show synchronous_commit") == "on"
    # Whoever is given the connection after the queue commits as ever.
    assert {await _commits(connection) for connection in await _all(database.pool)} == {"on"}


async def test_a_connection_that_was_cut_is_replaced_by_one_that_waits_for_no_disk_either(database: Database) -> None:
    async with LastingDriver(database.pool) as driver:
        (before,) = await driver.fetch("select pg_backend_pid() as pid")
        await database.pool.execute("select pg_terminate_backend($1)", before["pid"])
        with pytest.raises(DATABASE_AWAY):
            await driver.fetch("select 1")

        (after,) = await driver.fetch("select pg_backend_pid() as pid, current_setting('synchronous_commit') as sync")

    assert after["pid"] != before["pid"]
    assert after["sync"] == "off"


async def test_a_queue_whose_connection_was_cut_while_it_rested_lets_everything_go(database: Database) -> None:
    cut, heard = asyncio.Event(), asyncio.Event()
    async with LastingDriver(database.pool) as driver:
        await driver.add_listener("tests", lambda _: heard.set())
        (kept,) = await driver.fetch("select pg_backend_pid() as pid")
        async with driver._connection() as connection:
            connection.add_termination_listener(lambda _: cut.set())
        await database.pool.execute("select pg_terminate_backend($1)", kept["pid"])
        await cut.wait()

    pool = database.pool
    assert pool.get_idle_size() == pool.get_size()


async def _all(pool: asyncpg.Pool) -> list[asyncpg.pool.PoolConnectionProxy]:
    return [await pool.acquire() for _ in range(pool.get_max_size())]


async def _commits(connection: asyncpg.pool.PoolConnectionProxy) -> str:
    said: str = await connection.fetchval("show synchronous_commit")
    await connection.close()
    return said
