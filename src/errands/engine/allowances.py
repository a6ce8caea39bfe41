"""Which tasks have used up what they may spend in a day: nothing more is started for them until midnight, UTC."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from errands.core.definition.policies import BudgetAmounts
from errands.engine.launching import Versions
from errands.engine.standing import Standing
from errands.store.connections import Pool


async def used_up(pool: Pool, versions: Versions, triggers: Sequence[Standing], now: datetime) -> dict[UUID, str]:
    """By task: which daily allowance is used up, in words. No query where no task has one."""
    allowed: dict[UUID, BudgetAmounts] = {}
    for one in triggers:
        amounts = await _allowance(versions, one)
        if amounts is not None:
            allowed[one.task_id] = amounts
    if not allowed:
        return {}
    rows = await pool.fetch(
        "select task_id, usd, tokens, requests, tool_calls from day_spend where task_id = any($1) and day = $2",
        list(allowed),
        now.astimezone(UTC).date(),
    )
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


async def _allowance(versions: Versions, trigger: Standing) -> BudgetAmounts | None:
    if trigger.version_id is None:
        return None
    budget = (await versions.get(trigger.version_id)).program.definition.budget
    return None if budget is None else budget.per_day
