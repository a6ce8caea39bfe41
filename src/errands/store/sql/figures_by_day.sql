-- Runs of project $1 since $2 by day in zone $4: what is counted, and what the mark $3 does not cover yet.
-- Index: pk_project_quarters, pk_project_durations, ix_runs_changed, ix_runs_active.
with fresh as materialized (
{fresh}
), counted as (
    select slot, succeeded, failed, timed_out, cancelled, skipped, 0 as active, tokens, usd
    from project_quarters
    where project_id = $1 and slot >= $2
    union all
    select slot, (status = 'succeeded')::int, (status = 'failed')::int, (status = 'timed_out')::int,
        (status = 'cancelled')::int, (status = 'skipped')::int, (status in ('queued', 'running', 'waiting'))::int,
        tokens, usd
    from fresh
), figures as (
    select (slot at time zone $4)::date as day, sum(succeeded) as succeeded, sum(failed) as failed,
        sum(timed_out) as timed_out, sum(cancelled) as cancelled, sum(skipped) as skipped, sum(active) as active,
        sum(tokens) as tokens, sum(usd) as usd
    from counted
    group by day
), times as (
    select (slot at time zone $4)::date as day, bucket, runs
    from project_durations
    where project_id = $1 and slot >= $2
    union all
    select (slot at time zone $4)::date, bucket, 1 from fresh where bucket is not null
), placed as (
    select day, bucket, sum(sum(runs)) over (partition by day order by bucket) as upto,
        sum(sum(runs)) over (partition by day) as whole
    from times
    group by day, bucket
), percentiles as (
    select day, min(bucket) filter (where upto >= whole * 0.5) as p50, min(bucket) filter (where upto >= whole * 0.95) as p95
    from placed
    group by day
)
select day, succeeded, failed, timed_out, cancelled, skipped, active, p50, p95, tokens::bigint as tokens,
    usd::float8 as usd
from figures
left join percentiles using (day)
order by day
