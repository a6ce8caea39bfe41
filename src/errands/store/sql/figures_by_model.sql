-- Runs of project $1 since $2 by the models that they asked, the first $5 by the figure $4. A run that asked two counts
-- for both. What is counted, and what the mark $3 does not cover yet.
-- Index: pk_model_quarters, ix_runs_changed, ix_runs_active, pk_steps.
with fresh as materialized (
{fresh}
), turns as (
    select fresh.id, fresh.status, coalesce(steps.output ->> 'model', '') as model, steps.facts -> 'usage' as usage
    from fresh
    join steps on steps.run_id = fresh.id and steps.kind = 'turn'
    where steps.facts -> 'from_run' is null and (fresh.requests > 0 or fresh.status in ('running', 'waiting'))
), counted as (
    select model, runs, failed, requests, tokens, usd
    from model_quarters
    where project_id = $1 and slot >= $2
    union all
    select model, count(distinct id), count(distinct id) filter (where status in ('failed', 'timed_out')),
        sum(coalesce((usage ->> 'requests')::int, 0)),
        sum(coalesce((usage ->> 'input_tokens')::bigint, 0) + coalesce((usage ->> 'output_tokens')::bigint, 0)),
        sum(coalesce((usage ->> 'usd')::numeric, 0))
    from turns
    group by model
), figures as (
    select model as name, sum(runs) as runs, sum(failed) as failed, sum(requests) as requests, sum(tokens) as tokens,
        sum(usd) as usd
    from counted
    group by model
)
select null as id, name, runs, null as succeeded, failed, null as p50, null as p95, requests::bigint as requests,
    tokens::bigint as tokens, usd::float8 as usd, count(*) over () as rows
from figures
order by case $4 when 'failed' then failed when 'cost' then usd when 'often' then runs end desc nulls last, runs desc,
    name
limit $5
