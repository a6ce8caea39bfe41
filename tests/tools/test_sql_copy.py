"""`sql.copy` between two databases of a real Postgres."""

import asyncio
from dataclasses import dataclass

import asyncpg
import pytest

from errands.core.outcomes import ErrorKind
from errands.core.values import Json
from tests.tools.bench import Bench
from tests.tools.conftest import TwoConnections

TABLE = "create table goods (id bigint primary key, name text, price numeric, facts json)"
ALL = "select id, name, price, facts from goods order by id"


@dataclass
class Two:
    """A bench whose secrets OLD and NEW are two databases, each with a table `goods`."""

    bench: Bench
    old: "asyncpg.Connection[asyncpg.Record]"
    new: "asyncpg.Connection[asyncpg.Record]"

    async def copy(self, sql: str = ALL, **more: Json) -> dict[str, Json]:
        return await self.bench.call(
            "sql.copy", **{"from": "secret:OLD", "to": "secret:NEW"}, sql=sql, table="goods", **more
        )

    async def names(self) -> list[tuple[int, str]]:
        return [(row["id"], row["name"]) for row in await self.new.fetch("select id, name from goods order by id")]


@pytest.fixture
async def two(bench: Bench, two_postgres: tuple[str, str], two_connections: TwoConnections) -> Two:
    old, new = two_connections
    for connection in two_connections:
        await connection.execute(TABLE)
    bench.give_secret("OLD", two_postgres[0])
    bench.give_secret("NEW", two_postgres[1])
    await old.execute("""insert into goods values
        (1, 'tea', 12.50, '{"a": 1}'), (2, E'mi\\tlk\\n', null, null), (3, 'Käse', 7, '[]')""")
    return Two(bench, old, new)


async def test_rows_come_over_as_they_are(two: Two) -> None:
    assert await two.copy() == {"rows": 3, "inserted": 3, "updated": 0, "deleted": 0, "bytes": 51}
    assert await two.names() == [(1, "tea"), (2, "mi\tlk\n"), (3, "Käse")]


async def test_parameters_choose_the_rows(two: Two) -> None:
    sql = "select id, name from goods where id > :after and name like :like;"
    copied = await two.copy(sql, params={"after": 1, "like": "' or true --"})
    assert (copied["rows"], await two.names()) == (0, [])
    assert (await two.copy(sql, params={"after": 1, "like": "K%"}))["inserted"] == 1


async def test_an_upsert_writes_what_differs_and_nothing_else(two: Two) -> None:
    await two.copy()
    await two.old.execute("update goods set name = 'black tea' where id = 1; insert into goods values (4, 'rice')")
    again = await two.copy(mode="upsert", key=["id"])
    third = await two.copy(mode="upsert", key=["id"])
    assert [again[name] for name in ("rows", "inserted", "updated")] == [4, 1, 1]
    assert [third[name] for name in ("rows", "inserted", "updated")] == [4, 0, 0]
    assert (await two.names())[0] == (1, "black tea")


async def test_a_row_that_clashes_by_another_column_than_the_key_fails_an_upsert_wholly(two: Two) -> None:
    await two.new.execute("create unique index on goods (name)")
    await two.new.execute("insert into goods values (1, 'old tea'), (9, 'Käse')")
    arguments: dict[str, Json] = {"from": "secret:OLD", "to": "secret:NEW", "sql": ALL, "table": "goods"}
    error = await two.bench.refused("sql.copy", **arguments, mode="upsert", key=["id"])
    assert "goods_name_idx" in error.message
    assert await two.names() == [(1, "old tea"), (9, "Käse")]


async def test_add_leaves_rows_that_are_there(two: Two) -> None:
    await two.new.execute("insert into goods values (1, 'mine')")
    copied = await two.copy(mode="add", key=["id"])
    assert (copied["inserted"], copied["updated"], (await two.names())[0]) == (2, 0, (1, "mine"))


async def test_prune_deletes_what_the_source_has_no_longer(two: Two) -> None:
    await two.copy()
    await two.old.execute("delete from goods where id = 2")
    assert (await two.copy("select id from goods", mode="prune", key=["id"]))["deleted"] == 1
    assert [number for number, _ in await two.names()] == [1, 3]


async def test_prune_does_not_empty_a_table(two: Two) -> None:
    await two.copy()
    error = await two.bench.refused(
        "sql.copy",
        **{"from": "secret:OLD", "to": "secret:NEW"},
        sql="select id from goods where id > 100",
        table="public.goods",
        mode="prune",
        key=["id"],
    )
    assert (error.kind, "all of public.goods would be deleted" in error.message) == (ErrorKind.INPUT, True)
    assert len(await two.names()) == 3


async def test_a_row_that_is_there_already_fails_an_insert_wholly(two: Two) -> None:
    await two.new.execute("insert into goods values (3, 'mine')")
    error = await two.bench.refused("sql.copy", **{"from": "secret:OLD", "to": "secret:NEW"}, sql=ALL, table="goods")
    assert (error.kind, error.message.startswith("target: duplicate key")) == (ErrorKind.INPUT, True)
    assert await two.names() == [(3, "mine")]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sql": "select nothing from goods"}, 'source: column "nothing" does not exist'),
        ({"sql": "select 1 / (id - 2) as id from goods"}, "source: division by zero"),
        ({"sql": "delete from goods returning id"}, "source: sql.query only reads"),
        ({"sql": "select id from goods where id > :after"}, "params has no 'after'"),
        ({"sql": "select name as id from goods"}, "target: invalid input syntax for type bigint"),
        ({"table": "nowhere"}, 'target: relation "nowhere" does not exist'),
        ({"mode": "upsert"}, "mode upsert needs the key"),
        ({"mode": "upsert", "key": ["nr"]}, "key names 'nr'"),
        ({"mode": "upsert", "key": ["name"]}, "target: there is no unique or exclusion constraint"),
        ({"sql": "select id, id from goods"}, "two columns 'id'"),
    ],
)
async def test_what_cannot_be_copied_says_why_and_on_which_side(two: Two, given: dict[str, Json], said: str) -> None:
    arguments: dict[str, Json] = {"from": "secret:OLD", "to": "secret:NEW", "sql": ALL, "table": "goods", **given}
    error = await two.bench.refused("sql.copy", **arguments)
    assert said in error.message
    assert await two.names() == []
    await two.copy()  # The connections are in order.


async def test_other_databases_are_refused(two: Two) -> None:
    two.bench.give_secret("LITE", "sqlite:///shop.db")
    error = await two.bench.refused("sql.copy", **{"from": "secret:LITE", "to": "secret:NEW"}, sql=ALL, table="goods")
    assert (error.kind, "this is sqlite" in error.message) == (ErrorKind.INPUT, True)


async def test_more_copies_than_connections_wait_for_each_other(two: Two) -> None:
    """Each holds two connections of one pool."""
    await two.old.execute("create table more (id bigint primary key)")
    arguments: dict[str, Json] = {"from": "secret:OLD", "to": "secret:OLD", "table": "more"}
    many = [two.bench.call("sql.copy", **arguments, sql="select :n::bigint as id", params={"n": n}) for n in range(20)]
    async with asyncio.timeout(20):
        assert sum(copied["inserted"] for copied in await asyncio.gather(*many)) == 20


async def test_a_copy_that_takes_too_long_is_undone(two: Two) -> None:
    error = await two.bench.refused(
        "sql.copy",
        **{"from": "secret:OLD", "to": "secret:NEW"},
        sql="select n as id, pg_sleep(0.2)::text as name from generate_series(1, 1000) as n",
        table="goods",
        timeout=0.5,
    )
    assert error.kind is ErrorKind.TIMEOUT
    assert await two.names() == []
