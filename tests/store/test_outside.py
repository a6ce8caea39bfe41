"""A PostgreSQL of somebody else: what it refuses is said in a sentence, and never with the password."""

from pathlib import Path

import asyncpg
import pytest

from errands.store.database import Database
from errands.store.errors import StoreUnavailable
from errands.store.migrations import upgrade
from tests.faults.fleet_postgres import OutsidePostgres, outside_postgres

_MOST = 12


async def test_an_outside_server_serves_and_says_what_it_refuses(tmp_path: Path) -> None:
    async with outside_postgres(max_connections=_MOST) as server:
        await _serves(server, tmp_path)
        await _refuses_a_wrong_password(server, tmp_path)
        await _is_full(server, tmp_path)


async def _serves(server: OutsidePostgres, home: Path) -> None:
    database = await Database.open(server.url, home, pool_size=3)
    try:
        assert await upgrade(database)
        assert not await upgrade(database)
        assert server.password not in database.shown_url
    finally:
        await database.close()


async def _refuses_a_wrong_password(server: OutsidePostgres, home: Path) -> None:
    with pytest.raises(StoreUnavailable, match="password authentication failed") as refused:
        await Database.open(server.url.replace(server.password, "hunter2"), home)
    assert "hunter2" not in f"{refused.value.message} {refused.value.hint}"


async def _is_full(server: OutsidePostgres, home: Path) -> None:
    taken = [await asyncpg.connect(server.url) for _ in range(_MOST)]
    try:
        with pytest.raises(StoreUnavailable, match="is full") as refused:
            await Database.open(server.url, home)
    finally:
        for one in taken:
            await one.close()
    assert "ERRANDS_DATABASE_POOL" in str(refused.value.hint)
    assert server.password not in f"{refused.value.message} {refused.value.hint}"
