-- Runs of a task and key that admission holds back, in the order in which they may go: those that were under way
-- before new ones.
-- Index: ix_runs_held.
select id, epoch, held_for, max_concurrent, turn
from runs
where task_id = $1 and key = $2 and held_for is not null and status = 'queued'
order by (epoch = 0), turn, id
limit 100
