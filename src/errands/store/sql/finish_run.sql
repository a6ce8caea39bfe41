-- Close a run for good.
-- Index: pk_runs.
update runs
set status = $3, output = $4, output_ref = $5, error = $6, finished_at = $7, holder = null, taken_at = null,
    active_seconds = active_seconds + $8, input_tokens = $9, output_tokens = $10, usd = $11, requests = $12,
    tool_calls = $13
where id = $1 and epoch = $2 and status = 'running'
returning id
