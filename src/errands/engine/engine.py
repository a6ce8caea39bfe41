"""The engine's door: what services may ask of it. Everything below is its own business."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import asyncpg

from errands.core.definition.task import TaskDefinition
from errands.core.outcomes import ErrorKind, Performed, StepFailed
from errands.core.params import template_defaults
from errands.core.ports import Effect, Evaluator, Performer, RunIdentity, ToolCall, Vault
from errands.core.values import Json, JsonObject, from_text
from errands.engine import answering, deliveries, rehearsal, wakeups
from errands.engine import rerun as reruns
from errands.engine.answering import Answered
from errands.engine.defaults import Drawn, argument_defaults
from errands.engine.deliveries import Delivered, DeliveryWitness
from errands.engine.happenings import Happening
from errands.engine.holding import Hands
from errands.engine.journal import Journal
from errands.engine.keeper import Keeper
from errands.engine.launching import Launched, Launcher, Order, Versions, request_cancel
from errands.engine.launching_at_once import AtOnce, Entry
from errands.engine.leaves import Stubs
from errands.engine.limits import EngineLimits
from errands.engine.live import LiveBus, LiveEvent
from errands.engine.loose import LooseContext
from errands.engine.rehearsal import DryRun, OutputSchema
from errands.engine.rerun import RerunPlan
from errands.engine.scheduler import Scheduler
from errands.engine.session import Shared
from errands.engine.surroundings import Workplace
from errands.engine.tally import Tally
from errands.engine.trigger_orders import TriggerOrders
from errands.engine.wakeups import WaitingRoom
from errands.store import audit, inputs
from errands.store.connections import Connection
from errands.store.identifiers import new_id

if TYPE_CHECKING:
    from errands.engine.live_models import LiveModels, Purse
    from errands.engine.worker import Worker


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


class ArtifactStore(Protocol):
    """Where large outputs and artifacts lie."""

    async def put(self, data: bytes, *, suffix: str = "") -> str: ...

    async def get(self, ref: str) -> bytes: ...

    async def put_file(self, path: Path) -> tuple[str, int, str]: ...

    def chunks(self, ref: str) -> AsyncIterator[bytes]: ...

    async def delete(self, refs: list[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What the engine is made of, handed over by `bootstrap`."""

    pool: asyncpg.Pool
    performer: Performer
    evaluate: Evaluator
    vault: Vault
    artifacts: ArtifactStore
    output_schema: OutputSchema
    limits: EngineLimits
    workspaces: Path
    clock: Callable[[], datetime] = utc_now


Witness = Callable[[Connection, UUID], Awaitable[None]]
"""Writes down, in the transaction of a change, that it was made; is given the id of what was changed."""


class Engine:
    """Starts, moves and ends runs."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.bus = LiveBus()
        self.tally = Tally()
        self.versions = Versions(parts.pool)
        limits = parts.limits
        self.launcher = Launcher(
            parts.pool, self.versions, parts.evaluate, parts.clock, limits.timezone, most_chain=limits.chain
        )
        self._at_once = AtOnce(self.launcher, parts.pool, parts.clock)

    async def launch(self, order: Order, *, entry: Entry | None = None, also: Witness | None = None) -> Launched:
        """Start, queue or skip a run. In the same transaction, unless the run was there already, the audit log gets
        its `entry`, and `also` is done.

        Raises IdempotencyConflictError, LookupError.
        """
        pool = self._parts.pool
        if also is None:
            launched = await self._at_once.launch(order, entry)
            if launched is not None:
                return launched
        async with pool.acquire() as connection, connection.transaction():
            launched = await self.launcher.launch_in(connection, order)
            if entry is not None and not launched.existing:
                await audit.write_in(connection, entry(launched.run_id))
            if also is not None and not launched.existing:
                await also(connection, launched.run_id)
            return launched

    async def launch_defaults(
        self,
        definition: TaskDefinition,
        given: JsonObject,
        *,
        project_id: UUID,
        project: str,
        task_id: UUID | None,
        starter: str | None,
        outside: frozenset[str] = frozenset(),
    ) -> Drawn:
        """Computed defaults of a run's arguments, for `core.params.bind`. Raises StepFailed.

        `outside`: given arguments that carry the mark of data from outside.
        """
        if all(param.name in given for param in template_defaults(definition.params)):
            return Drawn({})
        state, last_run, remembered = await self._remembered(task_id)
        secrets = await self._parts.vault.reveal(str(project_id), definition.grants.secrets, definition.task)
        now = self._parts.clock()
        identity = RunIdentity("run_" + "0" * 32, definition.task, project, str(project_id), 0, now, starter)
        with tempfile.TemporaryDirectory(prefix="errands-launch-") as folder:
            context = LooseContext(
                identity, definition.grants, "params", Path(folder), self._parts.limits.memory_bytes, secrets=secrets
            )

            async def call_tool(tool: str, arguments: JsonObject) -> Performed:
                call = ToolCall(tool, arguments)
                if await self._parts.performer.effect(call, identity) is Effect.CHANGES:
                    raise StepFailed(ErrorKind.DENIED, f"`{tool}` changes the outside; a default may only read")
                return await self._parts.performer.perform(call, context)

            return await argument_defaults(
                definition.params,
                given,
                self._parts.evaluate,
                now,
                state=state,
                last_run=last_run,
                call_tool=call_tool,
                outside=outside | remembered,
            )

    async def _remembered(self, task_id: UUID | None) -> tuple[JsonObject, JsonObject | None, frozenset[str]]:
        """The task's state, output and arguments of its last succeeded run, and which of them carry the mark."""
        if task_id is None:
            return {}, None, frozenset()
        kept = await self._parts.pool.fetchrow(
            "select state, state_untrusted <> '{}' as untrusted from tasks where id = $1", task_id
        )
        row = await self._parts.pool.fetchrow(
            "select output, output_ref, arguments, untrusted from runs where task_id = $1 and status = 'succeeded' "
            "order by id desc limit 1",
            task_id,
        )
        marked = frozenset(
            name
            for name, found in (("state", kept), ("last_run", row))
            if found is not None and found["untrusted"] is True
        )
        state = _object(None if kept is None else kept["state"])
        if row is None:
            return state, None, marked
        text = row["output"]
        if row["output_ref"] is not None:
            text = await self._parts.artifacts.get(row["output_ref"])
        output = None if text is None else from_text(text)
        return state, {"output": output, "arguments": _object(row["arguments"])}, marked

    async def cancel(self, run_id: UUID, *, by: str, reason: str | None, also: Witness | None = None) -> bool:
        """Ask a run to end; a step that runs is stopped at once. False: it had ended already."""
        async with self._parts.pool.acquire() as connection, connection.transaction():
            asked = await request_cancel(connection, run_id, by, reason, self._parts.clock())
            if also is not None and asked:
                await also(connection, run_id)
            return asked

    async def answer(
        self,
        approval_id: UUID,
        *,
        person: str,
        choice: str,
        form: JsonObject,
        note: str | None,
        also: Witness | None = None,
    ) -> Answered:
        """One person's answer to an approval; `also` is told the approval. Raises AnswerRefusedError, LookupError."""
        async with self._parts.pool.acquire() as connection, connection.transaction():
            answered = await answering.answer(
                connection,
                approval_id,
                person=person,
                choice=choice,
                form=form,
                note=note,
                now=self._parts.clock(),
            )
            if also is not None:
                await also(connection, approval_id)
            return answered

    async def send_event(
        self,
        project_id: UUID,
        *,
        name: str,
        key: str | None,
        payload: Json,
        sender: str | None,
        also: Witness | None = None,
    ) -> int:
        """Send an event to the runs of a project that wait for it. Gives how many it woke."""
        async with self._parts.pool.acquire() as connection, connection.transaction():
            woken = await wakeups.send_event(
                connection,
                project_id,
                name=name,
                key=key,
                payload=payload,
                sender=sender,
                now=self._parts.clock(),
            )
            if also is not None:
                await also(connection, project_id)
            return woken

    async def plan_rerun(self, run_id: UUID, *, from_step: str | None, version_id: UUID | None) -> RerunPlan:
        """What a rerun would keep and repeat. Raises LookupError, RerunRefusedError."""
        return await reruns.plan_rerun(
            self._parts.pool, self.versions, run_id, from_step=from_step, version_id=version_id
        )

    async def rerun(
        self,
        run_id: UUID,
        *,
        from_step: str | None,
        version_id: UUID | None,
        starter: str | None,
        arguments: JsonObject | None = None,
        outputs: Mapping[str, Json] | None = None,
        also: Witness | None = None,
    ) -> Launched:
        """A new run that takes over the journal up to a step.

        `arguments`: all of them, checked, in place of the earlier run's; `outputs`: by the path of a step before
        `from_step`, in place of what came of it. Raises LookupError, RerunRefusedError.
        """
        pool, versions = self._parts.pool, self.versions
        order = await reruns.order_of_rerun(
            *(pool, versions, run_id),
            from_step=from_step,
            version_id=version_id,
            starter=starter,
            arguments=arguments,
        )
        edited = await reruns.edited_records(
            *(pool, versions, run_id, outputs or {}),
            from_step=from_step,
            version_id=version_id,
            most_bytes=self._parts.limits.inline_output_bytes,
        )

        async def with_record(connection: Connection, changed: UUID) -> None:
            if order.trigger.get("files"):
                await inputs.copy(connection, run_id, changed)
            await reruns.write_edited(connection, changed, edited)
            if also is not None:
                await also(connection, changed)

        return await self.launch(order, also=with_record)

    async def dry_run(
        self,
        definition: TaskDefinition,
        arguments: JsonObject,
        *,
        project: str,
        stubs: Mapping[str, Json],
        make_up: bool,
        state: JsonObject | None = None,
        payload: Json = None,
        now: datetime | None = None,
        answers: Stubs | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> DryRun:
        """Walk a definition with stubs, or with `answers`; nothing leaves the machine and nothing is recorded.

        `files`: what lies in its workspace at the start, by path.
        """
        return await rehearsal.rehearse(
            definition,
            arguments,
            performer=self._parts.performer,
            evaluate=self._parts.evaluate,
            output_schema=self._parts.output_schema,
            limits=self._parts.limits,
            stubs=stubs,
            make_up=make_up,
            project=project,
            state=state,
            payload=payload,
            now=now,
            answers=answers,
            files=files,
        )

    def live_models(self, run: RunIdentity, definition: TaskDefinition, purse: "Purse") -> "LiveModels":
        """Lets the agents of a definition ask real models in a backtest, out of one purse."""
        from errands.engine.live_models import LiveModels

        memory = definition.limits.memory or self._parts.limits.memory_bytes
        return LiveModels(self._parts.performer, self._parts.vault, run, definition.grants, purse, memory)

    def output_schema(self, tool: str) -> JsonObject | None:
        """What a tool gives, as a JSON schema."""
        return self._parts.output_schema(tool)

    def worker(self, *, concurrency: int) -> "Worker":
        """A worker of this process. `await worker.run()` until `await worker.stop()`."""
        # It brings PgQueuer, which takes longer to load than most commands take.
        from errands.engine.worker import Worker

        parts, worker_id = self._parts, new_id()
        keeper = Keeper(parts.pool, worker_id, parts.limits, parts.clock, parts.artifacts, parts.workspaces)
        shared = Shared(
            parts.pool,
            Journal(parts.pool, self.tally),
            parts.artifacts,
            WaitingRoom(parts.clock, self.launcher.launch_child),
            keeper.nudge,
            parts.limits,
            parts.clock,
        )
        workplace = Workplace(parts.pool, parts.artifacts, parts.workspaces, self.bus, parts.clock)
        hands = Hands(
            worker_id,
            shared,
            self.versions,
            parts.performer,
            parts.evaluate,
            parts.vault,
            workplace,
            self.bus,
            parts.workspaces,
            parts.clock,
        )
        return Worker(hands, keeper, parts.pool, concurrency=concurrency)

    def scheduler(self, *, clock: Callable[[], datetime] | None = None) -> Scheduler:
        """A scheduler of this process. `await scheduler.run()` until `await scheduler.stop()`.

        `clock`: `None` for the database's, on which all processes agree.
        """
        return Scheduler(self._parts.pool, self.launcher, self._trigger_orders(), clock, self.tally)

    async def deliver(
        self,
        trigger_id: UUID,
        *,
        cause: str,
        happening: Happening,
        since: datetime | None = None,
        also: DeliveryWitness | None = None,
    ) -> Delivered:
        """Start the run of a trigger for something from outside, once for each `cause`, such as `delivery:ID`.

        What came before `since` may come once more; `also` is done in the same transaction, unless the delivery had
        come before. Raises LookupError, TimeoutError.
        """
        return await deliveries.deliver(
            self._parts.pool,
            self.launcher,
            self._trigger_orders(),
            trigger_id,
            cause=cause,
            happening=happening,
            now=self._parts.clock(),
            since=since,
            also=also,
        )

    def _trigger_orders(self) -> TriggerOrders:
        parts = self._parts
        return TriggerOrders(parts.pool, self.versions, parts.evaluate, self.launch_defaults, parts.clock)

    def observe(self, run_id: UUID) -> AsyncIterator[LiveEvent]:
        """What happens in a run that this process holds, from now on."""
        return self.bus.observe(run_id)


def _object(text: str | None) -> JsonObject:
    value: Json = {} if text is None else from_text(text)
    return value if isinstance(value, Mapping) else {}
