-- Give a run back to the queue, because its worker stops. The journal stays as it is.
-- Index: pk_runs.
update runs
set status = 'queued', changed = nextval('run_changes'), holder = null, taken_at = null, active_seconds = active_seconds + $3
where id = $1 and epoch = $2 and status = 'running'
returning id
