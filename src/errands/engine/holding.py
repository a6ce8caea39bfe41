"""The runs that a worker holds: opening a session, driving it, and recording how it lets go."""

import asyncio
import shutil
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import structlog

from errands.core.ids import encode
from errands.core.outcomes import ErrorKind, RunStatus, StepError, StepFailed
from errands.core.ports import Evaluator, LeafCall, Performer, RunIdentity, Vault
from errands.core.redaction import Redactor
from errands.core.values import Json, to_text
from errands.engine import admission
from errands.engine.advance import Advance, Released
from errands.engine.budgets import DayMeter, Meter
from errands.engine.context import LeafContext, Surroundings
from errands.engine.flow import Ending
from errands.engine.gathering import Gathering
from errands.engine.history import inheritable, load_journal, load_waits, usage_of
from errands.engine.launching import Version, Versions, request_cancel
from errands.engine.leaves import Reached
from errands.engine.live import LiveBus, LiveEvent, RunWatcher
from errands.engine.patience import patiently
from errands.engine.program import CompiledStep
from errands.engine.purse import take_up
from errands.engine.queueing import RESUMED, enqueue
from errands.engine.records import LeaseLostError, Record, Stored
from errands.engine.runs import Closing, HeldRun, finish, finish_free, take, take_free
from errands.engine.session import Session, Shared, keep_state
from errands.engine.tally import Held
from errands.engine.wakeups import child_ended
from errands.engine.walk import Walk
from errands.store.connections import Connection
from errands.store.sql import statement

log = structlog.get_logger()

_WORTH_PARKING = 200
"""Records. A shorter journal is read again in a millisecond or two, so its run leaves nothing in memory."""


@dataclass(slots=True)
class Hands:
    """What this worker works with."""

    worker_id: UUID
    shared: Shared
    versions: Versions
    performer: Performer
    evaluate: Evaluator
    vault: Vault
    surroundings: Surroundings
    bus: LiveBus
    workspaces: Path
    clock: Callable[[], datetime]
    held: dict[UUID, Advance] = field(default_factory=dict)
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while no run is held."""
    parked: OrderedDict[UUID, Advance] = field(default_factory=OrderedDict)
    """Waiting runs whose journal is still in memory: a wake-up need not read it again. Bounded; any may be dropped."""
    parked_records: int = 0
    intake: Gathering[UUID, HeldRun | None] = field(init=False)
    """Takes over runs that are free, as most are."""
    closings: Gathering[Closing, bool] = field(init=False)
    """Closes runs that are free, and on whose ending nothing else hangs."""

    def __post_init__(self) -> None:
        self.idle.set()
        self.intake = Gathering(self._take, lambda run_id: run_id)
        self.closings = Gathering(self._finish, lambda closing: closing.id)

    async def _take(self, run_ids: Sequence[UUID]) -> Sequence[HeldRun | None]:
        return await take_free(self.shared.pool, run_ids, self.worker_id, self.clock())

    async def _finish(self, closings: Sequence[Closing]) -> Sequence[bool]:
        return await finish_free(self.shared.pool, closings)


async def advance(hands: Hands, run_id: UUID) -> None:
    """Take a run, drive it, and let it go. The whole life of one job, and of those that come for the run meanwhile."""
    held = hands.held.get(run_id)
    if held is not None:
        held.ask(again=True)
        return
    while await _advanced(hands, run_id):
        pass


async def _advanced(hands: Hands, run_id: UUID) -> bool:
    """Hold a run once. True: a job came for it just after it had been let go, so it must be taken again."""
    now = hands.clock()
    run = await hands.intake.ask(run_id) or await patiently(take, hands.shared.pool, run_id, hands.worker_id, now)
    if run is None:
        return False
    try:
        driven = await _opened(hands, run)
    except StepFailed as failure:
        await patiently(_give_up, hands, run, failure.error)
        return False
    driven.orders.again = False
    hands.held[run_id] = driven
    hands.idle.clear()
    hands.bus.publish(LiveEvent(run_id, "taken", at=now, text=driven.walk.run.task))
    hands.shared.journal.tally.taken(_held(driven, now))
    status: RunStatus | None = None
    try:
        released: Released = await _driven_to_rest(hands, driven)
        status = driven.ending.status if released == "ended" and driven.ending is not None else None
    except LeaseLostError:
        released = "lost"
        log.info("run.lease_lost", run=driven.walk.run.run_id, epoch=driven.session.run.epoch)
    except Exception as error:
        released, status = "ended", RunStatus.FAILED
        log.exception("run.defect", run=driven.walk.run.run_id)
        await patiently(_give_up, hands, run, _defect(driven.walk.run.run_id, error))
    finally:
        del hands.held[run_id]
        if not hands.held:
            hands.idle.set()
    let_go_at = hands.clock()
    hands.shared.journal.tally.let_go(run_id, released, status, let_go_at)
    hands.bus.publish(LiveEvent(run_id, "released", at=let_go_at, text=released))
    return driven.orders.again and released in ("waiting", "lost")


def _held(driven: Advance, now: datetime) -> Held:
    run = driven.session.run
    parent = None if run.parent_run_id is None else (run.parent_run_id, str(run.parent_path))
    return Held(run.id, driven.walk.run, run.epoch, now, parent, driven.walk.program.definition.agent)


async def _driven_to_rest(hands: Hands, driven: Advance) -> Released:
    """Drive a run until it lets go, and record how."""
    released = await driven.drive()
    if released == "ended":
        assert driven.ending is not None
        await _close(hands, driven, driven.ending)
        lasted = (hands.clock() - driven.session.run.started_at).total_seconds()
        hands.shared.journal.tally.add("run_seconds", max(lasted, 0.0), driven.ending.status.value)
    elif released == "waiting":
        await _after_suspend(hands, driven)
    else:
        await _hand_over(hands, driven)
    return released


def _defect(run_id: str, error: Exception) -> StepError:
    if isinstance(error, asyncpg.DataError):
        return StepError(
            ErrorKind.STORAGE,
            f"the end of the run cannot be recorded: {error}",
            hint="what the task keeps holds something that the database refuses, a NUL character perhaps",
        )
    return StepError(
        ErrorKind.INTERNAL,
        f"the run failed in a way it should not: {type(error).__name__}",
        hint=f"this is a defect of Errands; the server's log has it under {run_id}",
    )


async def _opened(hands: Hands, run: HeldRun) -> Advance:
    if run.trigger.get("files"):
        await hands.surroundings.bring_inputs(run.id)
    parked = hands.parked.pop(run.id, None)
    if parked is not None:
        hands.parked_records -= len(parked.session.history)
        if parked.session.run.epoch + 1 == run.epoch:
            return await _resumed(hands, parked, run)
        parked.abandon()  # Another worker has moved the run on since.
    version = await patiently(hands.versions.get, run.version_id)
    pool = hands.shared.pool
    # A rerun may begin with records that somebody has edited.
    fresh = run.epoch == 1 and run.rerun_of is None
    history = {} if fresh else await patiently(load_journal, pool, run.id)
    waits = {} if fresh else await patiently(load_waits, pool, run.id)
    definition = version.program.definition
    names = definition.grants.secrets
    secrets = await patiently(hands.vault.reveal, str(run.project_id), names, definition.task) if names else {}
    redactor = Redactor()
    for name, value in secrets.items():
        redactor.add(name, value)
    session = Session(hands.shared, run, version.program, history, waits, redactor)
    session.usage = usage_of(history)
    session.meters = _meters(hands, version, session)
    if run.rerun_of is not None and run.rerun_from is not None:
        session.earlier = await patiently(_inheritance, hands, run.rerun_of, version)
    return _driven(hands, session, version, secrets)


async def _inheritance(hands: Hands, earlier: UUID, version: Version) -> dict[str, Record]:
    version_id = await hands.shared.pool.fetchval("select version_id from runs where id = $1", earlier)
    if version_id is None:
        return {}  # Removed by retention since: everything is done again.
    old = await hands.versions.get(version_id)
    return inheritable(await load_journal(hands.shared.pool, earlier), old.program, version.program)


async def _resumed(hands: Hands, parked: Advance, run: HeldRun) -> Advance:
    """Go on with a waiting run that this worker has let go itself: nobody has written to its journal since."""
    parked.session.renew(run)
    parked.session.woken(await patiently(load_waits, hands.shared.pool, run.id))
    return parked


def _meters(hands: Hands, version: Version, session: Session) -> list[Meter]:
    """The run's own budget and, after it, that of the task's day."""
    budget = version.program.definition.budget
    if budget is None:
        return []
    asks = budget.on_exceeded == "ask"
    meters = [Meter("run", "this run", budget, session.usage, asks=asks)]
    if budget.per_day is not None:
        pool, run, zone = hands.shared.pool, session.run, ZoneInfo(budget.timezone or hands.shared.limits.timezone)
        meters.append(DayMeter(budget.per_day, pool, run.task_id, run.id, hands.clock, zone, asks=asks))
    for meter in meters:
        take_up(meter, session)
    return meters


def _driven(hands: Hands, session: Session, version: Version, secrets: Mapping[str, str]) -> Advance:
    run, program = session.run, version.program
    identity = RunIdentity(
        encode("run", run.id),
        program.definition.task,
        version.project,
        str(run.project_id),
        version.number,
        run.started_at,
        run.starter,
    )
    memory = program.definition.limits.memory or hands.shared.limits.memory_bytes
    watcher = RunWatcher(run.id, hands.bus, hands.clock)

    def context(_step: CompiledStep, reached: Reached, _call: LeafCall) -> LeafContext:
        return LeafContext(
            session,
            hands.surroundings,
            secrets,
            hands.vault,
            identity,
            reached=reached,
            memory_limit=memory,
            clock=hands.clock,
        )

    def said(path: str, text: str) -> None:
        hands.surroundings.log(session, path, "info", session.redactor.text(text))

    walk = Walk(
        identity,
        program,
        session,
        hands.performer,
        hands.evaluate,
        context,
        hands.shared.limits,
        hands.clock,
        watcher,
        said,
        secret_params=frozenset() if run.untrusted else frozenset(param.name for param in program.definition.params),
        pulse=session.pulse,
    )
    return Advance(hands.shared.pool, session, walk, version, watcher.live)


async def _after_suspend(hands: Hands, driven: Advance) -> None:
    """A waiting run gives its slot to the next; one with a long journal may stay in memory while there is room."""
    run = driven.session.run
    if run.max_concurrent is not None:
        await patiently(_release, hands, run)
    if len(driven.session.history) < _WORTH_PARKING:
        driven.abandon()
        return
    hands.parked[run.id] = driven
    hands.parked_records += len(driven.session.history)
    while hands.parked_records > hands.shared.limits.parked_records and hands.parked:
        _, dropped = hands.parked.popitem(last=False)
        hands.parked_records -= len(dropped.session.history)
        dropped.abandon()


async def _release(hands: Hands, run: HeldRun) -> None:
    async with hands.shared.pool.acquire() as connection, connection.transaction():
        await admission.release(connection, run.task_id, run.key, hands.clock())


async def _hand_over(hands: Hands, driven: Advance) -> None:
    """Give the run back to the queue, ahead of new ones."""
    run = driven.session.run
    await driven.session.landed()

    async def given_back() -> None:
        async with hands.shared.pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(statement("hand_over_run"), run.id, run.epoch, driven.active_seconds())
            if row is not None:
                await enqueue(connection, [(run.id, RESUMED)])

    await patiently(given_back)
    log.info("run.handed_over", run=driven.walk.run.run_id)


async def _close(hands: Hands, driven: Advance, ending: Ending) -> None:
    """Record the ending, and with it whatever hangs on it: state, waits, the parent, the next in the queue."""
    session, run = driven.session, driven.session.run
    closing = _closing(driven, ending, hands.clock())
    limits = driven.walk.program.definition.limits
    gated = run.max_concurrent is not None or limits.overlap not in (None, "allow")
    if gated or driven.kept.values or session.waits or run.parent_run_id is not None:
        closed = await patiently(_close_with, hands, driven, ending, closing, gated=gated)
    else:
        closed = await hands.closings.ask(closing) or await patiently(finish, hands.shared.pool, closing)
    if not closed:
        raise LeaseLostError(run.id)
    for meter in session.meters:
        if isinstance(meter, DayMeter):
            await patiently(meter.forget)
    if session.waits and ending.status is not RunStatus.SUCCEEDED:
        await patiently(_cancel_children, hands, driven, ending)
    await _remove_workspace(hands.workspaces / driven.walk.run.run_id)
    log.debug("run.ended", run=driven.walk.run.run_id, task=driven.walk.run.task, status=ending.status.value)


def _closing(driven: Advance, ending: Ending, now: datetime) -> Closing:
    session, output = driven.session, ending.output
    return Closing(
        session.run.id,
        session.run.epoch,
        ending.status.value,
        None if output is None or isinstance(output, Stored) else to_text(output),
        output.ref if isinstance(output, Stored) else None,
        None if ending.error is None else to_text(ending.error.as_json()),
        now,
        driven.active_seconds(),
        session.usage,
        ending.untrusted,
    )


async def _close_with(hands: Hands, driven: Advance, ending: Ending, closing: Closing, *, gated: bool) -> bool:
    """Record the ending in one transaction with everything that depends on it."""
    run, now = driven.session.run, hands.clock()
    async with hands.shared.pool.acquire() as connection, connection.transaction():
        if not await finish(connection, closing):
            return False
        if driven.kept.values and ending.status is RunStatus.SUCCEEDED:
            await keep_state(connection, task_id=run.task_id, kept=driven.kept_redacted())
        if driven.session.waits:
            await _close_waits(connection, run.id, now)
        await child_ended(connection, run.id, _result_for_parent(driven, ending), now)
        if gated:
            await admission.release(connection, run.task_id, run.key, now)
        return True


async def _give_up(hands: Hands, run: HeldRun, error: StepError) -> None:
    """End a run that cannot be driven, as failed: left alone it would be held for as long as this worker lives."""
    now = hands.clock()
    told = to_text(error.as_json())
    closing = Closing(run.id, run.epoch, RunStatus.FAILED.value, None, None, told, now, 0.0, run.usage)
    result: Mapping[str, Json] = {"run": encode("run", run.id), "status": "failed", "error": error.as_json()}
    async with hands.shared.pool.acquire() as connection, connection.transaction():
        if await finish(connection, closing):
            await _close_waits(connection, run.id, now)
            await child_ended(connection, run.id, result, now)
            await admission.release(connection, run.task_id, run.key, now)


async def _close_waits(connection: Connection, run_id: UUID, now: datetime) -> None:
    """What the run no longer waits for: open waits are closed, open questions withdrawn."""
    await connection.execute("update waits set done_at = $2 where run_id = $1 and done_at is null", run_id, now)
    await connection.execute(
        "update approvals set status = 'withdrawn', closed_at = $2 where run_id = $1 and status = 'open'", run_id, now
    )


def _result_for_parent(driven: Advance, ending: Ending) -> Mapping[str, Json]:
    result: dict[str, Json] = {"run": driven.walk.run.run_id, "status": ending.status.value}
    if ending.untrusted:
        result["untrusted"] = True
    if isinstance(ending.output, Stored):
        result |= {"output_ref": ending.output.ref, "output_size": ending.output.size}
    else:
        result["output"] = ending.output
    if ending.error is not None:
        result["error"] = ending.error.as_json()
    return result


async def _cancel_children(hands: Hands, driven: Advance, ending: Ending) -> None:
    """A run that did not succeed takes the sub-tasks along that it waits for."""
    run = driven.session.run
    children = [state.child for state in driven.session.waits.values() if state.child is not None and not state.done]
    for child in children:
        async with hands.shared.pool.acquire() as connection, connection.transaction():
            by, reason = f"run:{driven.walk.run.run_id}", f"the run that started it {ending.status.value}"
            await request_cancel(connection, child, by, reason, hands.clock())
    log.debug("run.children", run=encode("run", run.id), cancelled=len(children))


async def _remove_workspace(folder: Path) -> None:
    if _exists(folder):
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _exists(folder: Path) -> bool:
    """One look at the disk; a thread for it would cost more than the look."""
    return folder.exists()
