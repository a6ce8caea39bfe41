-- Occurrences that wait for their moment, and for which it has come.
-- Index: ix_occurrences_due.
select {columns}, occurrences.planned_at as occurrence_planned_at, occurrences.cause, occurrences.source,
       occurrences.code, backfills.overlap
from occurrences
join triggers on triggers.id = occurrences.trigger_id
join tasks on tasks.id = triggers.task_id
join projects on projects.id = tasks.project_id
left join backfills on backfills.id = occurrences.backfill_id
where occurrences.due_at <= $1 and triggers.id <> all($3::uuid[])
order by occurrences.due_at
limit $2
