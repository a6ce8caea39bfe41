-- Append journal records, but only those of runs that the writer still holds.
-- The share lock on the runs' rows (in id order, so that two batches cannot deadlock) makes a takeover wait for this
-- commit, or this statement see the new epoch: no record can slip in behind a reader that has taken the run over.
-- A record that comes again in the same epoch is our own, sent anew after a broken connection: it counts as written.
-- Index: pk_runs, pk_steps.
with held as (
    select id, epoch from runs where id = any($1::uuid[]) order by id for share
)
insert into steps (run_id, path, kind, status, epoch, input, output, output_ref, error, facts, started_at, finished_at)
select held.id, entry.path, entry.kind, entry.status, held.epoch, entry.input, entry.output, entry.output_ref,
       entry.error, entry.facts, entry.started_at, entry.finished_at
from unnest($2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[], $7::json[], $8::json[], $9::text[],
            $10::json[], $11::json[], $12::timestamptz[], $13::timestamptz[])
     as entry (run_id, epoch, path, kind, status, input, output, output_ref, error, facts, started_at, finished_at)
join held on held.id = entry.run_id and held.epoch = entry.epoch
on conflict (run_id, path) do update set epoch = steps.epoch where steps.epoch = excluded.epoch
returning run_id, path
