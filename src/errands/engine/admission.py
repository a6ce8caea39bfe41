"""The one gate: may a run start, must it queue, is it skipped, or does it replace another?"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from errands.core.definition.policies import Limits, Overlap
from errands.engine.queueing import enqueue, priority
from errands.store.connections import Connection
from errands.store.sql import statement


@dataclass(frozen=True, slots=True)
class Active:
    """What is under way of a task and key when a new run asks."""

    busy: int
    """Runs that hold a slot: running, or queued and admitted. Counted up to `max_concurrent`."""
    waiting: bool
    """A run waits (for people, an event, a moment)."""
    held_for_overlap: int
    """Runs that queue behind another."""

    @property
    def any(self) -> bool:
        return self.busy > 0 or self.waiting


@dataclass(frozen=True, slots=True)
class Start:
    """Goes to the workers at once."""

    reason: str | None = None


@dataclass(frozen=True, slots=True)
class HoldBack:
    """Queues until the others let it go: `overlap` until they have ended, `slot` until one suspends or ends."""

    held_for: Literal["overlap", "slot"]
    reason: str


@dataclass(frozen=True, slots=True)
class Skip:
    """Is recorded as skipped."""

    reason: str


@dataclass(frozen=True, slots=True)
class Replace:
    """The active runs are cancelled, then this one starts."""

    reason: str


Verdict = Start | HoldBack | Skip | Replace


def decide(limits: Limits, overlap: Overlap, active: Active) -> Verdict:
    """The verdict of overlap policy and concurrency limit. Pure."""
    if active.any or active.held_for_overlap:
        match overlap:
            case "skip":
                return Skip("an earlier run was still active")
            case "queue_one" if active.held_for_overlap:
                return Skip("an earlier run was still active and another was queued behind it")
            case "queue_one" | "queue_all":
                return HoldBack("overlap", "queued behind a run that was still active")
            case "cancel_running":
                return Replace("replaced a run that was still active")
            case "allow":
                pass
    if limits.max_concurrent is not None and active.busy >= limits.max_concurrent:
        return HoldBack("slot", f"{limits.max_concurrent} of {limits.max_concurrent} runs were running")
    return Start()


def gated(limits: Limits, overlap: Overlap) -> bool:
    """Whether admission has anything to decide for this task at all."""
    return limits.max_concurrent is not None or overlap != "allow"


async def lock(connection: Connection, task_id: UUID, key: str) -> None:
    """Serialise admission of one task and key until the transaction ends."""
    await connection.execute("select pg_advisory_xact_lock($1)", lock_number(task_id, key))


def lock_number(task_id: UUID, key: str) -> int:
    """The advisory lock of a task and key."""
    return int.from_bytes(hashlib.blake2b(task_id.bytes + key.encode(), digest_size=8).digest(), signed=True)


async def look(connection: Connection, task_id: UUID, key: str, most: int, *, but: UUID | None = None) -> Active:
    """What is active, counted no further than the gate needs. Index: ix_runs_active."""
    row = await connection.fetchrow(
        """
        select (select count(*) from (
                   select 1 from runs where task_id = $1 and key = $2 and status in ('queued', 'running')
                   and held_for is null and id is distinct from $4 limit $3) as counted) as busy,
               exists(select 1 from runs where task_id = $1 and key = $2 and status = 'waiting'
                   and id is distinct from $4) as waiting,
               (select count(*) from (
                   select 1 from runs where task_id = $1 and key = $2 and held_for = 'overlap' limit 2
                   ) as counted) as held
        """,
        task_id,
        key,
        most,
        but,
    )
    assert row is not None
    return Active(row["busy"], row["waiting"], row["held"])


async def release(connection: Connection, task_id: UUID, key: str, now: datetime) -> int:
    """Let go whoever may go now that a slot is free or a run has ended. Gives how many went."""
    await lock(connection, task_id, key)
    held = await connection.fetch(statement("held_runs"), task_id, key)
    released: list[tuple[UUID, int]] = []
    if held:
        active = await look(connection, task_id, key, max(int(row["max_concurrent"] or 1) for row in held))
        busy = active.busy
        for row in held:
            overlap_free = row["held_for"] == "slot" or (busy == 0 and not active.waiting)
            slot_free = row["max_concurrent"] is None or busy < row["max_concurrent"]
            if not (overlap_free and slot_free):
                break
            busy += 1
            released.append((row["id"], priority(row["turn"], row["epoch"])))
    if released:
        await connection.execute(
            "update runs set held_for = null, queued_at = $2 where id = any($1)", [run for run, _ in released], now
        )
        await enqueue(connection, released)
    return len(released)


async def take_slot(connection: Connection, run_id: UUID, task_id: UUID, key: str, max_concurrent: int) -> bool:
    """Whether a run that wakes up may go to the workers at once; if not, it is held for a slot."""
    await lock(connection, task_id, key)
    active = await look(connection, task_id, key, max_concurrent, but=run_id)
    if active.busy < max_concurrent:
        return True
    await connection.execute("update runs set held_for = 'slot' where id = $1", run_id)
    return False
