"""How a run begins: one door for every trigger. Admission, the run's row and its job are one transaction."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from errands.core.definition.policies import Limits, Overlap
from errands.core.definition.task import TaskDefinition
from errands.core.outcomes import ErrorKind, RunStatus, StepFailed
from errands.core.params import ArgumentsInvalid, bind
from errands.core.ports import Evaluation, Evaluator
from errands.core.values import Json, JsonObject, to_text
from errands.engine import admission
from errands.engine.admission import HoldBack, Replace, Skip, Start, Verdict
from errands.engine.chains import following, loop
from errands.engine.defaults import argument_defaults
from errands.engine.happenings import run_ended
from errands.engine.ledger import ChildHold
from errands.engine.program import Program, compile_task
from errands.engine.queueing import enqueue, priority
from errands.engine.runs import HeldRun
from errands.engine.scope import MARKED_ARGUMENTS, with_marks
from errands.engine.wakeups import child_ended, wake
from errands.store.connections import Connection, Pool
from errands.store.identifiers import new_id
from errands.store.sql import statement

_KNOWN_PROGRAMS = 2048
_SHARE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Order:
    """What is to run. `arguments` are complete and checked."""

    project_id: UUID
    task_id: UUID
    version_id: UUID
    arguments: JsonObject
    trigger: JsonObject = field(default_factory=lambda: {"kind": "on_demand"})
    starter: str | None = None
    idempotency_key: str | None = None
    parent: tuple[UUID, str] | None = None
    """Run and path of the step that this run is a sub-task of."""
    rerun: tuple[UUID, str | None] | None = None
    """Run that this one repeats, and the step from which it does."""
    overlap: Overlap | None = None
    """Instead of the definition's policy."""
    max_concurrent: int | None = None
    """Instead of the definition's limit."""


@dataclass(frozen=True, slots=True)
class Launched:
    """What came of an order."""

    run_id: UUID
    status: RunStatus
    reason: str | None = None
    existing: bool = False
    """The idempotency key was used before; this is that run."""


class IdempotencyConflictError(Exception):
    """The idempotency key was used before, with other arguments. Carries the earlier run's id."""

    def __init__(self, run_id: UUID) -> None:
        super().__init__(f"the idempotency key was used before, with other arguments, by run_{run_id.hex}")
        self.run_id = run_id


@dataclass(frozen=True, slots=True)
class Version:
    """A task version ready to run, with the names that its runs show."""

    program: Program
    number: int
    project: str


class Versions:
    """Compiled versions, by id. They are immutable, so a version is compiled once per process."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: OrderedDict[UUID, Version] = OrderedDict()

    async def get(self, version_id: UUID, connection: Connection | None = None) -> Version:
        """Raises LookupError for a version that is not there."""
        known = self._known.get(version_id)
        if known is not None:
            self._known.move_to_end(version_id)
            return known
        row = await (connection or self._pool).fetchrow(
            "select task_versions.definition, task_versions.number, projects.name as project from task_versions "
            "join tasks on tasks.id = task_versions.task_id join projects on projects.id = tasks.project_id "
            "where task_versions.id = $1",
            version_id,
        )
        if row is None:
            raise LookupError(f"there is no task version {version_id}")
        program = compile_task(TaskDefinition.model_validate_json(row["definition"]))
        version = Version(program, row["number"], row["project"])
        self._known[version_id] = version
        if len(self._known) > _KNOWN_PROGRAMS:
            self._known.popitem(last=False)
        return version


class Launcher:
    """Starts runs."""

    def __init__(
        self,
        pool: Pool,
        versions: Versions,
        evaluate: Evaluator,
        clock: Callable[[], datetime],
        timezone: str = "UTC",
        *,
        most_chain: int = 10,
    ) -> None:
        """`most_chain`: runs that may start one another in a row; a longer chain is taken for a loop."""
        self.timezone = timezone
        """Zone whose midnight ends a day of a task's budget where the budget names none."""
        self._pool = pool
        self.most_chain = most_chain
        self.versions = versions
        self._evaluate = evaluate
        self._clock = clock
        self._shares: dict[UUID, tuple[float, int]] = {}
        self._lock = asyncio.Lock()

    async def launch(self, order: Order) -> Launched:
        """Start, queue or skip a run. Raises IdempotencyConflictError, LookupError."""
        async with self._pool.acquire() as connection, connection.transaction():
            return await self.launch_in(connection, order)

    async def launch_in(self, connection: Connection, order: Order) -> Launched:
        """The same within a transaction of the caller's."""
        if order.idempotency_key is not None:
            earlier = await self._earlier(connection, order)
            if earlier is not None:
                return earlier
        version = await self.versions.get(order.version_id, connection)
        key = await self.key_of(version.program, order)
        verdict = await self._admit(connection, version.program, order, key)
        return await self._insert(connection, version.program, order, key, verdict)

    async def launch_child(self, connection: Connection, run: HeldRun, path: str, hold: ChildHold) -> UUID:
        """Start a sub-task within the transaction that records the wait for it. Raises StepFailed."""
        row = await connection.fetchrow(
            "select id, published_version_id from tasks where project_id = $1 and name = $2 and archived_at is null",
            run.project_id,
            hold.task,
        )
        if row is None or row["published_version_id"] is None:
            raise StepFailed(
                ErrorKind.NOT_FOUND,
                f"there is no published task `{hold.task}` in this project",
                hint="apply and publish it, or correct the name after `run:`",
            )
        caller = (await self.versions.get(run.version_id, connection)).program.definition.task
        chain = following(run.trigger, caller)
        said = loop(chain, hold.task, self.most_chain)
        if said is not None:
            raise StepFailed(ErrorKind.LIMIT, said, hint="let one of these tasks not start the next")
        arguments, marked = await self._child_arguments(connection, row["published_version_id"], hold)
        trigger: JsonObject = {"kind": "task", "run": f"run_{run.id.hex}", "step": path, **chain, **hold.marked}
        order = Order(
            run.project_id,
            row["id"],
            row["published_version_id"],
            arguments,
            trigger=with_marks(trigger, marked),
            starter=run.starter,
            parent=(run.id, path),
        )
        return (await self.launch_in(connection, order)).run_id

    async def _child_arguments(
        self, connection: Connection, version_id: UUID, hold: ChildHold
    ) -> tuple[JsonObject, frozenset[str]]:
        """All arguments, and which of those that nobody gave carry the mark of data from outside."""
        version = await self.versions.get(version_id, connection)
        params = version.program.definition.params
        try:
            outside = hold.marked.get(MARKED_ARGUMENTS)
            drawn = await argument_defaults(
                params,
                hold.arguments,
                self._evaluate,
                self._clock(),
                outside=frozenset(map(str, outside)) if isinstance(outside, list) else frozenset(),
            )
            return bind(params, hold.arguments, drawn.values), drawn.marked
        except ArgumentsInvalid as error:
            said = "; ".join(f"{problem.path}: {problem.message}" for problem in error.problems)
            raise StepFailed(ErrorKind.INPUT, f"the arguments of sub-task `{hold.task}` do not fit: {said}") from error

    async def _earlier(self, connection: Connection, order: Order) -> Launched | None:
        """The run of the same idempotency key. Two launches of one key wait for each other."""
        await connection.execute(
            "select pg_advisory_xact_lock(hashtextextended($1, 11))", f"{order.project_id}/{order.idempotency_key}"
        )
        row = await connection.fetchrow(
            "select id, status, reason, task_id, arguments from runs where project_id = $1 and idempotency_key = $2",
            order.project_id,
            order.idempotency_key,
        )
        if row is None:
            return None
        if row["task_id"] != order.task_id or row["arguments"] != to_text(order.arguments):
            raise IdempotencyConflictError(row["id"])
        return Launched(row["id"], RunStatus(row["status"]), row["reason"], existing=True)

    async def key_of(self, program: Program, order: Order) -> str:
        """The run's concurrency key: `limits.key` over the arguments."""
        if program.key is None:
            return ""
        names: dict[str, Json] = {name: value for name, value in order.arguments.items() if name in program.key.free}
        names |= {"trigger": order.trigger} if "trigger" in program.key.free else {}
        if program.key.literal:
            return str(program.key.fill(()))
        values = await self._evaluate(Evaluation(program.key.expressions, names, self._clock()))
        return str(program.key.fill(values))

    async def _admit(self, connection: Connection, program: Program, order: Order, key: str) -> Verdict:
        paused = await connection.fetchrow(
            "select paused_at, pause_note, archived_at from tasks where id = $1", order.task_id
        )
        if paused is None:
            raise LookupError(f"there is no task {order.task_id}")
        if paused["archived_at"] is not None:
            return Skip("the task is archived")
        if paused["paused_at"] is not None and order.parent is None:
            note = f": {paused['pause_note']}" if paused["pause_note"] else ""
            return Skip(f"the task is paused{note}")
        limits, overlap = rules_of(program, order)
        if not admission.gated(limits, overlap):
            return Start()
        await admission.lock(connection, order.task_id, key)
        active = await admission.look(connection, order.task_id, key, limits.max_concurrent or 1)
        return admission.decide(limits, overlap, active)

    async def _insert(
        self, connection: Connection, program: Program, order: Order, key: str, verdict: Verdict
    ) -> Launched:
        run_id, now = new_id(), self._clock()
        if isinstance(verdict, Replace):
            await self._cancel_others(connection, order, key, run_id, now)
        held_for = verdict.held_for if isinstance(verdict, HoldBack) else None
        held_for = "overlap" if isinstance(verdict, Replace) else held_for
        status = RunStatus.SKIPPED if isinstance(verdict, Skip) else RunStatus.QUEUED
        turn = await connection.fetchval(
            statement("insert_run"),
            run_id,
            order.project_id,
            order.task_id,
            order.version_id,
            status,
            key,
            rules_of(program, order)[0].max_concurrent,
            held_for,
            verdict.reason,
            order.starter,
            to_text(order.trigger),
            to_text(order.arguments),
            order.idempotency_key,
            order.trigger.get("untrusted") is True,
            order.parent[0] if order.parent else None,
            order.parent[1] if order.parent else None,
            order.rerun[0] if order.rerun else None,
            order.rerun[1] if order.rerun else None,
            now,
            now if status is RunStatus.SKIPPED else None,
            await self.share(connection, order.project_id),
        )
        if isinstance(verdict, Start):
            await enqueue(connection, [(run_id, priority(turn, 0))])
        elif isinstance(verdict, Replace):
            await admission.release(connection, order.task_id, key, now)
        return Launched(run_id, status, verdict.reason)

    async def _cancel_others(self, connection: Connection, order: Order, key: str, run_id: UUID, now: datetime) -> None:
        """`cancel_running`: ask every active run of this key to end; the new one goes when they have."""
        others = await connection.fetch(
            "select id from runs where task_id = $1 and key = $2 and status in ('queued', 'running', 'waiting') "
            "order by id",
            order.task_id,
            key,
        )
        for row in others:
            await request_cancel(connection, row["id"], f"run:run_{run_id.hex}", "replaced by a newer run", now)

    async def share(self, connection: Connection | Pool, project_id: UUID) -> int:
        """How many turns a task advances by: the number of its project's tasks in the queue, known to the second."""
        known = self._shares.get(project_id)
        moment = time.monotonic()
        if known is not None and moment - known[0] < _SHARE_SECONDS:
            return known[1]
        counted = await connection.fetchval(statement("queued_tasks_of_project"), project_id)
        self._shares[project_id] = (moment, max(int(counted), 1))
        return max(int(counted), 1)


def rules_of(program: Program, order: Order) -> tuple[Limits, Overlap]:
    """The limits and the overlap policy that hold for an order."""
    limits = program.definition.limits
    overlap = order.overlap or limits.overlap or ("skip" if order.trigger.get("kind") == "schedule" else "allow")
    if order.max_concurrent is not None:
        limits = limits.model_copy(update={"max_concurrent": order.max_concurrent})
    return limits, overlap


async def request_cancel(connection: Connection, run_id: UUID, by: str, reason: str | None, now: datetime) -> bool:
    """Ask a run to end. One that never began ends at once; others do their `finally` first. False: it had ended."""
    row = await connection.fetchrow(
        "update runs set cancel_requested_at = coalesce(cancel_requested_at, $2), "
        "cancel_by = coalesce(cancel_by, $3), cancel_reason = coalesce(cancel_reason, $4) "
        "where id = $1 and status in ('queued', 'running', 'waiting') returning status, epoch, task_id, key, held_for",
        run_id,
        now,
        by,
        reason,
    )
    if row is None:
        return False
    if row["epoch"] == 0:
        await _end_unstarted(connection, run_id, now)
    else:
        if row["held_for"] is not None:
            await connection.execute(
                "update runs set held_for = null, status = 'waiting', changed = nextval('run_changes') where id = $1",
                run_id,
            )
        await wake(connection, run_id, now)
    return True


async def _end_unstarted(connection: Connection, run_id: UUID, now: datetime) -> None:
    await connection.execute(
        "update runs set status = 'cancelled', finished_at = $2, held_for = null, changed = nextval('run_changes') "
        "where id = $1",
        run_id,
        now,
    )
    await run_ended(connection, run_id)
    result: Mapping[str, Json] = {"run": f"run_{run_id.hex}", "status": "cancelled", "reason": "cancelled"}
    await child_ended(connection, run_id, result, now)
