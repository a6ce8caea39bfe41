"""Many runs begun in one transaction, set-wise: a few statements for all of them rather than a few for each.

The rules are those of `launching` and `admission`. An order whose task and key another order of the same set has too is
begun after it and by itself, because each must see the one before; so is one that replaces what is running.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from errands.core.definition.policies import Limits, Overlap
from errands.core.outcomes import RunStatus
from errands.core.values import to_text
from errands.engine import admission
from errands.engine.admission import HoldBack, Replace, Skip, Start, Verdict
from errands.engine.launching import Launched, Launcher, Order, rules_of
from errands.engine.queueing import enqueue, priority
from errands.store.connections import Connection
from errands.store.identifiers import new_id
from errands.store.sql import statement


@dataclass(frozen=True, slots=True)
class _Asked:
    """An order with what admission needs to know."""

    index: int
    order: Order
    key: str
    limits: Limits
    overlap: Overlap

    @property
    def gated(self) -> bool:
        return admission.gated(self.limits, self.overlap)


async def launch_many(
    launcher: Launcher, connection: Connection, orders: Sequence[Order], now: datetime
) -> list[Launched]:
    """Start, queue or skip each, in the caller's transaction. The caller has seen that no task is paused.

    No idempotency keys: whoever has those launches one by one. Raises LookupError for a version that is gone.
    """
    together, alone = await _divide(launcher, connection, orders)
    verdicts = await _admit(connection, together)
    alone += [one for one, verdict in zip(together, verdicts, strict=True) if isinstance(verdict, Replace)]
    pairs = [
        (one, verdict)
        for one, verdict in zip(together, verdicts, strict=True)
        if isinstance(verdict, Start | Skip | HoldBack)
    ]
    launched = await _insert(launcher, connection, pairs, now)
    for one in sorted(alone, key=lambda one: one.index):
        launched[one.index] = await launcher.launch_in(connection, one.order)
    return [launched[index] for index in range(len(orders))]


async def _divide(
    launcher: Launcher, connection: Connection, orders: Sequence[Order]
) -> tuple[list[_Asked], list[_Asked]]:
    """What can be decided at once, and what must wait for another of the set."""
    together: list[_Asked] = []
    alone: list[_Asked] = []
    seen: set[tuple[UUID, str]] = set()
    for index, order in enumerate(orders):
        program = (await launcher.versions.get(order.version_id, connection)).program
        asked = _Asked(index, order, await launcher.key_of(program, order), *rules_of(program, order))
        pair = (order.task_id, asked.key)
        (alone if asked.gated and pair in seen else together).append(asked)
        seen.add(pair)
    return together, alone


async def _admit(connection: Connection, asked: Sequence[_Asked]) -> list[Verdict]:
    gated = [one for one in asked if one.gated]
    if not gated:
        return [Start() for _ in asked]
    await connection.execute(
        "select pg_advisory_xact_lock(number) from (select number from unnest($1::bigint[]) as number order by number) "
        "as ordered",
        [admission.lock_number(one.order.task_id, one.key) for one in gated],
    )
    rows = await connection.fetch(
        statement("look_at_many"),
        [one.order.task_id for one in gated],
        [one.key for one in gated],
        [one.limits.max_concurrent or 1 for one in gated],
    )
    active = {
        one.index: admission.Active(row["busy"], row["waiting"], row["held"])
        for one, row in zip(gated, rows, strict=True)
    }
    return [
        admission.decide(one.limits, one.overlap, active[one.index]) if one.index in active else Start()
        for one in asked
    ]


async def _insert(
    launcher: Launcher, connection: Connection, pairs: Sequence[tuple[_Asked, Start | Skip | HoldBack]], now: datetime
) -> dict[int, Launched]:
    if not pairs:
        return {}
    rows = []
    launched: dict[int, Launched] = {}
    for asked, verdict in pairs:
        order, run_id = asked.order, new_id()
        status = RunStatus.SKIPPED if isinstance(verdict, Skip) else RunStatus.QUEUED
        share = await launcher.share(connection, order.project_id)
        launched[asked.index] = Launched(run_id, status, verdict.reason)
        rows.append(
            (
                run_id,
                order.project_id,
                order.task_id,
                order.version_id,
                status.value,
                asked.key,
                asked.limits.max_concurrent,
                verdict.held_for if isinstance(verdict, HoldBack) else None,
                verdict.reason,
                order.starter,
                to_text(order.trigger),
                to_text(order.arguments),
                order.trigger.get("untrusted") is True,
                now if status is RunStatus.SKIPPED else None,
                share,
            )
        )
    columns = [list(column) for column in zip(*rows, strict=True)]
    turns = {row["id"]: row["turn"] for row in await connection.fetch(statement("insert_runs"), *columns, now)}
    going = [launched[asked.index].run_id for asked, verdict in pairs if isinstance(verdict, Start)]
    if going:
        await enqueue(connection, [(run_id, priority(turns[run_id], 0)) for run_id in going])
    return launched
