-- Open alarms, or count them up where they are open. `opened` tells the new ones.
-- Index: uq_alarms_open.
insert into alarms (id, project_id, task_id, kind, subject, message, run_id, count, opened_at, last_at)
select new.*, $9, $9
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::int[]) as new
on conflict (task_id, kind, subject) where closed_at is null
do update set count = alarms.count + excluded.count, last_at = excluded.last_at, message = excluded.message,
              run_id = coalesce(excluded.run_id, alarms.run_id)
returning id, task_id, kind, subject, xmax = 0 as opened
