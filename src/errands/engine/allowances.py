"""Which tasks have used up what they may spend in a day: nothing more is started for them until midnight."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from errands.core.definition.policies import Budget, BudgetAmounts
from errands.engine.launching import Versions
from errands.engine.standing import Standing
from errands.store.connections import Pool

_LEFT = """
select spent.task_id, spent.usd - coalesce(sum(more.usd), 0) as usd,
       spent.tokens - coalesce(sum(more.tokens), 0) as tokens,
       spent.requests - coalesce(sum(more.requests), 0) as requests,
       spent.tool_calls - coalesce(sum(more.tool_calls), 0) as tool_calls
from unnest($1::uuid[], $2::date[]) as asked (task_id, day)
join day_spend as spent on spent.task_id = asked.task_id and spent.day = asked.day
left join day_raises as more on more.task_id = spent.task_id and more.day = spent.day
group by spent.task_id, spent.usd, spent.tokens, spent.requests, spent.tool_calls
"""
"""Spent so far, less what people have added to the day."""


async def used_up(
    pool: Pool, versions: Versions, triggers: Sequence[Standing], now: datetime, timezone: str
) -> dict[UUID, str]:
    """By task: which daily allowance is used up, in words. No query where no task has one.

    `timezone` ends the day of a budget that names no zone of its own.
    """
    allowed: dict[UUID, BudgetAmounts] = {}
    days: dict[UUID, date] = {}
    for one in triggers:
        budget = await _budget(versions, one)
        if budget is not None and budget.per_day is not None:
            allowed[one.task_id] = budget.per_day
            days[one.task_id] = now.astimezone(ZoneInfo(budget.timezone or timezone)).date()
    if not allowed:
        return {}
    rows = await pool.fetch(_LEFT, list(days), list(days.values()))
    found: dict[UUID, str] = {}
    for row in rows:
        amounts = allowed[row["task_id"]]
        limits = (
            ("usd", amounts.usd),
            ("tokens", amounts.tokens),
            ("requests", amounts.requests),
            ("tool_calls", amounts.tool_calls),
        )
        for unit, limit in limits:
            if limit is not None and row[unit] >= limit:
                words = unit.replace("_", " ")
                found[row["task_id"]] = f"the task's budget of {limit} {words} a day is used up"
    return found


async def _budget(versions: Versions, trigger: Standing) -> Budget | None:
    if trigger.version_id is None:
        return None
    return (await versions.get(trigger.version_id)).program.definition.budget
