-- Make planned times due that have not run; those that were skipped or missed get their row written anew.
-- Index: pk_occurrences.
insert into occurrences (trigger_id, planned_at, decided_at, outcome, reason, source, due_at, backfill_id)
select $1, moment, $3, 'deferred', 'a backfill starts it', 'backfill', $3, $4
from unnest($2::timestamptz[]) as moment
on conflict (trigger_id, planned_at, cause) do update
set decided_at = excluded.decided_at, outcome = 'deferred', code = null, reason = excluded.reason, source = 'backfill',
    due_at = excluded.due_at, backfill_id = excluded.backfill_id
where occurrences.outcome not in ('started', 'queued') and occurrences.due_at is null
