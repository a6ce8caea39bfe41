-- A task whose grace is over, so that nobody restores it meanwhile. No row: restored, or another keeper has it.
-- Index: pk_tasks.
select tasks.name as task, projects.name as project
from tasks
join projects on projects.id = tasks.project_id
where tasks.id = $1 and tasks.remove_at <= $2
for update of tasks skip locked
