-- Close runs for good, and with it tell the triggers that listen for their end, and the alarms of
-- watched tasks. Gives the runs that were closed: not
-- those whose epoch has moved on. Locked as in `take_runs.sql`.
-- Index: pk_runs, ix_triggers_event_task.
with closing as materialized (
    select entry.*
    from unnest($1::uuid[], $2::int[], $3::text[], $4::json[], $5::text[], $6::json[], $7::timestamptz[], $8::float8[],
                $9::bigint[], $10::bigint[], $11::numeric[], $12::int[], $13::int[], $14::bool[])
         as entry (id, epoch, status, output, output_ref, error, finished_at, active_seconds, input_tokens,
                   output_tokens, usd, requests, tool_calls, untrusted)
    join (select id from runs where id = any($1::uuid[]) order by id for no key update {locking}) as held on held.id = entry.id
), ended as (
    update runs
    set status = closing.status, changed = nextval('run_changes'), output = closing.output, output_ref = closing.output_ref, error = closing.error,
        finished_at = closing.finished_at, holder = null, taken_at = null,
        active_seconds = runs.active_seconds + closing.active_seconds, input_tokens = closing.input_tokens,
        output_tokens = closing.output_tokens, usd = closing.usd, requests = closing.requests,
        tool_calls = closing.tool_calls, untrusted = runs.untrusted or closing.untrusted
    from closing
    where runs.id = closing.id and runs.epoch = closing.epoch and runs.status = 'running'
    returning runs.id, runs.project_id, runs.task_id, runs.status, runs.finished_at
), caused as (
    insert into occurrences (trigger_id, planned_at, cause, decided_at, outcome, source, due_at)
    select triggers.id, ended.finished_at, 'run:' || ended.id, ended.finished_at, 'deferred', 'event', ended.finished_at
    from ended
    join tasks on tasks.id = ended.task_id
    join triggers on triggers.project_id = ended.project_id and triggers.event_task = tasks.name
    where triggers.closed_at is null and ended.status = any(triggers.event_outcomes)
    on conflict do nothing
    returning pg_notify('errands_triggers', '')
), signalled as (
    insert into alarm_signals (task_id, run_id, what, at)
    select ended.task_id, ended.id, ended.status, ended.finished_at
    from ended
    join tasks on tasks.id = ended.task_id
    where tasks.watched
)
select ended.id, (select count(*) from caused) as caused from ended
