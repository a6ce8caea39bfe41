"""Looks for what is wrong with watched tasks, raises alarms and closes them.

Ends of runs leave signals, in the transaction that ends them; the rest is looked for by time. One server at a time
does each of the two, and what it finds is written with the alarms themselves: nothing is told twice, and a crash
loses nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from errands.core import ids
from errands.core.access import TaskResource, Verb
from errands.core.definition.alarms import AlarmKind, AlarmRules, read_stored, seconds, tells_budget
from errands.core.definition.units import show_duration
from errands.core.values import JsonObject
from errands.services.asking import KEEPER
from errands.services.authority import Clock, entry_of, utc_now
from errands.services.raising import raise_alarms, tell_closed
from errands.store import alarms, audit, watches
from errands.store.alarms import ClosedAlarm, NewAlarm
from errands.store.connections import Connection
from errands.store.database import Database
from errands.store.watches import Signal, Standing, Tardy

_AT_ONCE = 1000
_FAILED = ("failed", "timed_out")
_KEPT = timedelta(days=365)
_OF_RUNS = (AlarmKind.FAILED, AlarmKind.SILENT)
"""What a success ends."""


@dataclass(slots=True)
class _Stretch:
    """Runs of one task that ended one after the other in the same way."""

    how: Literal["failed", "succeeded"]
    signals: list[Signal] = field(default_factory=list)


@dataclass(slots=True)
class _Case:
    """A task with what has happened to its runs."""

    standing: Standing
    rules: AlarmRules
    stretches: list[_Stretch]
    failures: int
    to_pause: int
    silent_at: datetime | None


class Watch:
    """Any number may work on one database."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def signals(self) -> int:
        """Look at everything that has happened to runs. Gives how much that was."""
        seen = 0
        while True:
            async with self._database.pool.acquire() as connection, connection.transaction():
                if not await watches.one_at_a_time(connection, "signals"):
                    return seen
                found = await watches.take_signals(connection, _AT_ONCE)
                if found:
                    await _happened(connection, found, self._clock())
            seen += len(found)
            if len(found) < _AT_ONCE:
                return seen

    async def times(self) -> None:
        """Look at what is late, silent or long, and at alarms whose cause is over."""
        async with self._database.pool.acquire() as connection, connection.transaction():
            if not await watches.one_at_a_time(connection, "times"):
                return
            now = self._clock()
            await _silent(connection, now)
            await _late(connection, now)
            await _long(connection, now)
            await _over(connection, now)

    async def prune(self) -> None:
        """Forget alarms that were closed long ago."""
        await alarms.prune(self._database.pool, self._clock() - _KEPT)


async def _happened(connection: Connection, found: Sequence[Signal], now: datetime) -> None:
    standings = await watches.standings(connection, sorted({one.task_id for one in found}))
    cases = [_case(one, [each for each in found if each.task_id == one.task_id]) for one in standings]
    rules = {case.standing.task_id: case.rules for case in cases}
    for place in range(max((len(case.stretches) for case in cases), default=0)):
        here = [(case, case.stretches[place]) for case in cases if place < len(case.stretches)]
        await raise_alarms(connection, [one for case, stretch in here for one in _failures(case, stretch)], rules, now)
        well = [case.standing.task_id for case, stretch in here if stretch.how == "succeeded"]
        closed = await alarms.close(connection, well, _OF_RUNS, now, "a run has succeeded") if well else []
        await tell_closed(connection, closed, rules, now)
    await raise_alarms(connection, _broke(cases, found), rules, now)
    for case in cases:
        await _pause_if_due(connection, case, rules, now)
    await watches.settle(
        connection, [(case.standing.task_id, case.failures, case.to_pause, case.silent_at) for case in cases]
    )
    measured = [case.standing.task_id for case in cases if case.rules.long is not None and case.rules.long.times_p95]
    if measured:
        await watches.measure(connection, measured)


def _case(standing: Standing, signals: Sequence[Signal]) -> _Case:
    """What has happened, in stretches; cancelled runs say nothing."""
    rules = read_stored(standing.rules)
    case = _Case(standing, rules, [], standing.failures, standing.failures_to_pause, standing.silent_at)
    silent = seconds(rules.silent)
    for one in signals:
        if one.what not in (*_FAILED, "succeeded"):
            continue
        how: Literal["failed", "succeeded"] = "succeeded" if one.what == "succeeded" else "failed"
        if not case.stretches or case.stretches[-1].how != how:
            case.stretches.append(_Stretch(how))
        case.stretches[-1].signals.append(one)
        case.failures = case.failures + 1 if how == "failed" else 0
        case.to_pause = case.to_pause + 1 if how == "failed" else 0
        if how == "succeeded" and silent is not None:
            case.silent_at = one.at + timedelta(seconds=silent)
    return case


def _failures(case: _Case, stretch: _Stretch) -> list[NewAlarm]:
    """One alarm for the episode, or one for each run, as the task wants it."""
    if stretch.how == "succeeded" or case.rules.failed in (None, "never"):
        return []
    if case.rules.failed == "each":
        return [_failed(case.standing, one, ids.encode("run", one.run_id)) for one in stretch.signals]
    return [_failed(case.standing, stretch.signals[-1], "", count=len(stretch.signals))]


def _failed(standing: Standing, signal: Signal, subject: str, *, count: int = 1) -> NewAlarm:
    run, error = ids.encode("run", signal.run_id), signal.error or {}
    step = f" at {error['step']}" if error.get("step") else ""
    how = "timed out" if signal.what == "timed_out" else "failed"
    said = f"{run} {how}{step}: {error.get('message') or 'no reason was recorded'}"
    return NewAlarm(
        standing.project_id, standing.task_id, standing.task, AlarmKind.FAILED, subject, said, signal.run_id, count
    )


def _broke(cases: Sequence[_Case], found: Sequence[Signal]) -> list[NewAlarm]:
    """Runs that wait because their budget is used up, each once."""
    told = {case.standing.task_id: case for case in cases if tells_budget(case.rules)}
    broke = {one.run_id: one for one in found if one.what == "budget" and one.task_id in told}
    return [
        NewAlarm(
            told[one.task_id].standing.project_id,
            one.task_id,
            told[one.task_id].standing.task,
            AlarmKind.BUDGET,
            ids.encode("run", one.run_id),
            f"{ids.encode('run', one.run_id)} waits: {one.detail or 'its budget is used up'}",
            one.run_id,
        )
        for one in broke.values()
    ]


async def _pause_if_due(connection: Connection, case: _Case, rules: Mapping[UUID, AlarmRules], now: datetime) -> None:
    """Switch the triggers off after so many failures in a row; then the count begins anew."""
    most, standing = case.rules.pause_after_failures, case.standing
    if not most or case.to_pause < most:
        return
    last = ids.encode("run", case.stretches[-1].signals[-1].run_id)
    note = f"switched off after {case.to_pause} failed runs in a row, the last {last}"
    names = await watches.switch_off(connection, standing.task_id, note)
    case.to_pause = 0
    if not names:
        return
    resource = TaskResource(standing.project, standing.task)
    for name in names:
        detail: JsonObject = {"trigger": name, "enabled": False, "note": note}
        await audit.write_in(connection, entry_of(KEEPER, Verb.TRIGGER_SWITCH, resource, detail, "done"))
    said = f"The triggers {', '.join(names)} of {standing.task} were {note}. Mend it, then switch them on again."
    run_id = case.stretches[-1].signals[-1].run_id
    found = NewAlarm(standing.project_id, standing.task_id, standing.task, AlarmKind.PAUSED, "", said, run_id)
    await raise_alarms(connection, [found], rules, now)


async def _silent(connection: Connection, now: datetime) -> None:
    while True:
        found = await watches.silent(connection, now, _AT_ONCE)
        rules = {one.task_id: read_stored(one.rules) for one in found}
        await raise_alarms(connection, [_silence(one, rules[one.task_id]) for one in found], rules, now)
        await watches.silence_told(connection, [one.task_id for one in found])
        if len(found) < _AT_ONCE:
            return


def _silence(standing: Standing, rules: AlarmRules) -> NewAlarm:
    bound = show_duration(rules.silent) if isinstance(rules.silent, timedelta) else "too long"
    said = f"No run of {standing.task} has succeeded for {bound}."
    return NewAlarm(standing.project_id, standing.task_id, standing.task, AlarmKind.SILENT, "", said)


async def _late(connection: Connection, now: datetime) -> None:
    """A trigger is late for as long as the state of things says so."""
    late = await watches.late(connection, now)
    there = await alarms.open_of(connection, AlarmKind.LATE)
    rules = {one.task_id: read_stored(one.rules) for one in late}
    new = [one for one in late if (one.task_id, one.subject) not in there]
    await raise_alarms(connection, [_lateness(one) for one in new], rules, now)
    still = {(one.task_id, one.subject) for one in late}
    started = [alarm for key, alarm in there.items() if key not in still]
    await _close(connection, started, "it has started, or is not planned any more", now)


def _lateness(one: Tardy) -> NewAlarm:
    said = f"The trigger {one.subject} was planned for {one.since:%Y-%m-%d %H:%M} UTC and has not started: {one.why}."
    return NewAlarm(one.project_id, one.task_id, one.task, AlarmKind.LATE, one.subject, said, one.run_id)


async def _long(connection: Connection, now: datetime) -> None:
    found = await watches.long(connection, now)
    rules = {one.task_id: read_stored(one.rules) for one in found}
    await raise_alarms(connection, [_length(one) for one in found], rules, now)


def _length(one: Tardy) -> NewAlarm:
    ran = show_duration(timedelta(seconds=int(float(one.why))))
    said = f"{one.subject} has been running for {ran}, longer than it should."
    return NewAlarm(one.project_id, one.task_id, one.task, AlarmKind.LONG, one.subject, said, one.run_id)


async def _over(connection: Connection, now: datetime) -> None:
    """Close what has ended by itself."""
    by_reason: dict[str, list[UUID]] = {}
    for alarm, why in await watches.over(connection):
        by_reason.setdefault(why, []).append(alarm)
    for why, those in by_reason.items():
        await alarms.close_those(connection, those, now, why)


async def _close(connection: Connection, those: Sequence[UUID], why: str, now: datetime) -> None:
    if not those:
        return
    closed: Sequence[ClosedAlarm] = await alarms.close_those(connection, those, now, why)
    standings = await watches.standings(connection, sorted({one.task_id for one in closed}))
    await tell_closed(connection, closed, {one.task_id: read_stored(one.rules) for one in standings}, now)
