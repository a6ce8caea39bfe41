-- The newest $3 runs of each of the tasks $1 that were queued since $2, newest first. Index: ix_runs_task_history.
select found.task_id, found.id, found.status
from unnest($1::uuid[]) as wanted (task_id)
cross join lateral (
    select task_id, id, status from runs where task_id = wanted.task_id and queued_at >= $2 order by id desc limit $3
) as found
order by found.task_id, found.id desc
