-- Runs of project $1 since $2 by who started them, the first $5 by the figure $4.
-- What is counted, and what the mark $3 does not cover yet.
-- Index: pk_task_quarters, ix_runs_changed, ix_runs_active.
with fresh as materialized (
{fresh}
), counted as (
    select starter, succeeded, failed + timed_out as failed, cancelled + skipped as other, tokens, usd
    from task_quarters
    where project_id = $1 and slot >= $2
    union all
    select starter, (status = 'succeeded')::int, (status in ('failed', 'timed_out'))::int,
        (status not in ('succeeded', 'failed', 'timed_out'))::int, tokens, usd
    from fresh
), figures as (
    select starter as name, sum(succeeded) + sum(failed) + sum(other) as runs, sum(succeeded) as succeeded,
        sum(failed) as failed, sum(tokens) as tokens, sum(usd) as usd
    from counted
    group by starter
)
select null as id, name, runs, succeeded, failed, null as p50, null as p95, 0 as requests, tokens::bigint as tokens,
    usd::float8 as usd, count(*) over () as rows
from figures
order by case $4 when 'failed' then failed when 'cost' then usd when 'often' then runs end desc nulls last, runs desc,
    name
limit $5
