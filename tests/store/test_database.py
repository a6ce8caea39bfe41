"""SQLAlchemy's engines: one that writes, one that only reads, and what they do when a connection is lost."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from errands.store.database import Database


async def test_a_write_through_the_reader_is_refused_by_the_server(database: Database) -> None:
    async with database.reader.connect() as connection:
        with pytest.raises(DBAPIError, match="cannot execute INSERT in a read-only transaction"):
            await connection.execute(text("insert into projects (id, name) values (gen_random_uuid(), 'stray')"))
        with pytest.raises(DBAPIError, match="cannot execute SELECT FOR UPDATE in a read-only transaction"):
            await connection.execute(text("select id from projects for update"))
        assert (await connection.execute(text("select count(*) from projects"))).scalar_one() == 0


async def test_the_reader_sees_at_once_what_was_committed_beside_it(database: Database) -> None:
    async with database.reader.connect() as reading:
        assert (await reading.execute(text("select count(*) from projects"))).scalar_one() == 0
        async with database.engine.begin() as writing:
            await writing.execute(text("insert into projects (id, name) values (gen_random_uuid(), 'new')"))
        assert (await reading.execute(text("select count(*) from projects"))).scalar_one() == 1


@pytest.mark.parametrize("name", ["engine", "reader"])
async def test_a_connection_that_the_server_has_ended_is_made_anew(database: Database, name: str) -> None:
    engine: AsyncEngine = getattr(database, name)
    ended = asyncio.Event()
    async with engine.connect() as connection:
        first = (await connection.execute(text("select pg_backend_pid()"))).scalar_one()
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        driver.add_termination_listener(lambda _: ended.set())
    await database.pool.execute("select pg_terminate_backend($1)", first)
    async with asyncio.timeout(10):
        await ended.wait()
    async with engine.connect() as connection:
        assert (await connection.execute(text("select pg_backend_pid()"))).scalar_one() != first
