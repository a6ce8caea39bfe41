"""What was held back by a pause or a switch, and what of it runs after all once that is over."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.schedules import parse_schedule
from errands.core.schedules.schedule import Missed
from errands.store import triggers
from errands.store.triggers import OccurrenceRow, TriggerRow

_REASONS = {"paused": "the task was paused", "disabled": "the trigger was disabled"}


async def make_up(
    connection: AsyncConnection, rows: Sequence[TriggerRow], code: str, now: datetime, *, catch_up: bool
) -> int:
    """Let run what the schedules' `missed:` says, and close the books on the rest. Gives how many will run.

    `code` is what held it back: `paused` or `disabled`. Without `catch_up` none runs.
    """
    held, chosen = await chosen_of(connection, rows, code, now)
    taken = chosen if catch_up else []
    await triggers.make_up(connection, taken, f"{_REASONS[code]}; it is made up for", now)
    left = [one for one in held if one not in taken]
    await triggers.write_off(connection, left, f"{_REASONS[code]}, and it was not made up for", now)
    return len(taken)


async def chosen_of(
    connection: AsyncConnection, rows: Sequence[TriggerRow], code: str, now: datetime
) -> tuple[list[OccurrenceRow], list[OccurrenceRow]]:
    """What was held back and is not yet written off, and what of it would run."""
    schedules = [row for row in rows if row.kind == "schedule" and row.closed_at is None]
    held = await triggers.held_back(connection, [row.id for row in schedules], code)
    chosen: list[OccurrenceRow] = []
    for row in schedules:
        policy = _policy(row)
        young = [one for one in held if one.trigger_id == row.id and now - one.planned_at <= policy.within]
        chosen += {"none": [], "last": young[-1:], "all": young}[policy.run]
    return held, chosen


def _policy(row: TriggerRow) -> Missed:
    said = row.definition["schedule"]
    assert isinstance(said, dict)
    return parse_schedule(said, default_timezone=row.default_timezone, owner_timezone=row.owner_timezone).missed
