"""Figures of runs: whatever is counted already and whatever is not, they are what counting all runs gives."""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from errands.engine.counting import Counting, forget_figures
from errands.store import projects, run_figures, tasks
from errands.store.database import Database
from errands.store.identifiers import new_id

_START = datetime(2026, 3, 20, tzinfo=UTC)
_STATES = ("succeeded", "failed", "timed_out", "cancelled", "skipped", "queued", "running", "waiting")
_MODELS = ("large", "small")


@dataclass
class Run:
    """One as the test knows it."""

    id: UUID
    task: str
    starter: str | None
    status: str
    queued_at: datetime
    seconds: float
    tokens: int
    usd: Decimal
    turns: Sequence[tuple[str, int]]
    """Model and tokens of each."""


class Past:
    """A project with tasks, and runs at random over ten days."""

    def __init__(self, database: Database, project: UUID, versions: dict[str, tuple[UUID, UUID]]) -> None:
        self.database = database
        self.project = project
        self.versions = versions
        self.runs: list[Run] = []
        self._dice = random.Random(7)

    async def add(self, count: int) -> None:
        made = [self._one() for _ in range(count)]
        await self.database.pool.executemany(
            "insert into runs (id, project_id, task_id, version_id, status, trigger, arguments, queued_at, starter, "
            "active_seconds, input_tokens, usd, requests) "
            "values ($1, $2, $3, $4, $5, '{}', '{}', $6, $7, $8, $9, $10, $11)",
            [
                (
                    *(run.id, self.project, *self.versions[run.task], run.status, run.queued_at, run.starter),
                    *(run.seconds, run.tokens, run.usd, len(run.turns)),
                )
                for run in made
            ],
        )
        await self.database.pool.executemany(
            "insert into steps (run_id, path, kind, epoch, output, facts) values ($1, $2, 'turn', 1, "
            "json_build_object('model', $3::text), json_build_object('usage', json_build_object('requests', 1, "
            "'input_tokens', $4::int, 'output_tokens', 0, 'usd', '0.5')))",
            [
                (run.id, f"ask/turn[{number}]", model, tokens)
                for run in made
                for number, (model, tokens) in enumerate(run.turns)
            ],
        )
        self.runs += made

    async def end_some(self) -> None:
        """Half of those that have not ended succeed now."""
        for run in self.runs:
            if run.status in ("queued", "running", "waiting") and self._dice.random() < 0.5:
                run.status = "succeeded"
                await self.database.pool.execute(
                    "update runs set status = 'succeeded', changed = nextval('run_changes') where id = $1", run.id
                )

    def _one(self) -> Run:
        dice = self._dice
        turns = [(dice.choice(_MODELS), dice.randrange(100)) for _ in range(dice.choice((0, 0, 1, 3)))]
        return Run(
            id=new_id(),
            task=dice.choice(sorted(self.versions)),
            starter=dice.choice((None, "user:ana", "user:ben", "trigger:nightly")),
            status=dice.choice(_STATES),
            queued_at=_START + timedelta(seconds=dice.randrange(10 * 86_400)),
            seconds=dice.lognormvariate(0, 3),
            tokens=sum(tokens for _, tokens in turns),
            usd=Decimal(dice.randrange(1000)) / 1000,
            turns=turns,
        )


@pytest.fixture
async def past(database: Database) -> Past:
    versions: dict[str, tuple[UUID, UUID]] = {}
    async with database.engine.begin() as connection:
        project = await projects.ensure(connection, "work")
        for name in ("load", "mail", "sum"):
            task_id = await tasks.make(connection, project.id, name, None, "A task.", [])
            version = await tasks.add_version(
                connection, task_id, digest="d", source="s", definition={}, agents={}, author="user:ana", message=None
            )
            versions[name] = (task_id, version.id)
    return Past(database, project.id, versions)


async def _count(counting: Counting) -> None:
    """Until everything there is has been counted: see, fence, count."""
    for _ in range(3):
        await counting.count()


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe"])
async def test_figures_are_those_of_a_count_over_all_runs_wherever_counting_has_got_to(past: Past, zone: str) -> None:
    since = datetime(2026, 3, 23, tzinfo=ZoneInfo(zone))
    counting = Counting(past.database.pool, batch=37)
    await past.add(150)
    await _check(past, since, zone)  # Nothing is counted yet.
    await _count(counting)
    assert await past.database.pool.fetchval("select sum(succeeded) from task_quarters") > 0
    await _check(past, since, zone)
    await past.end_some()
    await past.add(60)
    await _check(past, since, zone)  # Some are counted, some not.
    await _count(counting)
    await _count(counting)
    await _check(past, since, zone)


async def _check(past: Past, since: datetime, zone: str) -> None:
    pool, runs = past.database.pool, [run for run in past.runs if run.queued_at >= since]
    by_day = await run_figures.by_day(pool, past.project, since, zone)
    expected: dict[date, list[Run]] = defaultdict(list)
    for run in runs:
        expected[run.queued_at.astimezone(ZoneInfo(zone)).date()].append(run)
    assert [row.day for row in by_day] == sorted(expected)
    for row in by_day:
        mine = expected[row.day]
        for status in ("succeeded", "failed", "timed_out", "cancelled", "skipped"):
            assert getattr(row, status) == sum(run.status == status for run in mine), (row.day, status)
        assert row.active == sum(run.status in ("queued", "running", "waiting") for run in mine)
        assert row.tokens == sum(run.tokens for run in mine)
        assert row.usd == pytest.approx(float(_usd(mine)))
        _check_times(row.p50_seconds, row.p95_seconds, mine)
    by_task = await run_figures.by_task(pool, past.project, since, "failed", 10, recent=4)
    assert by_task.all == len(by_task.found) == 3
    assert [one.failed for one in by_task.found] == sorted((one.failed for one in by_task.found), reverse=True)
    for task in by_task.found:
        mine = [run for run in runs if run.task == task.name]
        _check_row(task, mine)
        _check_times(task.p50_seconds, task.p95_seconds, mine)
        assert [run for run, _ in task.recent] == sorted((run.id for run in mine), reverse=True)[:4]
    by_starter = await run_figures.by_starter(pool, past.project, since, "cost", 10)
    assert {one.name for one in by_starter.found} == {"", "user:ana", "user:ben", "trigger:nightly"}
    for starter in by_starter.found:
        _check_row(starter, [run for run in runs if (run.starter or "") == starter.name])
    by_model = await run_figures.by_model(pool, past.project, since, "often", 10)
    for model in by_model.found:
        turns = [(run, tokens) for run in runs for name, tokens in run.turns if name == model.name]
        asked = {run.id: run for run, _ in turns}.values()
        assert (model.runs, model.requests, model.tokens) == (len(asked), len(turns), sum(one for _, one in turns))
        assert model.failed == sum(run.status in ("failed", "timed_out") for run in asked)
        assert model.usd == len(turns) * 0.5


def _check_row(row: run_figures.Count, mine: Sequence[Run]) -> None:
    assert row.runs == len(mine)
    assert row.succeeded == sum(run.status == "succeeded" for run in mine)
    assert row.failed == sum(run.status in ("failed", "timed_out") for run in mine)
    assert row.tokens == sum(run.tokens for run in mine)
    assert row.usd == pytest.approx(float(_usd(mine)))


def _check_times(p50: float | None, p95: float | None, mine: Iterable[Run]) -> None:
    took = sorted(max(run.seconds, 0.001) for run in mine if run.status == "succeeded")
    for share, found in ((50, p50), (95, p95)):
        if not took:
            assert found is None
        else:
            rank = -(-len(took) * share // 100)
            assert found == pytest.approx(took[rank - 1], rel=0.02)


def _usd(runs: Iterable[Run]) -> Decimal:
    return sum((run.usd for run in runs), Decimal(0))


async def test_a_number_that_a_transaction_still_holds_is_waited_for(past: Past) -> None:
    await past.add(20)
    counting = Counting(past.database.pool)
    async with past.database.pool.acquire() as connection:
        late = connection.transaction()
        await late.start()
        await connection.execute(
            "update runs set status = 'succeeded', changed = nextval('run_changes') where id = $1", past.runs[0].id
        )
        await past.add(5)  # Has higher numbers, and is committed before.
        await _count(counting)
        assert await past.database.pool.fetchval("select changed from counted_runs") < 21
        await late.commit()
    past.runs[0].status = "succeeded"
    await _count(counting)
    await _check(past, _START, "UTC")
    assert await past.database.pool.fetchval("select changed from counted_runs") >= 26


async def test_what_ended_runs_cost_stays_when_they_are_forgotten_and_goes_when_it_is_too_old(past: Past) -> None:
    await past.add(40)
    counting, pool = Counting(past.database.pool), past.database.pool
    await _count(counting)
    await pool.execute("delete from runs where status not in ('queued', 'running', 'waiting')")
    ended = [run for run in past.runs if run.status not in ("queued", "running", "waiting")]
    by_task = await run_figures.by_task(pool, past.project, _START, "cost", 10, recent=0)
    assert sum(one.failed for one in by_task.found) == sum(run.status in ("failed", "timed_out") for run in ended)
    assert sum(one.runs for one in by_task.found) == len(past.runs)
    await forget_figures(pool, _START)
    assert await _ended_on_days(past) == len(ended)
    await forget_figures(pool, _START + timedelta(days=10))
    assert await _ended_on_days(past) == 0


async def _ended_on_days(past: Past) -> int:
    days = await run_figures.by_day(past.database.pool, past.project, _START, "UTC")
    return sum(day.succeeded + day.failed + day.timed_out + day.cancelled + day.skipped for day in days)
