    select id, task_id, coalesce(starter, '') as starter, status, usd, requests,
        input_tokens + output_tokens as tokens, date_bin('15 minutes', queued_at, timestamptz 'epoch') as slot,
        case when status = 'succeeded'
            then floor(ln(greatest(active_seconds / {first}, 1)) / ln({ratio}::float8))::int end as bucket
    from runs
    where changed > $3 and project_id = $1 and queued_at >= $2
    union all
    select id, task_id, coalesce(starter, ''), status, usd, requests, input_tokens + output_tokens,
        date_bin('15 minutes', queued_at, timestamptz 'epoch'), null
    from runs
    where status in ('queued', 'running', 'waiting') and changed <= $3 and project_id = $1 and queued_at >= $2
