"""A long history: how soon its lists come, and whether the engine still runs as fast as on an empty database.

usage: history.py [RUNS] [CALLS] [ROUNDS]

RUNS runs (1,000,000) of 90 days are made by set-wise SQL, with journals for one in twenty: 20 tasks of unequal share,
one that is rare, one with 40 % of all runs that never fails and one that always does; 95 % succeeded. Every list is
asked of the service that the command line asks, CALLS (200) times each, with arguments that differ; beside it a bare
query for the newest page. Insights are asked for as often, once the runs are counted. The engine moves the same load
on this database and on an empty one of the same server, in turns, ROUNDS (7) each.
"""

import asyncio
import itertools
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypedDict
from uuid import UUID

import asyncpg
from engine import SOURCE, throughput
from harness import Idle, Project, engine_of, fresh_folder, settle
from measuring import Figure, percentile, report

from errands.bootstrap import open_services
from errands.core.ids import encode
from errands.core.outcomes import RunStatus
from errands.engine.counting import Counting
from errands.services.overview import OverviewService
from errands.services.principals import operator
from errands.services.runs import RunService
from errands.settings import Settings
from errands.store.database import Database
from errands.store.identifiers import first_id_at
from errands.store.migrations import upgrade

OPERATOR = operator("bench")

PROJECT = "default"
TASKS = 20
DAYS = 90
PAGE = 50
LOAD, AT_ONCE = 1000, 64
"""Runs of a round of the engine, and how many of them at a time."""
RARE, NEVER_FAILS, ALWAYS_FAILS = "task-18", "task-19", "task-20"

MAKE_TASKS = """
with made as (
    insert into tasks (id, project_id, name, description, published_version_id)
    select gen_random_uuid(), $1, 'task-' || n, 'a task', gen_random_uuid() from generate_series(1, $2::int) as n
    returning id, name, published_version_id
)
insert into task_versions (id, task_id, number, digest, source, definition, author)
select published_version_id, id, 1, '', '', replace($3, 'NAME', name)::json, 'bench' from made
"""
DEFINITION = json.dumps(
    {
        "task": "NAME",
        "description": "A task.",
        "steps": [{"kind": "transform", "id": "say", "key": "say", "python": "'hello'"}],
    }
)
# Identifiers as the engine makes them: 48 bits of milliseconds, then what is random, here of the row's number.
MAKE_RUNS = """
with share as (
    select id, published_version_id as version_id, substr(name, 6)::int as n from tasks where name like 'task-%'
), moments as (
    select g, md5(g::text) as noise, $2::timestamptz + g * ($3::interval / $4::int) as moment,
           ('x' || substr(md5(g::text), 1, 4))::bit(16)::int as dice,
           ('x' || substr(md5(g::text), 5, 4))::bit(16)::int as fate
    from generate_series(1, $4::int) as g
), placed as (
    select *, case when g % 5000 = 0 then 18 when dice < 26000 then 19 when dice < 27000 then 20
                   when dice < 40000 then 1 else 2 + dice % 16 end as n
    from moments
)
insert into runs (id, project_id, task_id, version_id, status, epoch, starter, trigger, arguments, queued_at,
                  started_at, finished_at, active_seconds, output, error)
select (lpad(to_hex((extract(epoch from moment) * 1000)::bigint), 12, '0') || '7' || substr(noise, 10, 3) || 'a'
        || substr(noise, 14, 15))::uuid,
       $1, share.id, share.version_id, chosen.status, 1, 'user:bench', '{"kind": "manual"}', '{"region": "emea"}',
       moment, moment + interval '50 ms', moment + interval '2 s', 2, '{"rows": 12, "sent": true}',
       case when chosen.status in ('failed', 'timed_out')
            then '{"kind": "network", "message": "the server did not answer", "step": "orders"}'::json end
from placed
join share on share.n = placed.n
cross join lateral (
    select case when placed.n = 20 then 'failed' when placed.n = 19 then 'succeeded' when fate < 3300 then 'failed'
                when fate < 3900 then 'cancelled' when fate < 4300 then 'timed_out' when fate < 4550 then 'skipped'
                else 'succeeded' end as status
) as chosen
"""
MAKE_STEPS = """
insert into steps (run_id, path, kind, status, epoch, input, output, started_at, finished_at)
select runs.id, 's' || n, 'outcome', 'succeeded', 1, '{"a": 1}', json_build_object('i', n, 'v', repeat('x', 50)),
       runs.started_at, runs.finished_at
from runs cross join generate_series(0, 9) as n
where get_byte(uuid_send(runs.id), 15) % 20 = 0
"""


class Wanted(TypedDict, total=False):
    """What a list is filtered by."""

    task: str
    status: RunStatus
    since: datetime
    until: datetime
    cursor: str


async def main(count: int, calls: int, rounds: int) -> list[Figure]:
    async with fresh_folder() as home, open_services(Settings.load(home=home), worker=False) as runtime:
        database = await Database.open(None, home, pool_size=18)
        try:
            project = await database.pool.fetchval("select id from projects where name = $1", PROJECT)
            await generate(database.pool, project, count)
            lists = await list_figures(runtime.services.runs, database, count, calls)
            insights = await insight_figures(runtime.services.overview, database, count, calls)
            return [*lists, *insights, await speed(database, home, project, rounds, f"{count:,} runs")]
        finally:
            await database.close()


async def generate(pool: asyncpg.Pool, project: UUID, count: int) -> None:
    """Make the history, and leave the tables as autovacuum would after a while."""
    began = time.perf_counter()
    await pool.execute(MAKE_TASKS, project, TASKS, DEFINITION)
    since = datetime.now(UTC) - timedelta(days=DAYS)
    await pool.execute(MAKE_RUNS, project, since, timedelta(days=DAYS), count)
    await pool.execute(MAKE_STEPS)
    await count_ended(pool)
    await pool.execute("vacuum analyze")
    made = await pool.fetchval("select count(*) from runs")
    if made != count:
        raise RuntimeError(f"{made:,} runs were made, not {count:,}")
    print(f"{count:,} runs made in {time.perf_counter() - began:.0f} s")


async def count_ended(pool: asyncpg.Pool) -> None:
    """Add the history to the figures, as keepers would have done while it was made."""
    counting = Counting(pool)
    began = time.perf_counter()
    newest = await pool.fetchval("select max(changed) from runs")
    while await pool.fetchval("select changed from counted_runs") < newest:
        await counting.count()
    print(f"counted in {time.perf_counter() - began:.0f} s")


async def list_figures(runs: RunService, database: Database, count: int, calls: int) -> list[Figure]:
    """A figure for each list that the history offers."""
    bare = percentile([await timed(partial(bare_page, database.pool)) for _ in range(calls)], 0.95)
    figures = []
    for name, wanted in lists().items():
        taken = []
        for number in range(calls):
            taken.append(await timed(partial(page, runs, wanted(number))))
        value = percentile(taken, 0.95)
        figures.append(Figure(f"history of {count:,}, {name}, p95", value, "ms", 50, bare, "lower", "value"))
    return figures


async def insight_figures(overview: OverviewService, database: Database, count: int, calls: int) -> list[Figure]:
    """Figures by day and by task: they must not grow with the history."""
    bare = percentile([await timed(partial(bare_page, database.pool)) for _ in range(calls)], 0.95)
    looks: dict[str, Callable[[], Awaitable[object]]] = {
        "14 days": partial(overview.get, OPERATOR, PROJECT, days=14, only="days"),
        "90 days": partial(overview.get, OPERATOR, PROJECT, days=90, only="days"),
        "tasks of 14 days": partial(overview.insights, OPERATOR, PROJECT, "task", days=14),
        "tasks of 90 days": partial(overview.insights, OPERATOR, PROJECT, "task", days=90),
    }
    figures = []
    for name, look in looks.items():
        value = percentile([await timed(look) for _ in range(calls)], 0.95)
        target = 250 if name == "tasks of 90 days" else 100
        figures.append(
            Figure(f"insights into {count:,} runs, {name}, p95", value, "ms", target, bare, "lower", "value")
        )
    return figures


def lists() -> dict[str, Callable[[int], Wanted]]:
    """The lists by name: what the n-th call asks for."""
    start = datetime.now(UTC) - timedelta(days=DAYS)
    tasks = itertools.cycle([f"task-{n}" for n in range(1, TASKS + 1)])
    states = itertools.cycle(RunStatus)

    def day(number: int) -> Wanted:
        since = start + timedelta(days=number * 7 % DAYS)
        return {"since": since, "until": since + timedelta(days=1)}

    return {
        "newest page": lambda _: {},
        "a later page": lambda n: {"cursor": encode("run", first_id_at(start + timedelta(days=n * 7 % DAYS)))},
        "by task": lambda _: {"task": next(tasks)},
        "by a rare task": lambda _: {"task": RARE},
        "by status": lambda _: {"status": next(states)},
        "by time": day,
        "by task and status": lambda _: {"task": next(tasks), "status": next(states)},
        "by failures of a task without one": lambda _: {"task": NEVER_FAILS, "status": RunStatus.FAILED},
        "by successes of a task without one": lambda _: {"task": ALWAYS_FAILS, "status": RunStatus.SUCCEEDED},
        "by task and time": lambda n: {**day(n), "task": next(tasks)},
        "by status and time": lambda n: {**day(n), "status": next(states)},
        "by task, status and time": lambda n: {**day(n), "task": next(tasks), "status": next(states)},
    }


async def page(runs: RunService, wanted: Wanted) -> None:
    await runs.list(OPERATOR, PROJECT, limit=PAGE, **wanted)


async def bare_page(pool: asyncpg.Pool) -> None:
    await pool.fetch("select * from runs order by id desc limit $1", PAGE)


async def timed(call: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds of one call."""
    began = time.perf_counter()
    await call()
    return (time.perf_counter() - began) * 1000


async def speed(database: Database, folder: Path, project: UUID, rounds: int, name: str) -> Figure:
    """The engine's steps per second on the long history, against those on an empty database."""
    async with AsyncExitStack() as stack:
        empty = await empty_beside(database, folder)
        stack.push_async_callback(empty.close)
        benches = {}
        for place in (database, empty):
            engine = await stack.enter_async_context(engine_of(place, folder, Idle()))
            benches[place] = (engine, Project(place, engine, project))
            await benches[place][1].apply(SOURCE)
        measured: dict[Database, list[float]] = {database: [], empty: []}
        for number in range(rounds + 1):
            for place in (database, empty) if number % 2 else (empty, database):
                await settle(place.pool)
                rate = await throughput(*benches[place], LOAD, AT_ONCE)
                if number:  # The first round warms both up.
                    measured[place].append(rate)
    value, limit = (statistics.median(measured[place]) for place in (database, empty))
    return Figure(f"engine with a history of {name}, against an empty database", value, "steps/s", 0.9, limit)


async def empty_beside(database: Database, folder: Path) -> Database:
    """An empty database of the same server, with our tables."""
    await database.pool.execute("create database empty")
    empty = await Database.open(database.url.replace("/errands?", "/empty?"), folder, pool_size=18)
    await upgrade(empty)
    return empty


if __name__ == "__main__":
    count, calls, rounds = (*sys.argv[1:], *("1000000", "200", "7")[len(sys.argv) - 1 :])
    report(asyncio.run(main(int(count), int(calls), int(rounds))))
