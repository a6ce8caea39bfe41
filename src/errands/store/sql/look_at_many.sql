-- What is active of each of many tasks and keys, in their order; see `admission.look`.
-- Index: ix_runs_active.
select (select count(*) from (
            select 1 from runs where task_id = asked.task_id and key = asked.key and status in ('queued', 'running')
            and held_for is null limit asked.most) as counted) as busy,
       exists(select 1 from runs where task_id = asked.task_id and key = asked.key and status = 'waiting') as waiting,
       (select count(*) from (
            select 1 from runs where task_id = asked.task_id and key = asked.key and held_for = 'overlap' limit 2
            ) as counted) as held
from unnest($1::uuid[], $2::text[], $3::int[]) with ordinality as asked (task_id, key, most, position)
order by asked.position
