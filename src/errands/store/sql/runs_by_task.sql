-- The newest $3 runs of project $1 since id $2, by task. Index: ix_runs_project_history.
with newest as (
    select id, task_id, status, usd, input_tokens + output_tokens as tokens,
        case when status = 'succeeded' then active_seconds end as seconds,
        row_number() over (partition by task_id order by id desc) as place
    from (select * from runs where project_id = $1 and id >= $2 order by id desc limit $3) as history
)
select tasks.name as task,
    array_agg(newest.status order by newest.id desc) filter (where place <= 20) as recent,
    array_agg(newest.id order by newest.id desc) filter (where place <= 20) as recent_ids,
    count(*) as runs,
    count(*) filter (where newest.status = 'succeeded') as succeeded,
    count(*) filter (where newest.status in ('failed', 'timed_out')) as failed,
    percentile_cont(0.5) within group (order by seconds) as p50_seconds,
    percentile_cont(0.95) within group (order by seconds) as p95_seconds,
    coalesce(sum(tokens), 0)::bigint as tokens,
    coalesce(sum(newest.usd), 0)::float8 as usd
from newest
join tasks on tasks.id = newest.task_id
group by tasks.name
order by tasks.name
