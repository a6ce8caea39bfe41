"""Starts by triggers in the audit log, written in the transaction that starts them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from errands.core import ids
from errands.core.access import TriggerPrincipal, Verb
from errands.core.values import Json
from errands.engine.standing import Standing
from errands.store import audit
from errands.store.audit import NewEntry
from errands.store.connections import Connection


@dataclass(frozen=True, slots=True)
class Start:
    """A run that a trigger has made, and why."""

    trigger: Standing
    run_id: UUID
    planned_at: datetime
    source: str
    cause: str


async def witness(connection: Connection, starts: Sequence[Start]) -> None:
    """Keep them all, in one statement."""
    if starts:
        await audit.write_many(connection, [_entry(start) for start in starts])


def _entry(start: Start) -> NewEntry:
    trigger = start.trigger
    principal = TriggerPrincipal(
        ids.encode("trigger", trigger.id), trigger.name, trigger.project, trigger.task, trigger.owner
    )
    detail: dict[str, Json] = {"run": ids.encode("run", start.run_id), "source": start.source}
    detail |= {"cause": start.cause} if start.cause else {"planned_at": start.planned_at.isoformat()}
    detail |= {"owner": trigger.owner} if trigger.owner is not None else {}
    return NewEntry(
        principal.reference,
        principal.kind,
        principal.id,
        Verb.TASK_RUN,
        "task",
        trigger.task,
        trigger.project,
        "done",
        detail,
    )
