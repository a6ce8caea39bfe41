-- Write what became of occurrences that had waited for their moment.
-- Index: pk_occurrences.
update occurrences
set outcome = entry.outcome, code = entry.code, reason = entry.reason, run_id = entry.run_id, due_at = entry.due_at,
    source = entry.source, decided_at = $10::timestamptz
from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::text[],
            $9::timestamptz[])
     as entry (trigger_id, planned_at, cause, outcome, code, reason, run_id, source, due_at)
where occurrences.trigger_id = entry.trigger_id and occurrences.planned_at = entry.planned_at
  and occurrences.cause = entry.cause
