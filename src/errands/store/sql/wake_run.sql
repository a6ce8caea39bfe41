-- Count a wake-up. The status before tells whether a job must be enqueued (waiting) or a holder be told (running).
-- Index: pk_runs.
update runs
set wakes = wakes + 1,
    changed = case when status = 'waiting' then nextval('run_changes') else changed end,
    status = case when status = 'waiting' then 'queued' else status end,
    queued_at = case when status = 'waiting' then $2 else queued_at end
from (select id, status as before from runs where id = $1 for update) as old
where runs.id = old.id
returning old.before, runs.task_id, runs.key, runs.max_concurrent, runs.turn
