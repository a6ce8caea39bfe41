-- What the runs of a task have spent on a day together with what their calls in flight hold back (but the call at $3,
-- $4), and what people have added to the day's budget.
-- Index: pk_day_spend, ix_day_holds_task, ix_day_raises_task.
select coalesce(spent.usd, 0) + held.usd as used_usd, coalesce(spent.tokens, 0) + held.tokens as used_tokens,
       coalesce(spent.requests, 0) + held.requests as used_requests,
       coalesce(spent.tool_calls, 0) + held.tool_calls as used_tool_calls,
       raised.usd as raised_usd, raised.tokens as raised_tokens, raised.requests as raised_requests,
       raised.tool_calls as raised_tool_calls
from (select coalesce(sum(usd), 0) as usd, coalesce(sum(tokens), 0)::bigint as tokens,
             coalesce(sum(requests), 0)::bigint as requests, coalesce(sum(tool_calls), 0)::bigint as tool_calls
      from day_holds where task_id = $1 and day = $2 and (run_id, path) <> ($3, $4)) as held
cross join (select coalesce(sum(usd), 0) as usd, coalesce(sum(tokens), 0)::bigint as tokens,
                   coalesce(sum(requests), 0)::bigint as requests, coalesce(sum(tool_calls), 0)::bigint as tool_calls
            from day_raises where task_id = $1 and day = $2) as raised
left join day_spend as spent on spent.task_id = $1 and spent.day = $2
