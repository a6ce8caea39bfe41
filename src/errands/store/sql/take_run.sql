-- Take a run over: from this commit on, only the holder of the new epoch can write to its journal.
-- Index: pk_runs.
update runs
set status = 'running', epoch = epoch + 1, holder = $2, taken_at = $3, started_at = coalesce(started_at, $3)
where id = $1 and status in ('queued', 'running') and held_for is null
returning id, project_id, task_id, version_id, epoch, wakes, key, max_concurrent, starter, trigger, arguments,
          untrusted, parent_run_id, parent_path, rerun_of, rerun_from, queued_at, started_at, taken_at, active_seconds,
          cancel_requested_at, cancel_by, cancel_reason, input_tokens, output_tokens, usd, requests, tool_calls
