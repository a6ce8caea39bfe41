"""Publishing a version makes the task's triggers what the version says, in the same transaction."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.definition.task import TaskDefinition
from errands.core.definition.triggers import (
    EmailTrigger,
    Event,
    EventTrigger,
    ScheduleTrigger,
    Trigger,
    WebhookTrigger,
)
from errands.core.values import JsonObject, from_text
from errands.services.authority import utc_now
from errands.store import triggers
from errands.store.triggers import TriggerRow, Wanted

_ENDS = ("succeeded", "failed", "timed_out", "cancelled")


async def sync_triggers(
    connection: AsyncConnection,
    project_id: UUID,
    task_id: UUID,
    definition: TaskDefinition,
    *,
    owner: str,
    default_timezone: str = "UTC",
    now: datetime | None = None,
) -> None:
    """Open, change and close triggers. `owner` published the version; `now`: `None` for the real time.

    A switch or note that was set by hand stays, unless the file changes its own. A schedule that changed plans from
    now on and makes up for nothing; one that did not goes on as it was. What is taken out keeps its ledger, and goes
    on with it if it comes back.
    """
    now = now or utc_now()
    there = {row.name: row for row in await triggers.of_task(connection, task_id, lock=True)}
    zones: dict[str | None, tuple[str, str | None]] = {}
    for name in {owner, *(row.owner for row in there.values())}:
        zones[name] = default_timezone, await triggers.zones_of(connection, name)
    for trigger in definition.triggers:
        row = there.pop(trigger.id, None)
        wanted = _wanted(trigger)
        if row is None:
            await triggers.open_new(connection, (project_id, task_id), wanted, owner=owner, zones=zones[owner], now=now)
        elif _differs(row, wanted):
            afresh = row.closed_at is not None or _plan_of(row.definition) != _plan_of(wanted.definition)
            keeper = row.owner or owner
            await triggers.change(
                connection, row.id, _kept(row, wanted), owner=keeper, zones=zones[keeper], now=now, afresh=afresh
            )
    for row in there.values():
        if row.closed_at is None:
            await triggers.close(connection, row.id, now)
    await triggers.nudge(connection)


def _differs(row: TriggerRow, wanted: Wanted) -> bool:
    return row.closed_at is not None or row.definition != wanted.definition


def _plan_of(definition: JsonObject) -> object:
    """The part of a definition that planned times come from."""
    return definition.get("schedule")


def _kept(row: TriggerRow, wanted: Wanted) -> Wanted:
    """What was set by hand stays, as long as the file says what it said before."""
    enabled = wanted.enabled if row.definition.get("enabled") != wanted.enabled else row.enabled
    note = wanted.note if row.definition.get("note") != wanted.note else row.note
    return replace(wanted, enabled=enabled, note=note)


def _wanted(trigger: Trigger) -> Wanted:
    definition = from_text(trigger.model_dump_json(by_alias=True))
    assert isinstance(definition, Mapping)
    wanted = Wanted(trigger.id, trigger.kind, definition, trigger.enabled, trigger.note, None, None, None, None)
    match trigger:
        case EventTrigger(event=event):
            return replace(
                wanted,
                event_task=event.task,
                event_outcomes=_ends(event) if event.task is not None else None,
                event_name=event.name,
                event_key=event.match,
            )
        case ScheduleTrigger() | WebhookTrigger() | EmailTrigger():
            return wanted
        case _:
            assert_never(trigger)


def _ends(event: Event) -> tuple[str, ...]:
    named = (event.outcome,) if isinstance(event.outcome, str) else event.outcome
    return _ENDS if "any" in named else tuple(named)
