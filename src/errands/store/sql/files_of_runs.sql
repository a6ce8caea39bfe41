-- Files of runs that are removed ($1). A rerun and the run that it repeats share large outputs, as do a run and its
-- sub-tasks: what those still need stays.
-- Index: ix_runs_rerun, ix_runs_parent, pk_runs, pk_steps, ix_artifacts_run.
with kin as (
    select later.id from runs as later where later.rerun_of = any($1) and later.id <> all($1)
    union select child.id from runs as child where child.parent_run_id = any($1) and child.id <> all($1)
    union select unnest(array[removed.rerun_of, removed.parent_run_id]) from runs as removed where removed.id = any($1)
)
select output_ref as ref from steps where run_id = any($1) and output_ref is not null and output_ref not in (
    select shared.output_ref from steps as shared
    where shared.run_id in (select id from kin where id <> all($1)) and shared.output_ref is not null)
union all
select distinct location as ref from artifacts where run_id = any($1) and (path <> 'trigger' or not exists (
    select from artifacts as other
    where other.location = artifacts.location and other.path = 'trigger' and other.run_id <> all($1)))
