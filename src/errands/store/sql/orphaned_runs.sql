-- Runs that should move but have no job: their worker was killed between two commits, or a worker that was frozen and
-- woken has deleted its successor's job. A running run whose holder was seen lately is left alone.
-- Index: ix_runs_active.
select runs.id, runs.turn, runs.epoch
from runs
left join workers on workers.id = runs.holder
where runs.status in ('queued', 'running')
  and runs.held_for is null
  and runs.queued_at < $1
  and (runs.status = 'queued' or workers.id is null or workers.seen_at < $1)
  and not exists (select 1 from pgqueuer where pgqueuer.payload = uuid_send(runs.id))
limit 500
