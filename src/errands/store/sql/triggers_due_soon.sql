-- Triggers that the scheduler will have to look at soon, the next ones first.
-- Index: ix_triggers_next.
select {columns}
from triggers
join tasks on tasks.id = triggers.task_id
join projects on projects.id = tasks.project_id
where triggers.next_at > $1 and triggers.next_at <= $2
order by triggers.next_at
limit $3
