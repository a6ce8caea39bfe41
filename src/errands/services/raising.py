"""Opens and closes alarms, and writes to the channels that are to hear of it, in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from errands.core import ids
from errands.core.definition.alarms import RECOVERED, AlarmKind, AlarmRules
from errands.store import alarms, outbox
from errands.store.alarms import ClosedAlarm, NewAlarm
from errands.store.connections import Connection
from errands.store.outbox import ListenerRow, NewMessage

Rules = Mapping[UUID, AlarmRules]
"""What each task says, over its project's defaults."""

_SAID = {
    AlarmKind.FAILED: "failed",
    AlarmKind.LATE: "did not start in time",
    AlarmKind.SILENT: "has not succeeded for too long",
    AlarmKind.LONG: "takes long",
    AlarmKind.BUDGET: "has used up its budget",
    AlarmKind.OVERDUE: "waits for an answer",
    AlarmKind.PAUSED: "was paused",
}
_TELLS_RECOVERY = frozenset((AlarmKind.FAILED, AlarmKind.SILENT, AlarmKind.LATE))


async def raise_alarms(connection: Connection, found: Sequence[NewAlarm], rules: Rules, now: datetime) -> int:
    """Open what is not open yet, and tell of it; count up what is. Gives how many were opened."""
    opened = await alarms.raise_(connection, found, now)
    new = [one for one in found if (one.task_id, one.kind, one.subject) in opened]
    messages = []
    for one, channel in await _addressed(connection, new, rules):
        alarm = opened[one.task_id, one.kind, one.subject]
        title = f"{one.task} {_SAID[AlarmKind(one.kind)]}"
        key = f"alarm:{alarm.hex}:opened:{channel.name}"
        body = _body(one.message, one.run_id, alarm)
        messages.append(NewMessage(one.project_id, one.kind, key, title, body, channel_id=channel.id, alarm_id=alarm))
    await outbox.put(connection, messages, now)
    return len(new)


async def tell_closed(connection: Connection, closed: Sequence[ClosedAlarm], rules: Rules, now: datetime) -> None:
    """Tell that what had failed, was late or silent is well again, where the rules want that told."""
    worth = [
        one
        for one in closed
        if one.kind in _TELLS_RECOVERY and rules.get(one.task_id, AlarmRules()).recovered is not False
    ]
    messages = []
    for one, channel in await _addressed(connection, _one_each(worth), rules, event=RECOVERED):
        times = f", {one.count} times" if one.count > 1 else ""
        since = f"{one.opened_at:%Y-%m-%d %H:%M} UTC"
        body = _body(f"It is over. The alarm was raised at {since}{times}: {one.message}", one.run_id, one.id)
        key = f"alarm:{one.id.hex}:closed:{channel.name}"
        title = f"{one.task} has recovered"
        messages.append(NewMessage(one.project_id, RECOVERED, key, title, body, channel_id=channel.id, alarm_id=one.id))
    await outbox.put(connection, messages, now)


def _one_each(closed: Iterable[ClosedAlarm]) -> list[ClosedAlarm]:
    """Of several alarms of one task that end together, one is told of."""
    return list({one.task_id: one for one in closed}.values())


Told = TypeVar("Told", NewAlarm, ClosedAlarm)


async def _addressed(
    connection: Connection, found: Sequence[Told], rules: Rules, *, event: str | None = None
) -> list[tuple[Told, ListenerRow]]:
    """Each with every channel that is to hear of it."""
    if not found:
        return []
    listening = await outbox.listeners(connection, sorted({one.project_id for one in found}))
    return [
        (one, channel)
        for one in found
        for channel in listening
        if channel.project_id == one.project_id
        and _hears(channel, rules.get(one.task_id, AlarmRules()).channels, event or one.kind)
    ]


def _hears(channel: ListenerRow, named: Sequence[str] | None, event: str) -> bool:
    """A channel that the task names hears everything of it; else what the channel asks for."""
    return event in channel.events if named is None else channel.name in named


def _body(message: str, run_id: UUID | None, alarm_id: UUID) -> str:
    look = f"errands show {ids.encode('run', run_id)}\n" if run_id is not None else ""
    return f"{message}\n\n{look}errands alarms ack {ids.encode('alarm', alarm_id)}\n"
