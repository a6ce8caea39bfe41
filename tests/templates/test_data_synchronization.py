"""Data synchronization between two real databases, with a worker that is killed in the middle."""

from typing import Any

import pytest

from errands.core.outcomes import RunStatus
from errands.core.values import Json
from tests.templates.stage import Outside, Stage, killed_worker

_TABLE = "create table customers (id bigint primary key, name text, email text, updated_at timestamptz not null)"
_ROWS = """
insert into customers
select n, 'name ' || n, n || '@example.com', timestamptz '2026-03-01 00:00+00' + n * interval '1 s'
from generate_series(1, 3000) as n
"""
_ALL = "select id, name, email, updated_at::text from customers order by id"


@pytest.fixture
async def pair(stage: Stage, two_databases: tuple[Outside, Outside]) -> tuple[Outside, Outside]:
    return await prepared(stage, two_databases)


async def prepared(stage: Stage, two_databases: tuple[Outside, Outside]) -> tuple[Outside, Outside]:
    """A table of 3000 rows and an empty one."""
    source, target = two_databases
    await source.run(_TABLE, _ROWS)
    await target.run(_TABLE)
    await stage.secret("SOURCE_DB", source.url)
    await stage.secret("TARGET_DB", target.url)
    return two_databases


async def synchronize(stage: Stage, **arguments: Json) -> Any:
    ran = await stage.run("synchronize-table", arguments)
    assert ran.status is RunStatus.SUCCEEDED, ran.error
    return ran.output


async def test_only_what_changed_moves_and_a_second_run_moves_nothing(
    stage: Stage, pair: tuple[Outside, Outside]
) -> None:
    source, target = pair
    await stage.adopt("data-synchronization")
    assert (await synchronize(stage))["inserted"] == 3000
    second = await synchronize(stage)
    assert (second["moved"], second["looked_at"]) == (0, 301)  # The last five minutes are looked at again.
    await source.run(
        "update customers set name = 'Ana', updated_at = now() where id = 7",
        "insert into customers values (5000, 'new', null, now())",
        "delete from customers where id in (8, 9)",
    )
    third = await synchronize(stage)
    assert third == {"moved": 4, "inserted": 1, "updated": 1, "deleted": 2, "looked_at": 303}
    assert (await synchronize(stage))["moved"] == 0
    assert await target.rows(_ALL) == await source.rows(_ALL)


async def test_an_empty_source_does_not_empty_the_target(stage: Stage, pair: tuple[Outside, Outside]) -> None:
    source, target = pair
    await stage.adopt("data-synchronization")
    await synchronize(stage)
    await source.run("truncate customers")
    ran = await stage.run("synchronize-table")
    assert ran.status is RunStatus.FAILED
    assert ran.error is not None
    assert "would be deleted" in ran.error.message
    assert await target.value("select count(*) from customers") == 3000


async def test_a_worker_that_is_killed_in_the_middle_loses_no_row(
    idle: Stage, two_databases: tuple[Outside, Outside], database_url: str
) -> None:
    source, target = await prepared(idle, two_databases)
    await idle.adopt("data-synchronization")
    await target.run("begin", "lock table customers in share mode")
    with killed_worker(idle, database_url) as worker:
        run = await idle.start("synchronize-table")
        await target.blocked()
    assert worker.returncode is not None
    await target.run("commit")
    assert await target.value("select count(*) from customers") == 0
    async with idle.working():
        ended = await idle.ends(run)
    assert ended.status is RunStatus.SUCCEEDED, ended.error
    assert ended.output == {"moved": 3000, "inserted": 3000, "updated": 0, "deleted": 0, "looked_at": 3000}
    assert await target.rows(_ALL) == await source.rows(_ALL)
