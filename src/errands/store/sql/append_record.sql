-- Append one journal record, if the writer still holds its run: `append_records` for a batch of one, without arrays.
-- The share lock and the record that comes again are explained there.
-- Index: pk_runs, pk_steps.
with held as (
    select id, epoch from runs where id = $1 for share
)
insert into steps (run_id, path, kind, status, epoch, input, output, output_ref, error, facts, started_at, finished_at)
select held.id, $3::text, $4::text, $5::text, held.epoch, $6::json, $7::json, $8::text, $9::json, $10::json,
       $11::timestamptz, $12::timestamptz
from held where held.epoch = $2
on conflict (run_id, path) do update set epoch = steps.epoch where steps.epoch = excluded.epoch
