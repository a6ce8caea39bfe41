"""Writes decisions: runs, ledger and the triggers' next moments in one transaction, set-wise.

A trigger is locked while it is decided on, and its revision must be the one that was read: of two schedulers that plan
the same trigger one is late and writes nothing. Behind both stands the ledger's key.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from errands.core.outcomes import RunStatus
from errands.engine.launching import Launched, Launcher, Order
from errands.engine.launching_many import launch_many
from errands.engine.planning import Hold, Pass, Plan
from errands.engine.standing import Standing
from errands.engine.witnessing import Start, witness
from errands.store.connections import Connection
from errands.store.sql import statement

_MADE = ("started", "queued")


@dataclass(frozen=True, slots=True)
class Firing:
    """A run to be started, or why it cannot be."""

    planned_at: datetime
    source: str
    order: Order | None
    refusal: Pass | None = None
    cause: str = ""
    pending: bool = False
    """It has a row in the ledger already, which waits for its moment."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Everything that is decided about one trigger at once."""

    trigger: Standing
    firings: Sequence[Firing]
    passed: Sequence[Pass | Hold] = ()
    plan: Plan | None = None
    """`None`: only occurrences that have waited; the next moment stays."""
    max_runs: int | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row of the ledger as it will be."""

    trigger_id: UUID
    planned_at: datetime
    cause: str
    outcome: str
    code: str | None
    reason: str | None
    run_id: UUID | None
    source: str
    due_at: datetime | None = None


async def write(connection: Connection, launcher: Launcher, batch: Sequence[Settled], now: datetime) -> int:
    """Write what is decided about each trigger, in the caller's transaction. Gives for how many it was.

    Left out is what another scheduler is deciding on or has decided since it was read.
    """
    own = await _lock(connection, batch)
    known = await _known(connection, own)
    live = [(settled, one) for settled in own for one in settled.firings if _is_live(settled, one, known)]
    orders = [(index, one.order) for index, (_, one) in enumerate(live) if one.order is not None]
    made = await launch_many(launcher, connection, [order for _, order in orders], now)
    launched = {index: run for (index, _), run in zip(orders, made, strict=True)}
    entries = [(one.pending, _entry(settled, one, launched.get(index))) for index, (settled, one) in enumerate(live)]
    passed = [_passed(settled.trigger.id, one) for settled in own for one in settled.passed]
    await witness(connection, _starts(live, launched))
    await _insert(connection, [*passed, *(entry for pending, entry in entries if not pending)], now)
    await _update(connection, [entry for pending, entry in entries if pending], now)
    await _move_on(connection, own, [entry for _, entry in entries], passed)
    return len(own)


async def _lock(connection: Connection, batch: Sequence[Settled]) -> list[Settled]:
    rows = await connection.fetch(
        "select id, revision from triggers where id = any($1) order by id for no key update skip locked",
        [settled.trigger.id for settled in batch],
    )
    revisions = {row["id"]: row["revision"] for row in rows}
    return [settled for settled in batch if revisions.get(settled.trigger.id) == settled.trigger.revision]


async def _known(connection: Connection, batch: Sequence[Settled]) -> dict[tuple[UUID, datetime, str], datetime | None]:
    """Rows that the ledger has already, and when they are due."""
    keys = [(settled.trigger.id, one.planned_at, one.cause) for settled in batch for one in settled.firings]
    if not keys:
        return {}
    rows = await connection.fetch(
        "select ledger.trigger_id, ledger.planned_at, ledger.cause, ledger.due_at "
        "from unnest($1::uuid[], $2::timestamptz[], $3::text[]) as asked (trigger_id, planned_at, cause) "
        "join occurrences as ledger using (trigger_id, planned_at, cause)",
        *(list(column) for column in zip(*keys, strict=True)),
    )
    return {(row["trigger_id"], row["planned_at"], row["cause"]): row["due_at"] for row in rows}


def _starts(live: Sequence[tuple[Settled, Firing]], launched: Mapping[int, Launched]) -> list[Start]:
    return [
        Start(settled.trigger, launched[index].run_id, one.planned_at, one.source, one.cause)
        for index, (settled, one) in enumerate(live)
        if index in launched
    ]


def _is_live(settled: Settled, one: Firing, known: dict[tuple[UUID, datetime, str], datetime | None]) -> bool:
    key = (settled.trigger.id, one.planned_at, one.cause)
    return known.get(key) is not None if one.pending else key not in known


def _entry(settled: Settled, one: Firing, launched: Launched | None) -> _Entry:
    def entry(outcome: str, code: str | None, reason: str | None, run_id: UUID | None = None) -> _Entry:
        return _Entry(settled.trigger.id, one.planned_at, one.cause, outcome, code, reason, run_id, one.source)

    if one.refusal is not None:
        return entry(one.refusal.outcome, one.refusal.code, one.refusal.reason)
    assert launched is not None
    if launched.status is RunStatus.SKIPPED:
        return entry("skipped", "overlap", launched.reason, launched.run_id)
    if launched.reason is not None:
        return entry("queued", "overlap", launched.reason, launched.run_id)
    late = "late: it makes up for a planned time that was missed" if one.source == "missed" else None
    return entry("started", None, late, launched.run_id)


def _passed(trigger_id: UUID, one: Pass | Hold) -> _Entry:
    if isinstance(one, Hold):
        return _Entry(trigger_id, one.planned, "", "deferred", "window", one.reason, None, "schedule", one.due_at)
    return _Entry(trigger_id, one.planned, "", one.outcome, one.code, one.reason, None, "schedule")


async def _insert(connection: Connection, entries: Collection[_Entry], now: datetime) -> None:
    if entries:
        await connection.execute(statement("insert_occurrences"), *_columns(entries), now)


async def _update(connection: Connection, entries: Collection[_Entry], now: datetime) -> None:
    if entries:
        await connection.execute(statement("settle_occurrences"), *_columns(entries), now)


def _columns(entries: Collection[_Entry]) -> list[list[object]]:
    rows = [
        (e.trigger_id, e.planned_at, e.cause, e.outcome, e.code, e.reason, e.run_id, e.source, e.due_at)
        for e in entries
    ]
    return [list(column) for column in zip(*rows, strict=True)]


async def _move_on(
    connection: Connection, batch: Sequence[Settled], fired: Sequence[_Entry], passed: Sequence[_Entry]
) -> None:
    """Let every trigger look ahead to its next moment, and show what became of its last one."""
    starts: dict[UUID, int] = {}
    last: dict[UUID, _Entry] = {}
    for entry in (*passed, *fired):
        starts[entry.trigger_id] = starts.get(entry.trigger_id, 0) + (entry.outcome in _MADE)
        if entry.trigger_id not in last or last[entry.trigger_id].planned_at <= entry.planned_at:
            last[entry.trigger_id] = entry
    rows = []
    for settled in batch:
        trigger, plan, latest = settled.trigger, settled.plan, last.get(settled.trigger.id)
        done = settled.max_runs is not None and trigger.fired + starts.get(trigger.id, 0) >= settled.max_runs
        rows.append(
            (
                trigger.id,
                starts.get(trigger.id, 0),
                plan is not None or done,
                None if plan is None else plan.up_to,
                None if plan is None or done else plan.planned_at,
                None if plan is None or done else plan.next_at,
                None if latest is None else latest.planned_at,
                None if latest is None else latest.outcome,
                None if latest is None else latest.run_id,
            )
        )
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        await connection.execute(statement("move_triggers_on"), *columns)
