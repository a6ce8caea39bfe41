-- Write planned times into the ledger. What is in it already was decided before, and stands.
-- Index: pk_occurrences.
insert into occurrences (trigger_id, planned_at, cause, outcome, code, reason, run_id, source, due_at, decided_at)
select entry.*, $10::timestamptz
from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::text[],
            $9::timestamptz[])
     as entry (trigger_id, planned_at, cause, outcome, code, reason, run_id, source, due_at)
on conflict do nothing
