"""The scheduler: starts runs at their planned times, and what hangs on events and on the ends of other runs.

Any number of schedulers may work on one database. Each looks only at what is due, decides it in memory, and writes the
decision in one transaction (see `occurrences`). Killed at any moment, it leaves either the whole decision or nothing.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import asyncpg
import structlog

from errands.core.definition.policies import Overlap
from errands.core.schedules import ScheduleInvalid, jittered
from errands.engine import backfill
from errands.engine.allowances import used_up
from errands.engine.chains import loop
from errands.engine.happenings import CHANNEL, Happening, happening_of
from errands.engine.launching import Launcher
from errands.engine.occurrences import Firing, Settled, write
from errands.engine.patience import DATABASE_AWAY, delay_after
from errands.engine.planning import Go, Hold, Pass, Plan, plan
from errands.engine.standing import (
    Pending,
    ProjectCalendars,
    Standing,
    due_occurrences,
    due_soon,
    due_triggers,
    seconds_until,
    soonest,
)
from errands.engine.tally import Tally
from errands.engine.trigger_orders import TriggerOrders, Unfit

log = structlog.get_logger()

_BATCH = 250
_LONGEST_SLEEP = timedelta(seconds=30)
_BACKFILL_LOOK = timedelta(seconds=1)
_SHORTEST_SLEEP_SECONDS = 0.02
_AHEAD = timedelta(seconds=60)
_MOST_WARMED = 2000
_PATIENCE_SECONDS = 1.0
"""How long a batch waits for arguments that take their time (a default drawn from a tool); then it goes on without."""


@dataclass(frozen=True, slots=True)
class _Case:
    """What is due of one trigger, before its orders are made."""

    trigger: Standing
    going: Sequence[Go | Pending] = ()
    passed: Sequence[Pass | Hold] = ()
    plan: Plan | None = None
    max_runs: int | None = None
    idle: tuple[str, str] | None = None
    """Why nothing of it starts, as a code and in words."""


class Scheduler:
    """Looks at triggers when they are due. `await scheduler.run()` until `await scheduler.stop()`."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        launcher: Launcher,
        orders: TriggerOrders,
        clock: Callable[[], datetime] | None = None,
        tally: Tally | None = None,
    ) -> None:
        """`clock`: `None` for the database's, so that all schedulers of one database agree on what time it is."""
        self._pool = pool
        self._launcher = launcher
        self._orders = orders
        self._clock = clock
        self._tally = tally or Tally()
        self._stopping = asyncio.Event()
        self._nudge = asyncio.Event()
        self._slow: dict[UUID, asyncio.Task[None]] = {}
        self._warm_until: datetime | None = None
        self.ready = asyncio.Event()
        """Set once it listens and has looked for the first time."""

    async def run(self) -> None:
        """Work until `stop`."""
        listening = asyncio.create_task(self._listen())
        tries = 0
        try:
            while not self._stopping.is_set():
                self._nudge.clear()
                try:
                    pause = await self._look()
                    tries = 0
                    self.ready.set()
                except (*DATABASE_AWAY, asyncpg.PostgresError) as error:
                    log.warning("scheduler.database_away", error=type(error).__name__)
                    pause = delay_after(tries)
                    tries += 1
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._nudge.wait()
        finally:
            for task in (listening, *self._slow.values()):
                task.cancel()
            await asyncio.gather(listening, *self._slow.values(), return_exceptions=True)

    async def stop(self) -> None:
        """Take nothing new up. What is being written is written."""
        self._stopping.set()
        self._nudge.set()

    async def tick(self) -> int:
        """Do everything that is due now. Gives how much was done."""
        seen = 0
        while not self._stopping.is_set():
            now = await self._now()
            done = await self._start_pending(now) + await self._plan_due(now) + await backfill.pump(self._pool, now)
            seen += done
            if not done:
                break  # What is still due is in the hands of another scheduler.
        return seen

    async def settled(self) -> None:
        """Wait for arguments that are still being computed."""
        await asyncio.gather(*self._slow.values())

    async def _look(self) -> float:
        """Do what is due; gives the seconds until there may be more."""
        await self.tick()
        now = await self._now()
        await self._warm(now)
        row = await self._pool.fetchrow(
            "select (select min(next_at) from triggers where id <> all($1)) as next_at, "
            "(select min(due_at) from occurrences where trigger_id <> all($1)) as due_at, "
            "exists(select 1 from backfills where status = 'running') as filling",
            list(self._slow),
        )
        assert row is not None
        soon = now + _BACKFILL_LOOK if row["filling"] else None
        return max(
            seconds_until(soonest(row["next_at"], row["due_at"], soon), now, _LONGEST_SLEEP), _SHORTEST_SLEEP_SECONDS
        )

    async def _warm(self, now: datetime) -> None:
        """Read and compile beforehand what is due within a minute: many may be due at one moment."""
        after, until = max(now, self._warm_until or now), now + _AHEAD
        if until - after < _AHEAD / 4:
            return
        for trigger in await due_soon(self._pool, after, until, _MOST_WARMED):
            await self._orders.warm(trigger)
            if self._nudge.is_set():
                return
        self._warm_until = until

    async def _now(self) -> datetime:
        if self._clock is not None:
            return self._clock()
        now: datetime = await self._pool.fetchval("select clock_timestamp()")
        return now

    async def _plan_due(self, now: datetime) -> int:
        """Decide the planned times that have come, a batch of triggers at a time."""
        triggers = await due_triggers(self._pool, now, _BATCH, but=list(self._slow))
        if not triggers:
            return 0
        calendars = await ProjectCalendars.of(self._pool, triggers)
        broke = await used_up(self._pool, self._launcher.versions, triggers, now, self._launcher.timezone)
        cases = [_narrowed(_planned(trigger, calendars, now), broke) for trigger in triggers]
        return await self._settle(cases, now)

    async def _start_pending(self, now: datetime) -> int:
        """Start what has waited for its moment."""
        found = await due_occurrences(self._pool, now, _BATCH, but=list(self._slow))
        by_trigger: dict[UUID, list[Pending]] = {}
        for one in found:
            by_trigger.setdefault(one.trigger.id, []).append(one)
        if not by_trigger:
            return 0
        triggers = [ones[0].trigger for ones in by_trigger.values()]
        broke = await used_up(self._pool, self._launcher.versions, triggers, now, self._launcher.timezone)
        cases = [_Case(ones[0].trigger, ones, max_runs=_max_runs(ones[0].trigger)) for ones in by_trigger.values()]
        return await self._settle([_narrowed(case, broke) for case in cases], now)

    async def _settle(self, cases: Sequence[_Case], now: datetime) -> int:
        """Write a batch as soon as its orders are made; what takes long is written by itself, later."""
        making = {asyncio.create_task(self._decide(case)): case.trigger.id for case in cases}
        _, slow = await asyncio.wait(making, timeout=_PATIENCE_SECONDS)
        for task in slow:
            following = asyncio.create_task(self._follow_up(task, making[task], now))
            self._slow[making[task]] = following
        return len(slow) + await self._write([task.result() for task in making if task not in slow], now)

    async def _follow_up(self, making: "asyncio.Task[Settled]", trigger_id: UUID, now: datetime) -> None:
        """Write a slow decision once it is made; until then its trigger is not looked at."""
        try:
            await self._write([await making], now)
        except (*DATABASE_AWAY, asyncpg.PostgresError) as error:
            log.warning("scheduler.decision_lost", error=type(error).__name__)  # The trigger is still due.
        finally:
            making.cancel()
            del self._slow[trigger_id]
            self._nudge.set()

    async def _decide(self, case: _Case) -> Settled:
        firings = [await self._firing(case, one) for one in case.going]
        return Settled(case.trigger, firings, case.passed, case.plan, case.max_runs)

    async def _firing(self, case: _Case, one: Go | Pending) -> Firing:
        """An order for one run, or why there is none."""
        trigger = case.trigger
        if isinstance(one, Go):
            firing = Firing(one.planned, one.source, None)
        else:
            firing = Firing(one.planned_at, one.source, None, cause=one.cause, pending=True)
        if case.idle is not None and not (firing.source == "backfill" and case.idle[0] == "disabled"):
            return _refused(firing, "skipped", *case.idle)
        if not firing.cause:
            return await self._ordered(trigger, firing, None, one.overlap if isinstance(one, Pending) else None)
        happening = await happening_of(self._pool, firing.cause)
        if happening is None:
            return _refused(firing, "skipped", "gone", "what it was to be started by has been removed")
        said = loop(happening.about, trigger.task, self._launcher.most_chain)
        if said is not None:
            return _refused(firing, "skipped", "loop", said)
        return await self._ordered(trigger, firing, happening)

    async def _ordered(
        self, trigger: Standing, firing: Firing, happening: Happening | None, overlap: Overlap | None = None
    ) -> Firing:
        try:
            order = await self._orders.make(trigger, firing.planned_at, firing.source, happening)
        except Unfit as unfit:
            return _refused(firing, "failed_to_start", "arguments", str(unfit))
        return replace(firing, order=order if overlap is None else replace(order, overlap=overlap))

    async def _write(self, batch: Sequence[Settled], now: datetime) -> int:
        """In one transaction; one by one where something in the batch is refused, so that it harms no other."""
        if not batch:
            return 0
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                written = await write(connection, self._launcher, batch, now)
            self._tell_lateness(batch, now)
            return written
        except (*DATABASE_AWAY, asyncpg.TransactionRollbackError):
            raise
        except Exception as error:
            if len(batch) > 1:
                return sum([await self._write([settled], now) for settled in batch])
            if any(firing.order is not None for firing in batch[0].firings):
                log.exception("scheduler.start_failed", trigger=batch[0].trigger.name, task=batch[0].trigger.task)
                return await self._write([_given_up(batch[0], error)], now)
            raise

    def _tell_lateness(self, batch: Sequence[Settled], now: datetime) -> None:
        """How late each start on a schedule was, its jitter not counted."""
        if not self._tally.heard:
            return
        for settled in batch:
            for one in settled.firings:
                if one.order is not None and one.source == "schedule" and not one.pending:
                    due = jittered(settled.trigger.id.hex, settled.trigger.schedule, one.planned_at)
                    self._tally.add("start_lateness_seconds", max((now - due).total_seconds(), 0.0))

    async def _listen(self) -> None:
        """Hear of new triggers, events and ends of runs."""
        tries = 0
        while True:
            lost = asyncio.Event()
            try:
                async with self._pool.acquire() as connection:
                    connection.add_termination_listener(lambda *_, lost=lost: lost.set())
                    await connection.add_listener(CHANNEL, self._heard)
                    tries = 0
                    self._nudge.set()  # What was said meanwhile was not heard.
                    try:
                        await lost.wait()
                    finally:
                        with suppress(*DATABASE_AWAY):
                            await connection.remove_listener(CHANNEL, self._heard)
            except (*DATABASE_AWAY, asyncpg.PostgresError) as error:
                log.warning("scheduler.listener_lost", error=type(error).__name__)
            await asyncio.sleep(delay_after(tries))
            tries += 1

    def _heard(self, *_said: object) -> None:
        self._nudge.set()


def _planned(trigger: Standing, calendars: ProjectCalendars, now: datetime) -> _Case:
    """What the trigger's schedule says. One that cannot be read (any more) is recorded as such and rests."""
    try:
        schedule = trigger.schedule
    except ScheduleInvalid as invalid:
        said = Pass(now, "failed_to_start", "schedule", f"the schedule cannot be read: {invalid}")
        return _Case(trigger, passed=[said], plan=Plan([], now, None, None))
    found = plan(trigger.id, schedule, calendars.seen_by(trigger), trigger.planned_up_to, now, fired=trigger.fired)
    going = [one for one in found.decisions if isinstance(one, Go)]
    passed = [one for one in found.decisions if isinstance(one, Pass | Hold)]
    return _Case(trigger, going, passed, found, schedule.max_runs)


def _narrowed(case: _Case, broke: Mapping[UUID, str]) -> _Case:
    """Nothing starts of a trigger that is switched off, of a task that is paused or has spent its day's budget."""
    idle = case.trigger.idle
    if idle is None and case.trigger.task_id in broke:
        idle = "budget", broke[case.trigger.task_id]
    if idle is None:
        return case
    passed = [one if isinstance(one, Pass) else Pass(one.planned, "skipped", *idle) for one in case.passed]
    return replace(case, passed=passed, idle=idle)


def _refused(firing: Firing, outcome: Literal["skipped", "failed_to_start"], code: str, reason: str) -> Firing:
    return replace(firing, order=None, refusal=Pass(firing.planned_at, outcome, code, reason))


def _given_up(settled: Settled, error: Exception) -> Settled:
    said = f"the run could not be made: {type(error).__name__}: {error}"
    firings = [
        one if one.order is None else _refused(one, "failed_to_start", "internal", said) for one in settled.firings
    ]
    return replace(settled, firings=firings)


def _max_runs(trigger: Standing) -> int | None:
    return trigger.schedule.max_runs if trigger.kind == "schedule" else None
