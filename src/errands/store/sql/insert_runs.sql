-- Insert many runs; their turns are those of insert_run.sql, several runs of one task coming one after the other.
-- Index: ix_runs_queued_task_turn, ix_runs_queued_turn.
insert into runs (id, project_id, task_id, version_id, status, key, max_concurrent, held_for, reason, starter, trigger,
                  arguments, untrusted, queued_at, finished_at, turn)
select entry.id, entry.project_id, entry.task_id, entry.version_id, entry.status, entry.key, entry.max_concurrent,
       entry.held_for, entry.reason, entry.starter, entry.trigger, entry.arguments, entry.untrusted, $16,
       entry.finished_at,
       greatest(
           coalesce((select max(turn) from runs where runs.task_id = entry.task_id and runs.status = 'queued'), 0),
           coalesce((select min(turn) from runs where runs.status = 'queued'), 0)
       ) + entry.share * row_number() over (partition by entry.task_id order by entry.id)
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::int[], $8::text[], $9::text[],
            $10::text[], $11::json[], $12::json[], $13::bool[], $14::timestamptz[], $15::int[])
     as entry (id, project_id, task_id, version_id, status, key, max_concurrent, held_for, reason, starter, trigger,
               arguments, untrusted, finished_at, share)
returning id, turn
