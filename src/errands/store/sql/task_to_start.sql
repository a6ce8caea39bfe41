-- A task by its project's name and its own, with who alone may run it and answer for it.
-- Index: uq_projects_name, uq_tasks_project_id_name, pk_task_versions, uq_task_versions_task_id_number, pk_task_access.
select tasks.id, tasks.project_id, tasks.name, tasks.title, tasks.description, tasks.tags, tasks.published_version_id,
       tasks.paused_at, tasks.pause_note, tasks.archived_at, tasks.remove_at, tasks.created_at,
       (select number from task_versions where task_versions.id = tasks.published_version_id) as published,
       (select coalesce(max(number), 0) from task_versions where task_versions.task_id = tasks.id) as latest,
       coalesce(task_access.runners, '{}') as runners, coalesce(task_access.answerers, '{}') as answerers
from tasks
join projects on projects.id = tasks.project_id
left join task_access on task_access.task_id = tasks.id
where projects.name = $1 and tasks.name = $2
