-- Waits whose time has come, for one worker.
-- Index: ix_waits_due.
select run_id, path, kind
from waits
where done_at is null and due_at <= $1
order by due_at
limit $2
for update skip locked
