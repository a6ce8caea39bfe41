-- A record that a rerun begins with, because somebody has edited it. Written with the run, before any worker takes it
-- (hence epoch 0, which no worker has).
insert into steps (run_id, path, kind, status, epoch, input, output, facts, started_at, finished_at)
values ($1, $2, 'outcome', 'succeeded', 0, $3::json, $4::json, $5::json, $6, $7)
