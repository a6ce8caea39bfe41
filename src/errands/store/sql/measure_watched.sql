-- How long 95 of the last 100 succeeded runs of a task took at most; ten must have succeeded.
-- Index: ix_runs_task_history.
update task_watches
set usual_seconds = measured.usual
from (
    select asked.task_id, percentile_cont(0.95) within group (order by lately.active_seconds) as usual
    from unnest($1::uuid[]) as asked (task_id)
    cross join lateral (
        select active_seconds from runs
        where runs.task_id = asked.task_id and runs.status = 'succeeded'
        order by id desc limit 100
    ) as lately
    group by asked.task_id
    having count(*) >= 10
) as measured
where task_watches.task_id = measured.task_id
