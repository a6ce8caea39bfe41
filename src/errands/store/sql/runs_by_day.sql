-- The newest $3 runs of project $1 since id $2, by day in zone $4. Index: ix_runs_project_history.
with newest as (
    select status, (queued_at at time zone $4)::date as day, usd, input_tokens + output_tokens as tokens,
        case when status = 'succeeded' then active_seconds end as seconds
    from runs
    where project_id = $1 and id >= $2
    order by id desc
    limit $3
)
select day,
    count(*) filter (where status = 'succeeded') as succeeded,
    count(*) filter (where status = 'failed') as failed,
    count(*) filter (where status = 'timed_out') as timed_out,
    count(*) filter (where status = 'cancelled') as cancelled,
    count(*) filter (where status = 'skipped') as skipped,
    count(*) filter (where status in ('queued', 'running', 'waiting')) as active,
    percentile_cont(0.5) within group (order by seconds) as p50_seconds,
    percentile_cont(0.95) within group (order by seconds) as p95_seconds,
    coalesce(sum(tokens), 0)::bigint as tokens,
    coalesce(sum(usd), 0)::float8 as usd
from newest
group by day
order by day
