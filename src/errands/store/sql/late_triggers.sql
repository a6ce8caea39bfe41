-- Triggers of watched tasks whose planned time has passed for too long without a start, each once, by its first such
-- time: not decided yet, waiting for its moment, queued, or come to nothing.
-- Index: ix_triggers_next, ix_occurrences_due, ix_runs_queued_turn, ix_triggers_not_started.
with overdue as (
    select id as trigger_id, planned_at as since, 'it was not looked at yet' as why, null::uuid as run_id
    from triggers
    where next_at <= $1 and planned_at is not null
    union all
    select trigger_id, due_at, 'it was not started yet', null
    from occurrences
    where due_at <= $1
    union all
    select id, last_planned_at,
           case last_outcome when 'missed' then 'it was missed' else 'it could not be started' end, last_run_id
    from triggers
    where last_outcome in ('missed', 'failed_to_start')
    union all
    select triggers.id, runs.queued_at, 'its run waits for its turn', runs.id
    from runs
    join triggers on triggers.task_id = runs.task_id and triggers.name = runs.trigger ->> 'id'
    where runs.status = 'queued' and runs.started_at is null
)
select distinct on (triggers.id) triggers.task_id, tasks.name as task, tasks.project_id, task_watches.rules,
       triggers.name as subject, overdue.since, overdue.why, overdue.run_id
from overdue
join triggers on triggers.id = overdue.trigger_id
join task_watches on task_watches.task_id = triggers.task_id
join tasks on tasks.id = triggers.task_id
where task_watches.late_seconds is not null
  and overdue.since + task_watches.late_seconds * interval '1 second' <= $1
  and triggers.enabled and triggers.closed_at is null
  and tasks.paused_at is null and tasks.archived_at is null and tasks.published_version_id is not null
order by triggers.id, overdue.since
