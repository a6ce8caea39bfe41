-- How many tasks of a project have queued runs: a loose scan, one look per task rather than one per run.
-- Index: ix_runs_queued_task_turn.
with recursive queued as (
    (select task_id from runs where status = 'queued' order by task_id limit 1)
    union all
    select (select task_id from runs where status = 'queued' and task_id > queued.task_id order by task_id limit 1)
    from queued
    where queued.task_id is not null
)
select count(*) from queued join tasks on tasks.id = queued.task_id where tasks.project_id = $1
