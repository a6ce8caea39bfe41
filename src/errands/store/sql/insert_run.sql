-- Insert a run. Its turn shares the workers fairly between tasks: it comes after the task's own last queued run and
-- never before the run that is served now (one that is held back or was under way says nothing of that), and a task
-- advances by as many turns as its project has tasks in the queue (start-time fair queueing, each task's weight being
-- one over its project's queued tasks).
-- Index: ix_runs_queued_task_turn, ix_runs_queued_turn.
insert into runs (id, project_id, task_id, version_id, status, key, max_concurrent, held_for, reason, starter, trigger,
                  arguments, idempotency_key, untrusted, parent_run_id, parent_path, rerun_of, rerun_from, queued_at,
                  finished_at, turn)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
        greatest(
            coalesce((select max(turn) from runs where task_id = $3 and status = 'queued'), 0),
            coalesce((select min(turn) from runs where status = 'queued' and held_for is null and epoch = 0), 0)
        ) + $21)
returning turn
