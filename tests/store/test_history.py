"""Lists of runs: every filter uses an index, and pages neither skip nor repeat while runs come in."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from errands.core.outcomes import RunStatus
from errands.store import projects, runs, tasks
from errands.store.database import Database
from errands.store.identifiers import created_at, first_id_at, new_id
from errands.store.runs import Filter

_START = datetime(2026, 3, 1, tzinfo=UTC)


class History:
    """A project with two tasks, and a way to add runs at moments of the test's choice."""

    def __init__(self, database: Database, project: UUID, versions: dict[str, tuple[UUID, UUID]]) -> None:
        self.database = database
        self.project = project
        self.versions = versions

    def task(self, name: str) -> UUID:
        return self.versions[name][0]

    async def add(self, count: int, *, task: str = "busy", status: str = "succeeded", minute: int = 0) -> None:
        """`count` runs, a second apart, beginning `minute` minutes after the start of March."""
        task_id, version_id = self.versions[task]
        ids = [_id_at(_START + timedelta(minutes=minute, seconds=second), second) for second in range(count)]
        await self.database.pool.execute(
            "insert into runs (id, project_id, task_id, version_id, status, trigger, arguments) "
            "select id, $2, $3, $4, $5, '{}', '{}' from unnest($1::uuid[]) as id",
            ids,
            self.project,
            task_id,
            version_id,
            status,
        )

    async def page(self, wanted: Filter, limit: int = 10) -> list[UUID]:
        async with self.database.engine.connect() as connection:
            return [row.id for row in await runs.history(connection, self.project, wanted, limit)]


def _id_at(moment: datetime, number: int) -> UUID:
    return UUID(int=first_id_at(moment).int | number)


@pytest.fixture
async def history(database: Database) -> History:
    """No runs yet."""
    versions: dict[str, tuple[UUID, UUID]] = {}
    async with database.engine.begin() as connection:
        project = await projects.ensure(connection, "work")
        for name in ("busy", "rare"):
            task_id = await tasks.make(connection, project.id, name, None, "A task.", [])
            version = await tasks.add_version(
                connection, task_id, digest="d", source="s", definition={}, agents={}, author="user:ana", message=None
            )
            versions[name] = (task_id, version.id)
    return History(database, project.id, versions)


async def test_pages_go_through_all_runs_once_newest_first_while_others_come_in(history: History) -> None:
    await history.add(25)
    seen: list[UUID] = []
    wanted = Filter()
    for minute in range(1, 5):
        page = await history.page(wanted)
        seen += page
        await history.add(7, minute=minute)
        wanted = replace(wanted, before=seen[-1])
    assert len(seen) == 25
    assert seen == sorted(set(seen), reverse=True)


async def test_filters_by_task_status_and_time_hold_together(history: History) -> None:
    await history.add(5)
    await history.add(3, status="failed", minute=5)
    await history.add(2, task="rare", status="failed", minute=9)
    failed = await history.page(Filter(status=RunStatus.FAILED))
    assert [created_at(run).minute for run in failed] == [9, 9, 5, 5, 5]
    assert len(await history.page(Filter(task_id=history.task("busy"), status=RunStatus.FAILED))) == 3
    march = Filter(since=_START + timedelta(minutes=5), until=_START + timedelta(minutes=9))
    assert [created_at(run).minute for run in await history.page(march)] == [5, 5, 5]


async def test_since_is_inclusive_and_until_is_exclusive(history: History) -> None:
    await history.add(3)
    second = _START + timedelta(seconds=1)
    assert [created_at(run).second for run in await history.page(Filter(since=second))] == [2, 1]
    assert [created_at(run).second for run in await history.page(Filter(until=second))] == [0]


async def test_every_combination_of_filters_is_served_by_an_index(history: History) -> None:
    for minute in range(5):
        await history.add(400, minute=minute * 10)
    await history.add(20, status="failed", minute=60)
    await history.add(20, task="rare", minute=70)
    await history.database.pool.execute("analyze runs")
    for status, task, timed in itertools.product([None, *RunStatus], [None, "rare"], [False, True]):
        wanted = Filter(
            task_id=None if task is None else history.task(task),
            status=status,
            since=_START if timed else None,
            until=_START + timedelta(minutes=65) if timed else None,
            before=new_id(),
        )
        plan = await _plan(history, wanted)
        assert "Seq Scan on runs" not in plan, (wanted, plan)
        assert "ix_runs_" in plan or "pk_runs" in plan, (wanted, plan)


async def _plan(history: History, wanted: Filter) -> str:
    query = runs.history_query(history.project, wanted, 50)
    async with history.database.engine.connect() as connection:
        sql = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        return "\n".join((await connection.execute(text(f"explain {sql}"))).scalars())


async def test_a_run_is_found_by_either_end_of_its_id(history: History) -> None:
    await history.add(3)
    newest = (await history.page(Filter()))[0]
    async with history.database.engine.connect() as connection:
        assert await runs.with_digits(connection, newest.hex) == [newest]
        assert await runs.with_digits(connection, newest.hex[-6:]) == [newest]
        assert await runs.with_digits(connection, newest.hex[:12]) == [newest]
        assert len(await runs.with_digits(connection, newest.hex[:6])) == 3
        assert await runs.with_digits(connection, "abcdef") == []


def test_the_bound_of_a_moment_before_all_ids_is_below_every_one() -> None:
    assert first_id_at(datetime(1, 1, 1, tzinfo=UTC)) <= first_id_at(datetime(1970, 1, 1, tzinfo=UTC)) < new_id()


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_the_bound_of_a_moment_is_below_every_id_made_then_and_above_every_one_before(moment: datetime) -> None:
    bound = first_id_at(moment)
    assert created_at(bound) <= moment < created_at(bound) + timedelta(milliseconds=1)
    assert first_id_at(moment - timedelta(milliseconds=1)) < bound <= _id_at(moment, 1)
