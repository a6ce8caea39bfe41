"""What comes from outside and starts a run at once: a webhook's call, a mail. Exactly once for each delivery."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg

from errands.engine.happenings import Happening
from errands.engine.launching import Launcher
from errands.engine.occurrences import Firing, Settled, write
from errands.engine.planning import Pass
from errands.engine.standing import Standing, find_standing
from errands.engine.trigger_orders import TriggerOrders, Unfit

_TRIES = 50
_AGAIN_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a delivery."""

    outcome: str
    """As in the ledger: started, queued, skipped, failed_to_start."""
    reason: str | None
    run_id: UUID | None
    existing: bool
    """The same delivery had come before; this is what became of it then."""


async def deliver(
    pool: asyncpg.Pool,
    launcher: Launcher,
    orders: TriggerOrders,
    trigger_id: UUID,
    *,
    cause: str,
    happening: Happening,
    now: datetime,
) -> Delivered:
    """Start the trigger's run. `cause` names the delivery, such as `delivery:72d3162e`.

    Raises LookupError where there is no such trigger, TimeoutError where others hold it for a second.
    """
    for _ in range(_TRIES):
        earlier = await _earlier(pool, trigger_id, cause)
        if earlier is not None:
            return Delivered(earlier["outcome"], earlier["reason"], earlier["run_id"], existing=True)
        trigger = await find_standing(pool, trigger_id)
        if trigger is None or trigger.closed:
            raise LookupError(f"there is no trigger {trigger_id}")
        firing = await _firing(orders, trigger, cause, happening, now)
        async with pool.acquire() as connection, connection.transaction():
            written = await write(connection, launcher, [Settled(trigger, [firing])], now)
        if written:
            made = await _earlier(pool, trigger_id, cause)
            assert made is not None
            return Delivered(made["outcome"], made["reason"], made["run_id"], existing=False)
        await asyncio.sleep(_AGAIN_SECONDS)  # Another delivery to the same trigger is being written.
    raise TimeoutError(f"the trigger {trigger_id} is busy")


async def _earlier(pool: asyncpg.Pool, trigger_id: UUID, cause: str) -> asyncpg.Record | None:
    return await pool.fetchrow(
        "select outcome, reason, run_id from occurrences where trigger_id = $1 and cause = $2 and cause <> ''",
        trigger_id,
        cause,
    )


async def _firing(orders: TriggerOrders, trigger: Standing, cause: str, happening: Happening, now: datetime) -> Firing:
    def refused(outcome: Literal["skipped", "failed_to_start"], code: str, reason: str) -> Firing:
        return Firing(now, trigger.kind, None, Pass(now, outcome, code, reason), cause)

    if trigger.idle is not None:
        return refused("skipped", *trigger.idle)
    try:
        return Firing(now, trigger.kind, await orders.make(trigger, now, trigger.kind, happening), cause=cause)
    except Unfit as unfit:
        return refused("failed_to_start", "arguments", str(unfit))
