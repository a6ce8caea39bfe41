-- Open alarms whose cause is over, as far as the state of things tells it, and of tasks that are watched no more.
-- Index: uq_alarms_open (there are as many rows as open alarms), pk_runs, pk_approvals,
-- uq_approvals_run_id.
select alarms.id,
       case
           when task_watches.task_id is null or tasks.archived_at is not null then 'the task is watched no more'
           when alarms.kind = 'overdue' then 'the question is closed'
           when alarms.kind = 'paused' then 'a trigger is switched on again'
           when alarms.kind = 'budget' then 'somebody has decided, or the run has ended'
           else 'the run has ended'
       end as why
from alarms
join tasks on tasks.id = alarms.task_id
left join task_watches on task_watches.task_id = alarms.task_id
left join runs on runs.id = alarms.run_id and alarms.kind = 'long'
left join approvals
     on approvals.id = case when alarms.kind = 'overdue' then substring(alarms.subject from 5)::uuid end
where alarms.closed_at is null
  and (task_watches.task_id is null
       or tasks.archived_at is not null
       or (alarms.kind = 'long' and (runs.id is null or runs.finished_at is not null))
       or (alarms.kind = 'budget' and not exists (
               select 1 from approvals as asked
               where asked.run_id = alarms.run_id and asked.status = 'open' and asked.path like '%/budget[%'))
       or (alarms.kind = 'overdue' and approvals.status is distinct from 'open')
       or (alarms.kind = 'paused' and exists (
               select 1 from triggers
               where triggers.task_id = alarms.task_id and triggers.enabled and triggers.closed_at is null)))
limit 1000
