"""What comes from outside and starts a run at once: a webhook's call, a mail. Exactly once for each delivery."""

import asyncio
from collections.abc import Awaitable, Callable
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
from errands.store.connections import Connection, Row

_TRIES = 250
_AGAIN_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a delivery."""

    outcome: str
    """As in the ledger: started, queued, skipped, failed_to_start."""
    code: str | None
    reason: str | None
    run_id: UUID | None
    existing: bool
    """The same delivery had come before; this is what became of it then."""


DeliveryWitness = Callable[[Connection, Delivered], Awaitable[None]]
"""Writes down, in the transaction that starts the run, what became of the delivery."""


class _BusyError(Exception):
    """Another delivery to the same trigger is being written."""


async def deliver(
    pool: asyncpg.Pool,
    launcher: Launcher,
    orders: TriggerOrders,
    trigger_id: UUID,
    *,
    cause: str,
    happening: Happening,
    now: datetime,
    since: datetime | None = None,
    also: DeliveryWitness | None = None,
) -> Delivered:
    """Start the trigger's run. `cause` names the delivery, such as `delivery:72d3162e`.

    A delivery that came before and made a run makes no other, unless that was before `since`; one that made none (the
    task was paused, say) may try again. Raises LookupError where there is no such trigger, TimeoutError where others
    hold it for five seconds.
    """
    for _ in range(_TRIES):
        earlier = await _earlier(pool, trigger_id, cause)
        if earlier is not None and earlier["run_id"] is not None and (since is None or earlier["decided_at"] >= since):
            return _delivered(earlier, existing=True)
        trigger = await find_standing(pool, trigger_id)
        if trigger is None or trigger.closed:
            raise LookupError(f"there is no trigger {trigger_id}")
        settled = Settled(trigger, [await _firing(orders, trigger, cause, happening, now)])
        try:
            async with pool.acquire() as connection, connection.transaction():
                await _claim(connection, trigger_id, cause, earlier)
                return await _written(connection, launcher, settled, cause, now, also)
        except _BusyError:
            await asyncio.sleep(_AGAIN_SECONDS)
    raise TimeoutError(f"the trigger {trigger_id} is busy")


async def _written(
    connection: Connection,
    launcher: Launcher,
    settled: Settled,
    cause: str,
    now: datetime,
    also: DeliveryWitness | None,
) -> Delivered:
    """Raises _BusyError, which takes everything back."""
    trigger_id = settled.trigger.id
    if not await write(connection, launcher, [settled], now):
        raise _BusyError
    made = await _earlier(connection, trigger_id, cause)
    assert made is not None
    delivered = _delivered(made, existing=False)
    if also is not None:
        await also(connection, delivered)
    return delivered


async def _claim(connection: Connection, trigger_id: UUID, cause: str, seen: Row | None) -> None:
    """Lock the trigger, and let the cause count once more: what became of it before keeps a row under another name.

    Raises _BusyError where the same delivery has been written since it was looked for.
    """
    locked = await connection.fetchval(
        "select id from triggers where id = $1 for no key update skip locked", trigger_id
    )
    there = await _earlier(connection, trigger_id, cause) if locked is not None else None
    if locked is None or (there and there["decided_at"]) != (seen and seen["decided_at"]):
        raise _BusyError
    if there is not None:
        await connection.execute(
            "update occurrences set cause = cause || '/' || extract(epoch from decided_at) "
            "where trigger_id = $1 and cause = $2",
            trigger_id,
            cause,
        )


async def _earlier(connection: asyncpg.Pool | Connection, trigger_id: UUID, cause: str) -> Row | None:
    row: Row | None = await connection.fetchrow(
        "select outcome, code, reason, run_id, decided_at from occurrences "
        "where trigger_id = $1 and cause = $2 and cause <> ''",
        trigger_id,
        cause,
    )
    return row


def _delivered(row: Row, *, existing: bool) -> Delivered:
    return Delivered(row["outcome"], row["code"], row["reason"], row["run_id"], existing)


async def _firing(orders: TriggerOrders, trigger: Standing, cause: str, happening: Happening, now: datetime) -> Firing:
    def refused(outcome: Literal["skipped", "failed_to_start"], code: str, reason: str) -> Firing:
        return Firing(now, trigger.kind, None, Pass(now, outcome, code, reason), cause)

    if trigger.idle is not None:
        return refused("skipped", *trigger.idle)
    try:
        return Firing(now, trigger.kind, await orders.make(trigger, now, trigger.kind, happening), cause=cause)
    except Unfit as unfit:
        return refused("failed_to_start", "arguments", str(unfit))
