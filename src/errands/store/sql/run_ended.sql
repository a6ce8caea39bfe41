-- Tell the triggers that listen for the end of a run that was cancelled before it began. See finish_run.sql.
-- Index: pk_runs, ix_triggers_event_task.
insert into occurrences (trigger_id, planned_at, cause, decided_at, outcome, source, due_at)
select triggers.id, runs.finished_at, 'run:' || runs.id, runs.finished_at, 'deferred', 'event', runs.finished_at
from runs
join tasks on tasks.id = runs.task_id
join triggers on triggers.project_id = runs.project_id and triggers.event_task = tasks.name
where runs.id = $1 and triggers.closed_at is null and runs.status = any(triggers.event_outcomes)
on conflict do nothing
returning pg_notify('errands_triggers', '')
