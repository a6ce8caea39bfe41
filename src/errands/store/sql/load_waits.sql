-- What a run waits for, and what has come of it.
-- Index: pk_waits.
select path, kind, due_at, done_at, result, child_run_id
from waits
where run_id = $1
