-- Start runs that nothing holds back: their rows, their jobs as PgQueuer writes them, and their entries in the audit log
-- where they have one, each in the order in which they were asked for. The row of one whose task is paused, archived or
-- gone does not come back. Turns are those of insert_run.sql, several runs of one task coming one after the other.
-- Index: pk_tasks, ix_runs_queued_task_turn, ix_runs_queued_turn.
with asked as (
    select *
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::json[], $8::json[],
                $9::bool[], $10::timestamptz[], $11::int[], $12::text[], $13::text[], $14::text[], $15::text[],
                $16::text[], $17::text[], $18::text[], $19::text[], $20::json[]) with ordinality
         as asked (id, project_id, task_id, version_id, key, starter, trigger, arguments, untrusted, queued_at, share,
                   actor, actor_kind, actor_id, verb, noun, name, project, outcome, detail, place)
), run as (
    insert into runs (id, project_id, task_id, version_id, status, key, starter, trigger, arguments, untrusted,
                      queued_at, turn)
    select asked.id, asked.project_id, asked.task_id, asked.version_id, 'queued', asked.key, asked.starter,
           asked.trigger, asked.arguments, asked.untrusted, asked.queued_at,
           greatest(
               coalesce((select max(turn) from runs where runs.task_id = asked.task_id and status = 'queued'), 0),
               coalesce((select min(turn) from runs where status = 'queued' and held_for is null and epoch = 0), 0)
           ) + asked.share * row_number() over (partition by asked.task_id order by asked.place)
    from asked
    join tasks on tasks.id = asked.task_id
    where tasks.paused_at is null and tasks.archived_at is null
    returning id, turn
), job as (
    insert into pgqueuer (priority, entrypoint, payload, headers, status)
    select -run.turn, $21::text, uuid_send(run.id), 'null', 'queued'
    from run
    join asked on asked.id = run.id
    order by asked.place
    returning id, entrypoint, priority
), logged as (
    insert into pgqueuer_log (job_id, status, entrypoint, priority)
    select id, 'queued', entrypoint, priority from job
), told as (
    insert into audit_entries (actor, actor_kind, actor_id, verb, noun, name, project, outcome, detail)
    select actor, actor_kind, actor_id, verb, noun, name, project, outcome, detail
    from run
    join asked on asked.id = run.id
    where actor is not null
    order by asked.place
)
select id from run
