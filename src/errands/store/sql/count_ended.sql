-- Add runs whose last change is numbered above $1 and up to $2 to the figures, as far as they have ended: nothing
-- changes an ended run any more, so each is met once. Those that have not ended come by again with a higher number.
-- $3: how long the scale's first step is, in seconds, $4: the ratio from one step of it to the next.
-- Index: ix_runs_changed, pk_steps.
with ended as materialized (
    select runs.id, runs.project_id, runs.task_id, runs.status, coalesce(runs.starter, '') as starter,
        date_bin('15 minutes', runs.queued_at, timestamptz 'epoch') as slot, runs.usd, runs.requests,
        runs.input_tokens + runs.output_tokens as tokens,
        case when runs.status = 'succeeded'
            then floor(ln(greatest(runs.active_seconds / $3::float8, 1)) / ln($4::float8))::int end as bucket
    from runs
    where runs.changed > $1 and runs.changed <= $2 and runs.status not in ('queued', 'running', 'waiting')
), of_tasks as materialized (
    select project_id, slot, task_id, starter,
        count(*) filter (where status = 'succeeded') as succeeded,
        count(*) filter (where status = 'failed') as failed,
        count(*) filter (where status = 'timed_out') as timed_out,
        count(*) filter (where status = 'cancelled') as cancelled,
        count(*) filter (where status = 'skipped') as skipped,
        sum(tokens) as tokens, sum(usd) as usd
    from ended
    group by project_id, slot, task_id, starter
), tasks_added as (
    insert into task_quarters as had
        (project_id, slot, task_id, starter, succeeded, failed, timed_out, cancelled, skipped, tokens, usd)
    select * from of_tasks
    on conflict (project_id, slot, task_id, starter) do update set
        succeeded = had.succeeded + excluded.succeeded, failed = had.failed + excluded.failed,
        timed_out = had.timed_out + excluded.timed_out, cancelled = had.cancelled + excluded.cancelled,
        skipped = had.skipped + excluded.skipped, tokens = had.tokens + excluded.tokens, usd = had.usd + excluded.usd
), projects_added as (
    insert into project_quarters as had
        (project_id, slot, succeeded, failed, timed_out, cancelled, skipped, tokens, usd)
    select project_id, slot, sum(succeeded), sum(failed), sum(timed_out), sum(cancelled), sum(skipped), sum(tokens),
        sum(usd)
    from of_tasks
    group by project_id, slot
    on conflict (project_id, slot) do update set
        succeeded = had.succeeded + excluded.succeeded, failed = had.failed + excluded.failed,
        timed_out = had.timed_out + excluded.timed_out, cancelled = had.cancelled + excluded.cancelled,
        skipped = had.skipped + excluded.skipped, tokens = had.tokens + excluded.tokens, usd = had.usd + excluded.usd
), task_times_added as (
    insert into task_durations as had (project_id, slot, task_id, bucket, runs)
    select project_id, slot, task_id, bucket, count(*) from ended where bucket is not null
    group by project_id, slot, task_id, bucket
    on conflict (project_id, slot, task_id, bucket) do update set runs = had.runs + excluded.runs
), project_times_added as (
    insert into project_durations as had (project_id, slot, bucket, runs)
    select project_id, slot, bucket, count(*) from ended where bucket is not null
    group by project_id, slot, bucket
    on conflict (project_id, slot, bucket) do update set runs = had.runs + excluded.runs
), turns as (
    select ended.project_id, ended.slot, ended.id, ended.status, steps.output ->> 'model' as model,
        steps.facts -> 'usage' as usage
    from ended
    join steps on steps.run_id = ended.id and steps.kind = 'turn'
    where ended.requests > 0 and steps.facts -> 'from_run' is null
)
insert into model_quarters as had (project_id, slot, model, runs, failed, requests, tokens, usd)
select project_id, slot, coalesce(model, ''), count(distinct id),
    count(distinct id) filter (where status in ('failed', 'timed_out')),
    sum(coalesce((usage ->> 'requests')::int, 0)),
    sum(coalesce((usage ->> 'input_tokens')::bigint, 0) + coalesce((usage ->> 'output_tokens')::bigint, 0)),
    sum(coalesce((usage ->> 'usd')::numeric, 0))
from turns
group by project_id, slot, coalesce(model, '')
on conflict (project_id, slot, model) do update set
    runs = had.runs + excluded.runs, failed = had.failed + excluded.failed,
    requests = had.requests + excluded.requests, tokens = had.tokens + excluded.tokens,
    usd = had.usd + excluded.usd
