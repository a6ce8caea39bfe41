-- Let triggers look ahead to their next planned time, and show what became of the last one.
-- Index: pk_triggers.
update triggers
set fired = triggers.fired + entry.started,
    planned_up_to = greatest(triggers.planned_up_to, entry.up_to),
    planned_at = case when entry.moves then entry.next_planned else triggers.planned_at end,
    next_at = case when entry.moves then entry.next_look else triggers.next_at end,
    last_planned_at = coalesce(entry.last_planned, triggers.last_planned_at),
    last_outcome = coalesce(entry.last_outcome, triggers.last_outcome),
    last_run_id = case when entry.last_planned is null then triggers.last_run_id else entry.last_run end,
    revision = triggers.revision + 1
from unnest($1::uuid[], $2::int[], $3::bool[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[],
            $7::timestamptz[], $8::text[], $9::uuid[])
     as entry (id, started, moves, up_to, next_planned, next_look, last_planned, last_outcome, last_run)
where triggers.id = entry.id
