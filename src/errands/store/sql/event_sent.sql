-- Tell the triggers that listen for an event of the project.
-- Index: ix_triggers_event_name.
insert into occurrences (trigger_id, planned_at, cause, decided_at, outcome, source, due_at)
select triggers.id, $4, 'event:' || $5::bigint, $4, 'deferred', 'event', $4
from triggers
where triggers.project_id = $1 and triggers.event_name = $2 and triggers.closed_at is null
  and (triggers.event_key is null or triggers.event_key = $3)
on conflict do nothing
returning pg_notify('errands_triggers', '')
