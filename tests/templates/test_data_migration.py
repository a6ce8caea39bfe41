"""A table is moved between two real databases in batches; a worker is killed, and both sides are compared."""

from datetime import datetime
from typing import Any

from errands.core.outcomes import RunStatus, StepStatus
from errands.core.values import Json
from tests.templates.stage import ROOT, Outside, Stage, killed_worker

_TABLE = "create table customers (id bigint primary key, name text, email text, created_at timestamptz)"
_ROWS = """
insert into customers select n * 3, 'name ' || n, n || '@example.com', timestamptz '2026-01-01' + n * interval '1 s'
from generate_series(1, 20000) as n
"""
_ALL = "select count(*), sum(('x' || left(md5(customers::text), 16))::bit(64)::bigint::numeric)::text from customers"


async def prepared(stage: Stage, two_databases: tuple[Outside, Outside]) -> tuple[Outside, Outside]:
    """20,000 rows with gaps between their keys, and an empty table."""
    old, new = two_databases
    await old.run(_TABLE, _ROWS)
    await new.run(_TABLE)
    await stage.secret("OLD_DB", old.url)
    await stage.secret("NEW_DB", new.url)
    await stage.adopt("data-migration", batch=1000)
    return two_databases


async def migrate(stage: Stage, **arguments: Json) -> Any:
    ran = await stage.run("migrate-table", arguments)
    assert ran.status is RunStatus.SUCCEEDED, ran.error
    return ran.output


async def test_a_dry_run_comes_first_then_all_rows_and_a_second_time_none(
    stage: Stage, two_databases: tuple[Outside, Outside]
) -> None:
    old, new = await prepared(stage, two_databases)
    columns = ["id", "name", "email", "created_at"]
    assert await migrate(stage) == {"dry_run": True, "rows": 20000, "batches": 20, "columns": columns}
    assert await new.value("select count(*) from customers") == 0
    done = await migrate(stage, dry_run=False)
    assert (done["rows"], done["batches"], done["inserted"], done["verified"]) == (20000, 20, 20000, True)
    assert await new.rows(_ALL) == await old.rows(_ALL)
    again = await migrate(stage, dry_run=False)
    assert (again["inserted"], again["updated"], again["verified"]) == (0, 0, True)


async def test_what_cannot_fit_is_said_by_the_dry_run(stage: Stage, two_databases: tuple[Outside, Outside]) -> None:
    _, new = await prepared(stage, two_databases)
    await new.run("alter table customers drop column email", "alter table customers add column country text not null")
    ran = await stage.run("migrate-table")
    assert ran.status is RunStatus.FAILED
    assert ran.error is not None
    assert "the new table has no column email" in ran.error.message
    assert "the query gives no country" in ran.error.message


async def test_a_row_that_came_out_otherwise_is_found_with_its_batch(
    stage: Stage, two_databases: tuple[Outside, Outside]
) -> None:
    _, new = await prepared(stage, two_databases)
    await new.run(
        "create function spoil() returns trigger language plpgsql as "
        "$$ begin if new.id = 4500 then new.name := 'spoilt'; end if; return new; end $$",
        "create trigger spoils before insert on customers for each row execute function spoil()",
    )
    ran = await stage.run("migrate-table", {"dry_run": False})
    assert ran.status is RunStatus.FAILED
    assert ran.error is not None
    assert ran.error.message == "The two sides differ: 3003 to 6000"


async def test_a_killed_worker_leaves_its_batches_and_the_next_goes_on_after_them(
    idle: Stage, two_databases: tuple[Outside, Outside], database_url: str
) -> None:
    old, new = await prepared(idle, two_databases)
    await new.run(
        "create function stand() returns trigger language plpgsql as "
        "$$ begin if new.id = 30000 then perform pg_advisory_xact_lock(1); end if; return new; end $$",
        "create trigger stands before insert on customers for each row execute function stand()",
        "select pg_advisory_lock(1)",
    )
    with killed_worker(idle, database_url):
        run = await idle.start("migrate-table", {"dry_run": False})
        await new.blocked()
    killed = datetime.now().astimezone()
    view = await idle.services.runs.get(ROOT, run)
    before = {step.path for step in view.steps if step.key == "copied" and step.status is StepStatus.SUCCEEDED}
    assert before
    assert len(before) < 20
    await new.run("select pg_advisory_unlock(1)")
    async with idle.working():
        ended = await idle.ends(run)
    assert ended.status is RunStatus.SUCCEEDED, ended.error
    assert isinstance(ended.output, dict)
    assert (ended.output["rows"], ended.output["verified"]) == (20000, True)
    done_once = {step.path for step in ended.steps if step.path in before and _at(step.finished_at) < killed}
    assert done_once == before
    assert await new.rows(_ALL) == await old.rows(_ALL)


def _at(moment: datetime | None) -> datetime:
    assert moment is not None
    return moment
