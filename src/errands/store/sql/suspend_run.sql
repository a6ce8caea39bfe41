-- Let a run go that can only wait. Refused (no row) if it was taken over, or if a wake-up or a
-- cancel came that it has not seen. ($10: it is past cancelling, in its `finally`.)
-- Index: pk_runs.
update runs
set status = 'waiting', changed = nextval('run_changes'), holder = null, taken_at = null,
    active_seconds = active_seconds + $4, input_tokens = $5, output_tokens = $6, usd = $7, requests = $8,
    tool_calls = $9
where id = $1 and epoch = $2 and wakes = $3 and status = 'running'
  and (cancel_requested_at is null or $10)
returning id
