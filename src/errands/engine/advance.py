"""Advancing a run: take it, walk it, and let it go again: ended, waiting, or handed over.

The supervisor sits beside the walk. It is woken when the walk has ended or can only wait, when a wake-up or a cancel
comes in, and when the run's time is up.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from errands.core.definition.steps import Step
from errands.core.expressions.templates import Template
from errands.core.outcomes import ErrorKind, RunStatus, StepError, StepFailed, StepStatus
from errands.engine.flow import Broke, Ending, Finished, Went
from errands.engine.history import load_waits
from errands.engine.lanes import Lane, LaneStopped
from errands.engine.launching import Version
from errands.engine.ledger import Kept
from errands.engine.names import restore_names
from errands.engine.patience import patiently
from errands.engine.records import LeaseLostError, Record
from errands.engine.scope import Scope, run_scope
from errands.engine.session import Session
from errands.engine.walk import Walk, error_scope
from errands.store.connections import Pool
from errands.store.sql import statement

Released = Literal["ended", "waiting", "handed over", "lost"]


class _InterruptedError(Exception):
    """The walk was ended from outside: cancelled, or out of time."""

    def __init__(self, ending: Ending, reason: StepError | None = None) -> None:
        super().__init__(ending.status)
        self.ending = ending
        self.reason = reason or ending.error
        """What is said of the steps that it cuts off."""


@dataclass(slots=True)
class Orders:
    """What the outside has asked of a held run since the supervisor last looked."""

    look: bool = False
    """Something was recorded for the run: look at its waits, and at whether it was cancelled."""
    hand_over: bool = False
    """The worker stops: give the run back."""
    again: bool = False
    """A job came for the run while it was held: it may have been let go in the database already, and woken since."""


class Advance:
    """One run in the hands of this worker. `drive` until it lets go; a waiting one may be driven again."""

    def __init__(self, pool: Pool, session: Session, walk: Walk, version: Version, live: dict[str, datetime]) -> None:
        self.session = session
        self.walk = walk
        self.version = version
        self.orders = Orders()
        self.ending: Ending | None = None
        self.kept = Kept({})
        """What the task keeps for later runs, if it succeeded."""
        self._pool = pool
        self._main: asyncio.Task[Ending] | None = None
        self._live = live
        """Steps that run now, by path: the watcher keeps it."""
        run = session.run
        self._scope = run_scope(walk.run, run.arguments, run.trigger, untrusted=run.untrusted)
        self._closing = False
        self._lane = Lane()

    def ask(self, *, hand_over: bool = False, again: bool = False) -> None:
        """Tell the supervisor to look at what the outside wants."""
        self.orders.look = True
        self.orders.again = self.orders.again or again
        self.orders.hand_over = self.orders.hand_over or hand_over
        self.session.signal.set()

    def abandon(self) -> None:
        """Drop what is in memory of a run that was let go."""
        if self._main is not None:
            self._main.cancel()

    def kept_redacted(self) -> Kept:
        """What the task keeps, without the values of secrets."""
        return replace(self.kept, values=self.session.redacted(self.kept.values))

    def drain(self) -> None:
        """Let the steps in flight end, begin no other, and give the run back."""
        self._lane.stop()

    async def drive(self) -> Released:
        """Walk on until the run has ended, can only wait, or is given back. Raises LeaseLostError."""
        try:
            ending = await self._steps()
            if ending is None:
                return "waiting"
            ending = await self._closing_steps(ending)
            if ending is None:
                return "waiting"
            await self.session.landed()
            self.ending = ending
            return "ended"
        except _HandOverError:
            return "handed over"

    async def _steps(self) -> Ending | None:
        """The task's steps, and `on_error` after a failure. `None`: it waits."""
        recorded = self._recorded_ending()
        if recorded is not None:
            restore_names(self.session.find, self.walk.program.definition.steps, self._scope, "")
            await self._take_kept()
            return recorded
        if self._main is None:
            self._main = self._started(self._body())
        try:
            return await self._supervise(self._main, self._time_left())
        except _InterruptedError as interrupted:
            await self._note_unfinished(interrupted.ending, interrupted.reason)
            ending = interrupted.ending
            if ending.status is RunStatus.SUCCEEDED:
                ending = await self._with_what_is_there(ending)
            return await self._phase(ending)

    async def _closing_steps(self, ending: Ending) -> Ending | None:
        """`finally`, whatever the ending. A failure in it fails a run that had succeeded."""
        steps = self.walk.program.definition.finally_
        if not steps:
            return ending
        if not self._closing:
            self._closing = True
            ending = await self._phase(ending)
            scope = error_scope(self._scope, ending.error, ending.untrusted)
            self._main = self._started(self._finally(steps, scope, ending))
        assert self._main is not None
        try:
            return await self._supervise(self._main, self.walk.limits.finally_timeout, cancellable=False)
        except _InterruptedError:
            return _after_finally(ending, "`finally` took longer than its limit")

    async def _finally(self, steps: tuple[Step, ...], scope: Scope, ending: Ending) -> Ending:
        flow = await self.walk.block(steps, scope, "", self._lane)
        return _after_finally(ending, flow.error.message, flow.untrusted) if isinstance(flow, Broke) else ending

    async def _body(self) -> Ending:
        definition = self.walk.program.definition
        flow = await self.walk.block(definition.steps, self._scope, "", self._lane)
        match flow:
            case Finished():
                return await self._succeeded(flow) if flow.status is RunStatus.SUCCEEDED else _finished(flow)
            case Went():
                return await self._succeeded(flow)
            case Broke(error, untrusted):
                return await self._on_error(error, untrusted)

    async def _succeeded(self, last: Went | Finished) -> Ending:
        """The run's output, which is that of a `finish` that gives one, else the task's own; and what it keeps."""
        program = self.walk.program
        try:
            output, untrusted = last.output, last.untrusted
            given = isinstance(last, Finished) and output is not None
            if program.output is not None and not given:
                record = await self._reading("@output", program.output)
                output, untrusted = record.output, record.untrusted
            if program.keep is not None:
                await self._reading("@keep", program.keep)
            await self._take_kept()
            return Ending(RunStatus.SUCCEEDED, output, untrusted=untrusted)
        except StepFailed as failure:
            return await self._on_error(failure.error, True)

    async def _with_what_is_there(self, ending: Ending) -> Ending:
        """The ending of a run that is finished early: with the task's output if it can be computed already.

        It keeps nothing for later runs: what they would go on from was not reached.
        """
        template = self.walk.program.output
        if template is None:
            return ending
        try:
            record = await self._reading("@output", template)
        except StepFailed:
            return ending
        return replace(ending, output=record.output, untrusted=record.untrusted)

    async def _reading(self, path: str, template: Template) -> Record:
        """The record of what a template of the task itself gives, computed once."""
        record = self.session.find(path)
        if record is None:
            value = await self.walk.values(template, self._scope, path)
            untrusted = await self.walk.marks(template, self._scope)
            record = await self.session.ride(Record(path, "reading", output=value).carrying(untrusted))
        return record

    async def _take_kept(self) -> None:
        """What the task keeps, from its record: a replay that finds the steps done does not compute it again."""
        record = self.session.find("@keep")
        kept = await self.walk.plain(record.output) if record is not None else None
        if record is not None and isinstance(kept, dict):
            self.kept = Kept(kept, record.untrusted)

    async def _on_error(self, error: StepError, untrusted: bool) -> Ending:
        """The task's `on_error` steps; a `finish` in them has the last word."""
        ending = Ending(RunStatus.FAILED, None, error, untrusted)
        steps = self.walk.program.definition.on_error
        if not steps:
            return ending
        flow = await self.walk.block(steps, error_scope(self._scope, error, untrusted), "", self._lane)
        return _finished(flow) if isinstance(flow, Finished) else ending

    def _started(self, body: Coroutine[object, object, Ending]) -> "asyncio.Task[Ending]":
        self.walk.pulse.restart()
        main = asyncio.ensure_future(body)
        main.add_done_callback(lambda _: self.session.signal.set())
        return main

    # The supervisor

    async def _supervise(
        self, main: "asyncio.Task[Ending]", left: timedelta, *, cancellable: bool = True
    ) -> Ending | None:
        """Watch over the walk. `None`: it was let go, waiting."""
        loop, signal = asyncio.get_running_loop(), self.session.signal
        deadline = loop.time() + left.total_seconds()
        timer = loop.call_at(deadline, signal.set)
        if self.session.run.cancelled and cancellable:
            self.ask()
        try:
            while True:
                await signal.wait()
                signal.clear()
                if main.done():
                    return self._result(main)
                await self._obey(late=loop.time() >= deadline, limit=left, cancellable=cancellable)
                while self.session.pulse.still and not main.done():
                    if await self._let_go(cancellable=cancellable):
                        return None
                    await self._look(cancellable=cancellable)
        except BaseException:
            main.cancel()
            await asyncio.gather(main, return_exceptions=True)
            raise
        finally:
            timer.cancel()

    def _result(self, main: "asyncio.Task[Ending]") -> Ending:
        try:
            return main.result()
        except LaneStopped:
            raise _HandOverError from None

    async def _obey(self, *, late: bool, limit: timedelta, cancellable: bool) -> None:
        """Do what the outside has asked for."""
        if self.session.broken is not None:
            raise self.session.broken
        if late:
            raise _InterruptedError(_timed_out(limit))
        if self.session.early is not None and cancellable:
            raise _InterruptedError(*self.session.early)
        if self.orders.hand_over:
            raise _HandOverError
        if self.orders.look:
            await self._look(cancellable=cancellable)

    async def _look(self, *, cancellable: bool) -> None:
        """Read what was recorded for the run since we last looked. Wake-ups are counted before their waits are read."""
        self.orders.look = False
        run = self.session.run
        row = await patiently(
            self._pool.fetchrow,
            "select epoch, wakes, cancel_requested_at, cancel_by, cancel_reason from runs where id = $1",
            run.id,
        )
        if row is None or row["epoch"] != run.epoch:
            raise LeaseLostError(run.id)
        if row["cancel_requested_at"] is not None and cancellable:
            run.cancelled, run.cancel_by, run.cancel_reason = True, row["cancel_by"], row["cancel_reason"]
            raise _InterruptedError(_cancelled(run.cancel_by, run.cancel_reason))
        run.wakes = row["wakes"]
        self.session.woken(await patiently(load_waits, self._pool, run.id))

    async def _let_go(self, *, cancellable: bool) -> bool:
        """Suspend the run. False: a wake-up or a cancel came first."""
        await self.session.landed()
        run, usage = self.session.run, self.session.usage
        row = await patiently(
            self._pool.fetchrow,
            statement("suspend_run"),
            run.id,
            run.epoch,
            run.wakes,
            self.active_seconds(),
            usage.input_tokens,
            usage.output_tokens,
            usage.usd,
            usage.requests,
            usage.tool_calls,
            not cancellable,
        )
        return row is not None or await self._was_let_go()

    async def _was_let_go(self) -> bool:
        """Whether it was suspended before, and only the answer was lost with its connection."""
        query = "select status from runs where id = $1 and epoch = $2"
        status = await patiently(self._pool.fetchval, query, self.session.run.id, self.session.run.epoch)
        return status in ("waiting", "queued")

    def active_seconds(self) -> float:
        """Seconds of running time since the run was taken."""
        return max((self.walk.clock() - self.session.run.taken_at).total_seconds(), 0.0)

    def _time_left(self) -> timedelta:
        limit = self.walk.program.definition.limits.timeout or self.walk.limits.run_timeout
        return limit - timedelta(seconds=self.session.run.active_seconds + self.active_seconds())

    # The phase record

    async def _phase(self, ending: Ending) -> Ending:
        """Record how the steps ended before `finally` begins, so that a replay goes straight there."""
        if self.session.find("@end") is None:
            await self.session.landed()  # What the steps have left must be there for a replay that finds them done.
            error = ending.error.as_json() if ending.error is not None else None
            record = Record("@end", "phase", output=ending.output, facts={"status": ending.status, "error": error})
            await self.session.write(record.carrying(ending.untrusted))
        return ending

    def _recorded_ending(self) -> Ending | None:
        record = self.session.find("@end")
        if record is None:
            return None
        error = record.fact("error")
        return Ending(
            RunStatus(str(record.fact("status"))),
            record.output,
            StepError.from_json(error) if isinstance(error, dict) else None,
            record.untrusted,
        )

    async def _note_unfinished(self, ending: Ending, reason: StepError | None) -> None:
        """Record the steps that were cut off, so that the journal shows where the run stood."""
        status = StepStatus.TIMED_OUT if ending.status is RunStatus.TIMED_OUT else StepStatus.CANCELLED
        for path, started in list(self._live.items()):
            if self.session.find(path) is None:
                record = Record(path, "outcome", status, None, None, reason, None, started, self.walk.clock())
                self.walk.watcher.ended(await self.session.ride(record))


class _HandOverError(Exception):
    """The worker stops and gives the run back."""


def _finished(flow: Finished) -> Ending:
    return Ending(flow.status, flow.output, flow.error, flow.untrusted)


def _after_finally(ending: Ending, message: str, untrusted: bool = False) -> Ending:
    if ending.status is not RunStatus.SUCCEEDED:
        return ending
    error = StepError(ErrorKind.TOOL, f"the steps succeeded, but `finally` failed: {message}")
    return Ending(RunStatus.FAILED, None, error, untrusted)


def _timed_out(limit: timedelta) -> Ending:
    message = "the run used up its running time"
    return Ending(
        RunStatus.TIMED_OUT,
        None,
        StepError(ErrorKind.TIMEOUT, message, hint="raise `limits: {timeout: ...}` in the task"),
    )


def _cancelled(by: str | None, reason: str | None) -> Ending:
    message = f"cancelled by {by or 'somebody'}" + (f": {reason}" if reason else "")
    return Ending(RunStatus.CANCELLED, None, StepError(ErrorKind.CANCELLED, message))
