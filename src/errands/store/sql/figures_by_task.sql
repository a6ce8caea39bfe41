-- Runs of project $1 since $2 by task, the first $5 by the figure $4.
-- What is counted, and what the mark $3 does not cover yet.
-- Index: pk_task_quarters, pk_task_durations, ix_runs_changed, ix_runs_active, ix_runs_task_history.
with fresh as materialized (
{fresh}
), counted as (
    select task_id, succeeded, failed + timed_out as failed, cancelled + skipped as other, tokens, usd
    from task_quarters
    where project_id = $1 and slot >= $2
    union all
    select task_id, (status = 'succeeded')::int, (status in ('failed', 'timed_out'))::int,
        (status not in ('succeeded', 'failed', 'timed_out'))::int, tokens, usd
    from fresh
), figures as (
    select task_id, sum(succeeded) + sum(failed) + sum(other) as runs, sum(succeeded) as succeeded,
        sum(failed) as failed, sum(tokens) as tokens, sum(usd) as usd
    from counted
    group by task_id
), times as (
    select task_id, bucket, runs
    from task_durations
    where project_id = $1 and slot >= $2
    union all
    select task_id, bucket, 1 from fresh where bucket is not null
), placed as (
    select task_id, bucket, sum(sum(runs)) over (partition by task_id order by bucket) as upto,
        sum(sum(runs)) over (partition by task_id) as whole
    from times
    group by task_id, bucket
), percentiles as (
    select task_id, min(bucket) filter (where upto >= whole * 0.5) as p50, min(bucket) filter (where upto >= whole * 0.95) as p95
    from placed
    group by task_id
)
select tasks.id, tasks.name, runs, succeeded, failed, p50, p95, 0 as requests, tokens::bigint as tokens,
    usd::float8 as usd, count(*) over () as rows
from figures
join tasks on tasks.id = figures.task_id
left join percentiles using (task_id)
order by case $4 when 'failed' then failed when 'slow' then p95 when 'cost' then usd when 'often' then runs end
    desc nulls last, runs desc, tasks.name
limit $5
