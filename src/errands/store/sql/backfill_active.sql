-- How many occurrences of a backfill are not done with: they wait for their start, or their run has not ended.
-- Index: ix_occurrences_backfill, pk_runs.
select count(*)
from occurrences
left join runs on runs.id = occurrences.run_id
where occurrences.backfill_id = $1
  and (occurrences.due_at is not null or runs.status in ('queued', 'running', 'waiting'))
