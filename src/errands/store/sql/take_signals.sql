-- Take what has happened to runs of watched tasks, in the order in which it happened.
-- Index: pk_alarm_signals, pk_runs.
with taken as (
    delete from alarm_signals
    where id in (select id from alarm_signals order by id limit $1)
    returning id, task_id, run_id, what, detail, at
)
select taken.task_id, taken.run_id, taken.what, taken.detail, taken.at, runs.error
from taken
left join runs on runs.id = taken.run_id
order by taken.at, taken.id
