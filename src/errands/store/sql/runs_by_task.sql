-- The newest $3 runs of project $1 since id $2, by task. Index: ix_runs_project_history.
-- Only the columns that count, so that the sorts fit into memory.
with history as materialized (
    select id, task_id, status, usd, input_tokens + output_tokens as tokens,
        case when status = 'succeeded' then active_seconds end as seconds
    from runs
    where project_id = $1 and id >= $2
    order by id desc
    limit $3
),
figures as (
    select task_id,
        count(*) as runs,
        count(*) filter (where status = 'succeeded') as succeeded,
        count(*) filter (where status in ('failed', 'timed_out')) as failed,
        percentile_cont(0.5) within group (order by seconds) as p50_seconds,
        percentile_cont(0.95) within group (order by seconds) as p95_seconds,
        coalesce(sum(tokens), 0)::bigint as tokens,
        coalesce(sum(usd), 0)::float8 as usd
    from history
    group by task_id
),
newest as (
    select task_id, array_agg(status order by id desc) as recent, array_agg(id order by id desc) as recent_ids
    from (
        select id, task_id, status, row_number() over (partition by task_id order by id desc) as place from history
    ) as placed
    where place <= 20
    group by task_id
)
select tasks.name as task, newest.recent, newest.recent_ids, figures.runs, figures.succeeded, figures.failed,
    figures.p50_seconds, figures.p95_seconds, figures.tokens, figures.usd
from figures
join newest using (task_id)
join tasks on tasks.id = figures.task_id
order by tasks.name
