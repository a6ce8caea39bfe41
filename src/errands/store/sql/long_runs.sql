-- Runs of watched tasks that have run for longer than they should, and of which no alarm tells.
-- Index: ix_task_watches_long, ix_runs_active.
select runs.task_id, tasks.name as task, tasks.project_id, task_watches.rules, 'run_' || replace(runs.id::text, '-', '')
       as subject, runs.started_at as since, runs.id as run_id,
       round(runs.active_seconds + coalesce(extract(epoch from $1 - runs.taken_at), 0))::text as why
from task_watches
join runs on runs.task_id = task_watches.task_id and runs.status = 'running'
join tasks on tasks.id = runs.task_id
where (task_watches.long_seconds is not null or task_watches.long_factor is not null)
  and runs.active_seconds + coalesce(extract(epoch from $1 - runs.taken_at), 0)
      >= least(task_watches.long_seconds, task_watches.long_factor * task_watches.usual_seconds)
  and not exists (
      select 1 from alarms
      where alarms.task_id = runs.task_id and alarms.kind = 'long' and alarms.run_id = runs.id
  )
limit 1000
