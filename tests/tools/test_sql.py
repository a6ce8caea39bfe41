"""`sql.query` and `sql.execute` on a real Postgres, on SQLite files, and through a blocking driver in a child."""

import asyncio
import sqlite3
from pathlib import Path

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errands.core.outcomes import ErrorKind, StepFailed
from errands.core.values import Json
from errands.tools.children import ChildLimits, run_in_child
from errands.tools.limits import ToolLimits
from errands.tools.sql_params import numbered
from tests.tools.bench import Bench, MakeBench

ORDERS = "create table orders (id integer primary key, product text, amount numeric, day date)"


@pytest.fixture
async def pg(bench: Bench, tool_postgres: str) -> Bench:
    """A bench whose secret DB is a Postgres with three orders."""
    bench.give_secret("DB", tool_postgres)
    await bench.call("sql.execute", connection="secret:DB", sql="drop table if exists orders")
    await bench.call("sql.execute", connection="secret:DB", sql=ORDERS)
    await add_orders(bench, "secret:DB")
    return bench


@pytest.fixture
async def lite(bench: Bench) -> Bench:
    """A bench whose workspace has a SQLite file with the same orders."""
    await bench.call("sql.execute", connection="sqlite:///shop.db", sql=ORDERS)
    await add_orders(bench, "sqlite:///shop.db")
    return bench


async def add_orders(bench: Bench, connection: str) -> None:
    rows: list[Json] = [
        {"id": 1, "product": "tea", "amount": 12.5, "day": "2026-01-01"},
        {"id": 2, "product": "milk", "amount": 3, "day": "2026-01-02"},
        {"id": 3, "product": "tea", "amount": "7.25", "day": "2026-01-03"},
    ]
    sql = "insert into orders values (:id, :product, :amount, :day)"
    assert await bench.call("sql.execute", connection=connection, sql=sql, params=rows) == {"row_count": 3}


async def test_a_query_gives_rows_as_json(pg: Bench) -> None:
    output = await pg.call(
        "sql.query",
        connection="secret:DB",
        sql="select * from orders where product = :p and day >= :d order by id limit :n",
        params={"p": "tea", "d": "2026-01-01", "n": 10},
    )
    assert output == {
        "rows": [
            {"id": 1, "product": "tea", "amount": 12.5, "day": "2026-01-01"},
            {"id": 3, "product": "tea", "amount": 7.25, "day": "2026-01-03"},
        ],
        "row_count": 2,
        "columns": ["id", "product", "amount", "day"],
        "truncated": False,
    }


async def test_every_type_becomes_json_and_nothing_is_rounded(pg: Bench) -> None:
    output = await pg.call(
        "sql.query",
        connection="secret:DB",
        sql="""select 12345678901234567890.123456789::numeric as big, 1.50::numeric as price, 'NaN'::float8 as nan,
        '6f1c1c3e-0000-4000-8000-000000000001'::uuid as id, '\\x00ff'::bytea as raw, interval '90 seconds' as span,
        timestamptz '2026-03-01 10:00:00+02' as at, array[1, null] as list, '{"a": 1}'::jsonb as doc,
        date '2026-01-31' as day, true as yes, null as nothing, 1 as id""",
    )
    (row,) = output["rows"]
    assert row == {
        "big": "12345678901234567890.123456789",
        "price": 1.5,
        "nan": "nan",
        "id": "6f1c1c3e-0000-4000-8000-000000000001",
        "raw": "AP8=",
        "span": 90.0,
        "at": "2026-03-01T08:00:00+00:00",
        "list": [1, None],
        "doc": {"a": 1},
        "day": "2026-01-31",
        "yes": True,
        "nothing": None,
        "id_2": 1,
    }


async def test_parameters_take_the_types_that_the_statement_wants(pg: Bench) -> None:
    output = await pg.call(
        "sql.query",
        connection="secret:DB",
        sql="""select :t::text as t, :n::numeric as n, :at::timestamptz as at, :ids::int[] as ids, :j::jsonb as j,
        :u::uuid as u, :b::bool as b, :raw::bytea as raw, ':not_me' as quoted""",
        params={
            "t": 5,
            "n": "1.5",
            "at": "2026-01-01T00:00:00Z",
            "ids": [1, 2],
            "j": {"a": [1]},
            "u": "6f1c1c3e-0000-4000-8000-000000000001",
            "b": True,
            "raw": "AP8=",
        },
    )
    (row,) = output["rows"]
    assert row["t"] == "5"
    assert row["ids"] == [1, 2]
    assert row["j"] == {"a": [1]}
    assert row["quoted"] == ":not_me"
    error = await pg.refused("sql.query", connection="secret:DB", sql="select :d::date", params={"d": "tomorrow"})
    assert error.kind is ErrorKind.INPUT
    assert error.message == "params.d: 'tomorrow' is not a value of type date"


@pytest.mark.parametrize("connection", ["secret:DB", "sqlite:///shop.db"])
async def test_names_without_a_value_and_values_without_a_name_are_told(
    pg: Bench, lite: Bench, connection: str
) -> None:
    missing = await pg.refused("sql.query", connection=connection, sql="select :a")
    assert missing.message == "the statement uses :a, and params has no 'a'"
    unused = await pg.refused("sql.query", connection=connection, sql="select 1", params={"b": 1})
    assert unused.message == "params has 'b', and the statement does not use :b"


@pytest.mark.parametrize("connection", ["secret:DB", "sqlite:///shop.db"])
async def test_more_rows_than_asked_for_are_left_out_and_that_is_said(pg: Bench, lite: Bench, connection: str) -> None:
    output = await pg.call("sql.query", connection=connection, sql="select id from orders order by id", max_rows=2)
    assert (output["rows"], output["truncated"]) == ([{"id": 1}, {"id": 2}], True)
    exact = await pg.call("sql.query", connection=connection, sql="select id from orders", max_rows=3)
    assert (exact["row_count"], exact["truncated"]) == (3, False)


@pytest.mark.parametrize("connection", ["secret:DB", "sqlite:///shop.db"])
@pytest.mark.parametrize(
    "sql",
    [
        "delete from orders",
        "insert into orders (id) values (9)",
        "drop table orders",
        "with gone as (delete from orders returning id) select * from gone",
        "commit",
        "select 1; delete from orders",
        "begin",
    ],
)
async def test_a_query_cannot_change_anything(pg: Bench, lite: Bench, connection: str, sql: str) -> None:
    try:
        await pg.call("sql.query", connection=connection, sql=sql)
    except StepFailed as failed:
        assert failed.error.kind in (ErrorKind.DENIED, ErrorKind.INPUT)
    left = await pg.call("sql.query", connection=connection, sql="select count(*) as n from orders")
    assert left["rows"] == [{"n": 3}]


@pytest.mark.parametrize("connection", ["secret:DB", "sqlite:///shop.db"])
async def test_statements_succeed_or_fail_together(pg: Bench, lite: Bench, connection: str) -> None:
    statements: Json = [
        {"sql": "update orders set amount = 0"},
        {
            "sql": "insert into orders (id, product) values (:id, :p)",
            "params": [{"id": 4, "p": "a"}, {"id": 1, "p": "b"}],
        },
    ]
    error = await pg.refused("sql.execute", connection=connection, sql=statements)
    assert error.kind is ErrorKind.INPUT
    left = await pg.call("sql.query", connection=connection, sql="select sum(amount) as s, count(*) as n from orders")
    assert left["rows"] == [{"s": 22.75, "n": 3}]
    done = await pg.call("sql.execute", connection=connection, sql=[{"sql": "update orders set amount = 0"}])
    assert done == {"row_count": 3}


async def test_a_slow_statement_is_cancelled_in_the_server(pg: Bench, tool_postgres: str) -> None:
    error = await pg.refused("sql.query", connection="secret:DB", sql="select pg_sleep(600)", timeout=0.3)
    assert error.kind is ErrorKind.TIMEOUT
    assert await sleeping(tool_postgres) == 0


async def test_a_cancelled_statement_stops_in_the_server(pg: Bench, tool_postgres: str) -> None:
    call = asyncio.ensure_future(pg.call("sql.query", connection="secret:DB", sql="select pg_sleep(600)"))
    async with asyncio.timeout(10):
        while await sleeping(tool_postgres) == 0:  # noqa: ASYNC110
            await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    async with asyncio.timeout(10):
        while await sleeping(tool_postgres):  # noqa: ASYNC110
            await asyncio.sleep(0)


async def names_in(folder: Path) -> set[str]:
    return await asyncio.to_thread(lambda: {each.name for each in folder.iterdir()})


async def sleeping(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetchval(
            "select count(*) from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'"
        )
        return int(found)
    finally:
        await connection.close()


async def test_a_slow_statement_on_sqlite_is_interrupted(lite: Bench) -> None:
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"
    error = await lite.refused("sql.query", connection="sqlite:///shop.db", sql=endless, timeout=0.3)
    assert error.kind is ErrorKind.TIMEOUT
    call = asyncio.ensure_future(lite.call("sql.query", connection="sqlite:///shop.db", sql=endless))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await call


async def test_a_locked_sqlite_file_is_given_up_at_the_time_limit(lite: Bench) -> None:
    holder = sqlite3.connect(lite.step.workspace() / "shop.db", isolation_level=None)
    holder.execute("begin immediate")
    try:
        error = await lite.refused("sql.execute", connection="sqlite:///shop.db", sql="delete from orders", timeout=0.3)
        assert error.kind is ErrorKind.UNAVAILABLE
    finally:
        holder.close()


@pytest.mark.parametrize(
    "sql",
    ["attach '{outside}' as other", "vacuum into '{outside}.copy'", "select load_extension('{outside}')"],
)
async def test_sqlite_stays_in_its_own_file(lite: Bench, tmp_path: Path, sql: str) -> None:
    outside = tmp_path / "outside.db"
    sqlite3.connect(outside).execute("create table t (a)").connection.close()
    error = await lite.refused("sql.execute", connection="sqlite:///shop.db", sql=sql.format(outside=outside))
    assert error.kind in (ErrorKind.DENIED, ErrorKind.INPUT)
    assert not (await names_in(tmp_path)) - {"outside.db", "workspace"}


async def test_one_giant_value_does_not_fill_the_memory(lite: Bench) -> None:
    sql = "select hex(zeroblob(900000000))"
    error = await lite.refused("sql.query", connection="sqlite:///shop.db", sql=sql)
    assert "too big" in error.message


@pytest.mark.parametrize(
    "connection",
    [
        "postgresql://user:pass@10.0.0.1/db",
        "sqlite:////etc/errands.db",
        "sqlite:///file:/etc/x.db?uri=true",
        "sqlite://",
        "mysql://x",
        "nonsense",
    ],
)
async def test_a_server_is_named_only_by_a_secret(bench: Bench, connection: str) -> None:
    error = await bench.refused("sql.query", connection=connection, sql="select 1")
    assert error.kind is ErrorKind.INPUT
    assert "reference to a secret" in error.message


async def test_a_sqlite_path_cannot_leave_the_workspace(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "outside.db").write_bytes(b"")
    error = await bench.refused("sql.query", connection="sqlite:///../outside.db", sql="select 1")
    assert error.kind is ErrorKind.DENIED
    (bench.step.workspace() / "link.db").symlink_to(tmp_path / "outside.db")
    error = await bench.refused("sql.query", connection="sqlite:///link.db", sql="select 1")
    assert error.kind is ErrorKind.DENIED


async def test_a_missing_sqlite_file_is_not_made_by_a_query(bench: Bench) -> None:
    error = await bench.refused("sql.query", connection="sqlite:///none.db", sql="select 1")
    assert error.kind is ErrorKind.NOT_FOUND
    assert list(bench.step.workspace().iterdir()) == []


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("postgresql://ana:p4ssw0rd@127.0.0.1:1/db", ErrorKind.NETWORK),
        ("postgresql://ana:p4ssw0rd@127.0.0.1:port/db", ErrorKind.SECRET),
        ("nosuchdb://ana:p4ssw0rd@127.0.0.1/db", ErrorKind.INPUT),
        ("mysql+nodriver://ana:p4ssw0rd@127.0.0.1/db", ErrorKind.INPUT),
        ("p4ssw0rd", ErrorKind.SECRET),
    ],
)
async def test_a_connection_that_fails_does_not_show_its_password(bench: Bench, url: str, kind: ErrorKind) -> None:
    bench.give_secret("BAD", url)
    error = await bench.refused("sql.query", connection="secret:BAD", sql="select 1")
    assert error.kind is kind
    assert "p4ssw0rd" not in repr(error)


async def test_an_error_of_the_database_says_where(pg: Bench) -> None:
    error = await pg.refused("sql.query", connection="secret:DB", sql="select * from orderz")
    assert error.kind is ErrorKind.INPUT
    assert 'relation "orderz" does not exist' in error.message
    assert "at character 15" in error.message


async def test_a_result_that_is_too_large_fails(make_bench: MakeBench, tool_postgres: str) -> None:
    bench = make_bench(ToolLimits(sql_bytes=10_000))
    bench.give_secret("DB", tool_postgres)
    error = await bench.refused("sql.query", connection="secret:DB", sql="select repeat('x', 20000) as t")
    assert error.kind is ErrorKind.LIMIT


async def test_connections_are_shared_and_bounded(make_bench: MakeBench, tool_postgres: str) -> None:
    bench = make_bench(ToolLimits(sql_connections=2))
    bench.give_secret("DB", tool_postgres)
    sql = "select pg_backend_pid() as pid, pg_sleep(0.01)"
    found = await asyncio.gather(*(bench.call("sql.query", connection="secret:DB", sql=sql) for _ in range(12)))
    assert len({str(each["rows"][0]["pid"]) for each in found}) <= 2


async def test_other_drivers_work_in_a_child_process(tmp_path: Path) -> None:
    """SQLAlchemy's own SQLite driver stands for every blocking one."""
    url, limits = f"sqlite+pysqlite:///{tmp_path}/other.db", ChildLimits(20, 2**28)
    insert: Json = {"sql": "insert into t values (:a, :b)", "params": [{"a": 1, "b": "x"}, {"a": 2, "b": None}]}
    statements: Json = [{"sql": "create table t (a integer, b text)", "params": [{}]}, insert]
    job: Json = {"url": url, "statements": statements}
    assert (await run_in_child("errands.tools.sql_child:execute", job, limits)).value == 2
    query: dict[str, Json] = {"url": url, "params": {"a": 1}, "max_rows": 10, "max_bytes": 1000}
    found = await run_in_child(
        "errands.tools.sql_child:query", {**query, "sql": "select * from t where a >= :a"}, limits
    )
    assert found.value == {
        "rows": [{"a": 1, "b": "x"}, {"a": 2, "b": None}],
        "row_count": 2,
        "columns": ["a", "b"],
        "truncated": False,
    }
    with pytest.raises(StepFailed, match="only reads") as refused:
        await run_in_child("errands.tools.sql_child:query", {**query, "sql": "delete from t where a >= :a"}, limits)
    assert refused.value.error.kind is ErrorKind.DENIED
    with pytest.raises(StepFailed, match="no such table"):
        await run_in_child("errands.tools.sql_child:query", {**query, "sql": "select :a from nope"}, limits)


@pytest.mark.parametrize(
    ("sql", "numbers"),
    [
        ("select :a, :b, :a", ("select $1, $2, $1", ["a", "b"])),
        ("select a::int, b[1:2], ':x', \":y\", :z", ("select a::int, b[1:2], ':x', \":y\", $1", ["z"])),
        ("select 1 -- :a\n, :b /* :c */", ("select 1 -- :a\n, $1 /* :c */", ["b"])),
        ("select $$ :a $$, $t$ :b $t$, :c", ("select $$ :a $$, $t$ :b $t$, $1", ["c"])),
        ("select 'it''s :a', :b", ("select 'it''s :a', $1", ["b"])),
    ],
)
def test_parameters_are_found_where_a_database_would_find_them(sql: str, numbers: tuple[str, list[str]]) -> None:
    assert numbered(sql) == numbers


@given(st.text(alphabet="':\"-/*$\n ab", max_size=40))
def test_quoted_text_never_becomes_a_parameter(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    assert numbered(f"select {quoted}, :real") == (f"select {quoted}, $1", ["real"])
