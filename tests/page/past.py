"""Weeks of runs, put straight into the tables: pictures of charts and lists need a past that nobody waits for."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from errands.store.database import Database

DAYS = 45
# Of each task: how often in seconds, how many in a hundred do not succeed, seconds that one takes, tokens, cost.
_HABITS = """
    values ('health-check', 'every-hour', 3600, 4, 0.4, 0, 0), ('daily-sync', 'nightly', 86400, 6, 42, 0, 0),
           ('regional-report', 'monday', 604800, 0, 380, 0, 0), ('weekly-summary', null, 172800, 9, 26, 9400, 0.018)
"""
_RUNS = f"""
with habits (name, trigger, every, misses, takes, tokens, usd) as ({_HABITS}),
moments as (
    select habits.*, moment, md5(habits.name || moment) as noise
    from habits
    cross join lateral
        generate_series($1::timestamptz, now() - interval '3 hours', make_interval(secs => every)) as moment
), fated as (
    select *, ('x' || substr(noise, 1, 4))::bit(16)::int % 100 as fate,
           ('x' || substr(noise, 5, 4))::bit(16)::int % 100 as luck,
           name = 'health-check' and moment between now() - interval '10 days' and now() - interval '9 days' as outage
    from moments
), ended as (
    select *, takes * (0.7 + luck / 120.0) as seconds,
           case when fate >= misses + (case when outage then 30 else 0 end) then 'succeeded'
                when luck < 60 then 'failed' when luck < 80 then 'timed_out' when luck < 90 then 'skipped'
                else 'cancelled' end as status
    from fated
)
insert into runs (id, project_id, task_id, version_id, status, epoch, starter, trigger, arguments, reason, queued_at,
                  started_at, finished_at, active_seconds, input_tokens, output_tokens, usd, requests, tool_calls,
                  output, error)
select (lpad(to_hex((extract(epoch from moment) * 1000)::bigint), 12, '0') || '7' || substr(noise, 10, 3) || 'a'
        || substr(noise, 14, 15))::uuid,
       tasks.project_id, tasks.id, tasks.published_version_id, status, 1, case when trigger is null then 'user:ana' end,
       case when trigger is null then '{{"kind": "on_demand"}}'::json
            else json_build_object('kind', 'schedule', 'id', trigger) end,
       '{{}}', case when status = 'skipped' then 'Skipped: the run before it was still going.'
                  when status = 'cancelled' then 'Cancelled by ana: not this week.' end,
       moment, case when status <> 'skipped' then moment + interval '180 ms' end,
       moment + make_interval(secs => case when status = 'skipped' then 0 else seconds end),
       case when status = 'skipped' then 0 else seconds end,
       tokens * (0.6 + luck / 100.0), tokens * 0.2, usd * (0.6 + luck / 100.0), sign(tokens) * 3, sign(tokens) * 2,
       '"up"',
       case when status = 'failed'
            then '{{"kind": "tool", "message": "the shop answered 500", "step": "judged"}}'::json
            when status = 'timed_out'
            then '{{"kind": "timeout", "message": "It took longer than 60 s.", "step": "looked"}}'::json end
from ended
join tasks on tasks.name = ended.name
"""


def remember(home: Path) -> None:
    """Give the tasks of a home's database the runs of the last weeks; its server may be running."""
    # The browser's event loop runs in the thread of whoever asks.
    with ThreadPoolExecutor(1) as aside:
        aside.submit(asyncio.run, _remember(home)).result()


async def _remember(home: Path) -> None:
    database = await Database.open(None, home, pool_size=1)
    try:
        await database.pool.execute(_RUNS, datetime.now(UTC) - timedelta(days=DAYS))
        await database.pool.execute("analyze runs")
    finally:
        await database.close()
