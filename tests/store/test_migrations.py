"""The tables are brought to this release once, whoever comes first, and agree with what the code believes."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from alembic.script import ScriptDirectory

import errands.store.tables_alarms
import errands.store.tables_chat
import errands.store.tables_figures
import errands.store.tables_people
import errands.store.tables_tools
import errands.store.tables_triggers  # noqa: F401 (declares its tables)
from errands.store.database import Database
from errands.store.errors import StoreUnavailable
from errands.store.migrations import HEAD, configuration, upgrade
from errands.store.tables import metadata

_OURS = "not in ('alembic_version') and {} not like 'pgqueuer%'"
_CATALOGUE = {
    "columns": "select table_name, column_name, data_type, numeric_precision, numeric_scale, column_default, "
    "is_nullable, is_identity from information_schema.columns where table_schema = 'public' "
    f"and table_name {_OURS.format('table_name')}",
    "indexes": "select indexname, indexdef from pg_indexes where schemaname = 'public' "
    f"and tablename {_OURS.format('tablename')}",
    "constraints": "select conrelid::regclass::text as name, conname, pg_get_constraintdef(oid) from pg_constraint "
    "where connamespace = 'public'::regnamespace "
    f"and conrelid::regclass::text {_OURS.format('conrelid::regclass::text')}",
}
"""What PostgreSQL says of our tables, and only of them."""


@pytest.fixture
async def empty_url(postgres: str) -> AsyncIterator[str]:
    """URL of a database without any table."""
    connection = await asyncpg.connect(postgres.format("postgres"))
    await connection.execute("create database empty")
    yield postgres.format("empty")
    await connection.execute("drop database empty with (force)")
    await connection.close()


def test_the_head_that_is_looked_for_is_the_newest_version_file() -> None:
    assert ScriptDirectory.from_config(configuration()).get_current_head() == HEAD


async def test_the_migrated_tables_are_those_of_the_models(database: Database, empty_url: str, tmp_path: Path) -> None:
    modelled = await Database.open(empty_url, tmp_path)
    async with modelled.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    try:
        for kind, query in _CATALOGUE.items():
            expected = {tuple(row) for row in await modelled.pool.fetch(query)}
            assert expected, kind
            assert {tuple(row) for row in await database.pool.fetch(query)} == expected, kind
    finally:
        await modelled.close()


async def test_a_database_that_is_up_to_date_is_left_alone(database: Database) -> None:
    assert await upgrade(database) is False


async def test_processes_that_upgrade_at_once_make_the_tables_once(empty_url: str) -> None:
    script = f"""
import asyncio
from pathlib import Path
from errands.store.database import Database
from errands.store.migrations import upgrade

async def main():
    database = await Database.open({empty_url!r}, Path())
    print(await upgrade(database))
    await database.close()

asyncio.run(main())
"""
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
        for _ in range(2)
    ]
    said = [(await process.communicate())[0] for process in processes]
    assert sorted(said) == [b"False\n", b"True\n"]


async def test_tables_of_a_newer_release_are_refused(database: Database) -> None:
    await database.pool.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(StoreUnavailable, match="last used by a newer release of Errands") as refused:
        await upgrade(database)
    assert refused.value.hint is not None
    assert refused.value.hint.startswith("Upgrade Errands")


async def test_a_newer_release_of_the_queue_brings_its_tables_along(database: Database) -> None:
    await database.pool.execute("comment on table alembic_version is 'pgqueuer 1.0.0'")
    assert await upgrade(database) is True
    assert await upgrade(database) is False


async def test_a_user_who_may_not_make_tables_is_told_what_to_grant(empty_url: str, tmp_path: Path) -> None:
    owner = await Database.open(empty_url, tmp_path)
    await owner.pool.execute("create role guest login")
    guest = await Database.open(empty_url.replace("errands@", "guest@"), tmp_path)
    try:
        with pytest.raises(StoreUnavailable, match="tables cannot be made") as refused:
            await upgrade(guest)
        assert refused.value.hint is not None
        assert "owner to USER" in refused.value.hint
    finally:
        await guest.close()
        await owner.pool.execute("drop role guest")
        await owner.close()
