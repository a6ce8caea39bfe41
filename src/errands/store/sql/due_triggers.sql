-- Triggers that the scheduler must look at, those that wait longest first.
-- Index: ix_triggers_next.
select {columns}
from triggers
join tasks on tasks.id = triggers.task_id
join projects on projects.id = tasks.project_id
where triggers.next_at <= $1 and triggers.id <> all($3::uuid[])
order by triggers.next_at
limit $2
