-- Ended runs that are kept no longer, task by task: each task may say for how long ($1: the cut of those that do not,
-- null: they stay; $2: now). A run whose sub-task is under way stays.
-- Index: ix_runs_ended, ix_runs_parent.
select expired.id
from tasks
cross join lateral (
    select runs.id
    from runs
    where runs.task_id = tasks.id
      and runs.finished_at < case when tasks.keep_runs is null then $1::timestamptz else $2::timestamptz - tasks.keep_runs end
      and not exists (
          select 1 from runs as child where child.parent_run_id = runs.id and child.finished_at is null)
    order by runs.finished_at
    limit $3
    for update skip locked
) as expired
limit $3
