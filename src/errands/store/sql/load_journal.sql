-- A run's journal as a replay needs it: outputs over the inline limit stay in the artifact store.
-- Index: pk_steps.
select path, kind, status, input, output, output_ref, error, facts, started_at, finished_at
from steps
where run_id = $1
order by path
