-- Take runs over: from this commit on, only the holder of a run's new epoch can write to its journal.
-- Locked in id order, so that two workers that take several at once cannot deadlock. `skip locked` for several: a
-- frozen worker may hold one of them locked, and must not keep the others waiting.
-- Index: pk_runs.
with asked as materialized (
    select id from runs
    where id = any($1::uuid[]) and status in ('queued', 'running') and held_for is null
    order by id for no key update {locking}
)
update runs
set status = 'running', changed = nextval('run_changes'), epoch = epoch + 1, holder = $2, taken_at = $3, started_at = coalesce(started_at, $3)
from asked
where runs.id = asked.id
returning runs.id, project_id, task_id, version_id, epoch, wakes, key, max_concurrent, starter, trigger, arguments,
          untrusted, parent_run_id, parent_path, rerun_of, rerun_from, queued_at, started_at, taken_at, active_seconds,
          cancel_requested_at, cancel_by, cancel_reason, input_tokens, output_tokens, usd, requests, tool_calls
