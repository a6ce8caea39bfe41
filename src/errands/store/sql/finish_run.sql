-- Close a run for good, and with it tell the triggers that listen for its end.
-- Index: pk_runs, ix_triggers_event_task.
with ended as (
    update runs
    set status = $3, output = $4, output_ref = $5, error = $6, finished_at = $7, holder = null, taken_at = null,
        active_seconds = active_seconds + $8, input_tokens = $9, output_tokens = $10, usd = $11, requests = $12,
        tool_calls = $13
    where id = $1 and epoch = $2 and status = 'running'
    returning id, project_id, task_id, status, finished_at
), caused as (
    insert into occurrences (trigger_id, planned_at, cause, decided_at, outcome, source, due_at)
    select triggers.id, ended.finished_at, 'run:' || ended.id, ended.finished_at, 'deferred', 'event', ended.finished_at
    from ended
    join tasks on tasks.id = ended.task_id
    join triggers on triggers.project_id = ended.project_id and triggers.event_task = tasks.name
    where triggers.closed_at is null and ended.status = any(triggers.event_outcomes)
    on conflict do nothing
    returning pg_notify('errands_triggers', '')
)
select ended.id, (select count(*) from caused) as caused from ended
