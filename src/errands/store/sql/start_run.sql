-- Start a run that nothing holds back: its row, its job as PgQueuer writes one, and its entry in the audit log, if there
-- is one. No row comes back where the task is paused, archived or gone. The turn is that of insert_run.sql.
-- Index: pk_tasks, ix_runs_queued_task_turn, ix_runs_queued_turn.
with run as (
    insert into runs (id, project_id, task_id, version_id, status, key, starter, trigger, arguments, untrusted,
                      queued_at, turn)
    select $1::uuid, $2::uuid, tasks.id, $4::uuid, 'queued', $5::text, $6::text, $7::json, $8::json, $9::boolean,
           $10::timestamptz,
           greatest(
               coalesce((select max(turn) from runs where task_id = $3::uuid and status = 'queued'), 0),
               coalesce((select min(turn) from runs where status = 'queued' and held_for is null and epoch = 0), 0)
           ) + $11::int
    from tasks
    where tasks.id = $3::uuid and tasks.paused_at is null and tasks.archived_at is null
    returning turn
), job as (
    insert into pgqueuer (priority, entrypoint, payload, headers, status)
    select -run.turn, $12::text, $13::bytea, 'null', 'queued' from run
    returning id, entrypoint, priority
), logged as (
    insert into pgqueuer_log (job_id, status, entrypoint, priority)
    select id, 'queued', entrypoint, priority from job
), told as (
    insert into audit_entries (actor, actor_kind, actor_id, verb, noun, name, project, outcome, detail)
    select $14::text, $15::text, $16::text, $17::text, $18::text, $19::text, $20::text, $21::text, $22::json from run
    where $14::text is not null
)
select turn from run
