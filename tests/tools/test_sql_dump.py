"""`sql.dump` and `sql.restore` with PostgreSQL's own programs, on a real Postgres."""

from dataclasses import dataclass

import asyncpg
import pytest

from errands.core.outcomes import ErrorKind
from tests.tools.bench import Bench
from tests.tools.conftest import TwoConnections


@dataclass
class Shop:
    """A bench whose secrets SHOP and SPARE are a database with two tables and an empty one."""

    bench: Bench
    shop: "asyncpg.Connection[asyncpg.Record]"
    spare: "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture
async def shop(bench: Bench, two_postgres: tuple[str, str], two_connections: TwoConnections) -> Shop:
    bench.give_secret("SHOP", two_postgres[0])
    bench.give_secret("SPARE", two_postgres[1])
    await two_connections[0].execute("""
        create table goods (id bigint primary key, name text, at timestamptz default now());
        create schema stock; create table stock.places (id int);
        insert into goods select n, 'name ' || n from generate_series(1, 100) as n""")
    return Shop(bench, *two_connections)


async def test_a_dump_comes_back_as_it_was(shop: Shop) -> None:
    dumped = await shop.bench.call("sql.dump", connection="secret:SHOP", path="shop.dump")
    restored = await shop.bench.call("sql.restore", connection="secret:SPARE", path="shop.dump")
    assert restored["tables"] == dumped["tables"]
    assert [(one["table"], one["rows"]) for one in dumped["tables"]] == [("goods", 100), ("stock.places", 0)]
    assert dumped["bytes"] == (shop.bench.step.workspace() / "shop.dump").stat().st_size
    assert await shop.spare.fetchval("select name from goods where id = 7") == "name 7"


async def test_one_changed_cell_gives_another_digest(shop: Shop) -> None:
    await shop.bench.call("sql.dump", connection="secret:SHOP", path="shop.dump")
    first = await shop.bench.call("sql.restore", connection="secret:SPARE", path="shop.dump")
    await shop.shop.execute("update goods set name = 'other' where id = 7")
    second = await shop.bench.call("sql.dump", connection="secret:SHOP", path="shop.dump")
    changed = [one["table"] for one, other in zip(first["tables"], second["tables"], strict=True) if one != other]
    assert changed == ["goods"]


async def test_a_restore_into_tables_that_are_there_changes_nothing_unless_they_are_to_be_replaced(shop: Shop) -> None:
    await shop.bench.call("sql.dump", connection="secret:SHOP", path="shop.dump")
    await shop.spare.execute("create table goods (id bigint); insert into goods values (1)")
    error = await shop.bench.refused("sql.restore", connection="secret:SPARE", path="shop.dump")
    assert (error.kind, error.hint) == (
        ErrorKind.INPUT,
        "restore into an empty database, or pass replace: true",
    )
    assert await shop.spare.fetchval("select count(*) from goods") == 1
    await shop.bench.call("sql.restore", connection="secret:SPARE", path="shop.dump", replace=True)
    assert await shop.spare.fetchval("select count(*) from goods") == 100


async def test_a_damaged_dump_restores_nothing(shop: Shop) -> None:
    await shop.bench.call("sql.dump", connection="secret:SHOP", path="shop.dump")
    file = shop.bench.step.workspace() / "shop.dump"
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    error = await shop.bench.refused("sql.restore", connection="secret:SPARE", path="shop.dump")
    assert error.kind is ErrorKind.TOOL
    assert not await shop.spare.fetchval("select exists(select 1 from pg_tables where tablename = 'goods')")


async def test_a_server_that_is_away_leaves_no_file_and_tells_no_password(shop: Shop) -> None:
    shop.bench.give_secret("AWAY", "postgresql://ana:s3cretword@127.0.0.1:1/shop")
    error = await shop.bench.refused("sql.dump", connection="secret:AWAY", path="away.dump")
    assert error.kind is ErrorKind.NETWORK
    assert "s3cretword" not in f"{error.message} {error.hint}"
    assert not (shop.bench.step.workspace() / "away.dump").exists()
