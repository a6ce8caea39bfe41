"""Budgets: reserved before each call, settled after it, so that calls side by side cannot overspend together."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from errands.core.definition.policies import BudgetAmounts
from errands.core.outcomes import ErrorKind, StepFailed, Usage
from errands.core.values import Json, JsonObject
from errands.store.connections import Connection, Pool, Row
from errands.store.sql import statement

UNBOUNDED: Final = 10**15
UNITS: Final[Mapping[str, str]] = {
    "usd": "US dollars",
    "tokens": "tokens",
    "requests": "model requests",
    "tool_calls": "tool calls",
}
"""What a budget bounds, in words."""
Amount = int | Decimal


@dataclass(frozen=True, slots=True)
class Part:
    """One bound that a call would cross."""

    unit: str
    allowed: Amount
    used: Amount
    """Spent and held back by other calls."""
    wanted: Amount
    """What the call may use at most."""

    def words(self, who: str) -> str:
        return (
            f"{who} may use {_number(self.allowed)} {UNITS[self.unit]}; {_number(self.used)} are used, "
            f"and the next call could bring it to {_number(self.used + self.wanted)}"
        )


@dataclass(frozen=True, slots=True)
class Crossing:
    """A call does not fit into a budget."""

    meter: "Meter"
    parts: tuple[Part, ...]
    freed: asyncio.Event | None = None
    """Set once a call under way in this run gives back what it holds, where only such calls leave no room."""

    async def room(self) -> bool:
        """Wait until a call under way has given back what it holds, where only such calls leave no room.

        False at once: there is no room even without them, so waiting is of no use.
        """
        if self.freed is None:
            return False
        await self.freed.wait()
        return True

    @property
    def said(self) -> str:
        return "; ".join(part.words(self.meter.name) for part in self.parts)

    def failure(self) -> StepFailed:
        """The error of a budget that does not ask."""
        first = self.parts[0]
        return StepFailed(
            ErrorKind.BUDGET,
            self.said,
            hint=f"raise `{first.unit}` in the budget and rerun from this step; what is recorded is not paid for again",
            detail={"budget": self.meter.key, **{part.unit: str(part.allowed) for part in self.parts}},
        )


class Meter:
    """What may be spent under one budget, and what has been."""

    def __init__(self, key: str, name: str, amounts: BudgetAmounts, spent: Usage, *, asks: bool) -> None:
        self.key = key
        """`run`, `day`, or `step:` and the step's path: the same whenever the run goes on."""
        self.name = name
        """As users know it: `this run`, `this task today`."""
        self.asks = asks
        """Crossing it asks people; otherwise the step fails."""
        self.spent = spent
        self.question: str | None = None
        """Path of the wait at which people are asked about it now."""
        self._allowed: dict[str, Amount | None] = {unit: getattr(amounts, unit) for unit in UNITS}
        self._held: dict[str, Usage] = {}
        self._raises: set[str] = set()
        self._freed = asyncio.Event()

    def remaining(self) -> Usage:
        """What is left, reservations taken off; unbounded parts are `UNBOUNDED`."""
        used = amounts_of(self._used())
        left = {
            unit: UNBOUNDED if allowed is None else max(allowed - used[unit], 0)
            for unit, allowed in self._allowed.items()
        }
        return Usage(int(left["tokens"]), 0, Decimal(left["usd"]), int(left["requests"]), int(left["tool_calls"]))

    async def refresh(self) -> None:
        """Take in what others have spent and raised under the same budget."""

    async def reserve(self, path: str, most: Usage) -> Crossing | None:
        """Hold back what the call at a path may use while it runs. Gives what it would cross, holding nothing."""
        crossed = self._crossed(most)
        if crossed is None:
            self._held[path] = most
        return crossed

    async def release(self, path: str) -> None:
        """Give back what a call has held."""
        self._give_back(path)

    def settle(self, used: Usage, path: str | None = None) -> None:
        """Count what was used, in place of what the call at the path has held back for it."""
        self.spent += used
        if path is not None:
            self._give_back(path)

    def raise_by(self, question: str, more: JsonObject) -> None:
        """Allow more, once for each question."""
        if question in self._raises:
            return
        self._raises.add(question)
        for unit, amount in more.items():
            allowed = self._allowed.get(unit)
            if allowed is not None and isinstance(amount, int | float) and not isinstance(amount, bool):
                self._allowed[unit] = allowed + (Decimal(str(amount)) if unit == "usd" else int(amount))

    def due_at(self) -> datetime | None:
        """When there is more by itself."""
        return None

    def _give_back(self, path: str) -> None:
        if self._held.pop(path, None) is not None:
            self._freed.set()
            self._freed = asyncio.Event()

    def _used(self) -> Usage:
        return sum(self._held.values(), self.spent)

    def _crossed(self, most: Usage) -> Crossing | None:
        used, wanted = amounts_of(self._used()), amounts_of(most)
        parts = tuple(
            Part(unit, allowed, used[unit], wanted[unit])
            for unit, allowed in self._allowed.items()
            if allowed is not None and wanted[unit] and used[unit] + wanted[unit] > allowed
        )
        return Crossing(self, parts, self._freed if self._would_fit(parts) else None) if parts else None

    def _would_fit(self, parts: tuple[Part, ...]) -> bool:
        """Whether there were room without what calls of this run hold."""
        held = amounts_of(sum(self._held.values(), Usage()))
        return bool(self._held) and all(part.used - held[part.unit] + part.wanted <= part.allowed for part in parts)


class DayMeter(Meter):
    """What all runs of a task may spend on one day. What is spent, held and raised stands in the database."""

    def __init__(
        self,
        amounts: BudgetAmounts,
        pool: Pool,
        task_id: UUID,
        run_id: UUID,
        clock: Callable[[], datetime],
        zone: ZoneInfo,
        *,
        asks: bool,
    ) -> None:
        super().__init__("day", "this task today", amounts, Usage(), asks=asks)
        self._amounts = amounts
        self._pool = pool
        self._task_id = task_id
        self._run_id = run_id
        self._clock = clock
        self._zone = zone
        self._unwritten: dict[str, JsonObject] = {}
        self._asked_on: dict[str, date] = {}

    async def refresh(self) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await self._look(connection, "", lock=False)

    async def reserve(self, path: str, most: Usage) -> Crossing | None:
        try:
            return await self._reserve(path, most)
        except BaseException:
            self._give_back(path)
            raise

    async def _reserve(self, path: str, most: Usage) -> Crossing | None:
        async with self._pool.acquire() as connection, connection.transaction():
            await self._look(connection, path, lock=True)
            crossed = self._crossed(most)
            if crossed is None:
                self._held[path] = most  # Before others can see it in the database, so that they know whose it is.
                await connection.execute(
                    "insert into day_holds (task_id, day, run_id, path, usd, tokens, requests, tool_calls) "
                    "values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (run_id, path) do update set "
                    "day = excluded.day, usd = excluded.usd, tokens = excluded.tokens, requests = excluded.requests, "
                    "tool_calls = excluded.tool_calls",
                    *self._place(path),
                    *amounts_of(most).values(),
                )
        return crossed

    async def release(self, path: str) -> None:
        try:
            await self._pool.execute("delete from day_holds where run_id = $1 and path = $2", self._run_id, path)
        finally:
            self._give_back(path)

    def settle(self, used: Usage, path: str | None = None) -> None:
        """Nothing to do: `record` writes it, and the next look finds it."""

    def recorded(self, path: str) -> None:
        """What the call at the path has held is given back in the database: others may look again."""
        self._give_back(path)

    def raise_by(self, question: str, more: JsonObject) -> None:
        """Allow more on the day on which it was asked; written down with the next look."""
        if question not in self._raises:
            self._raises.add(question)
            self._unwritten[question] = more

    def asked_on(self, question: str, day: Json) -> None:
        """Remember for which day a question is."""
        self._asked_on[question] = date.fromisoformat(str(day)) if day is not None else self.today()

    def today(self) -> date:
        """The day of the task's zone."""
        return self._clock().astimezone(self._zone).date()

    def due_at(self) -> datetime | None:
        tomorrow = self.today() + timedelta(days=1)
        return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=self._zone)

    async def record(self, connection: Connection, used: Usage, path: str) -> None:
        """Add to the day's spending and give back what was held, in the transaction that records the call."""
        await connection.execute(
            "insert into day_spend (task_id, day, usd, tokens, requests, tool_calls) values ($1, $2, $3, $4, $5, $6) "
            "on conflict (task_id, day) do update set usd = day_spend.usd + excluded.usd, "
            "tokens = day_spend.tokens + excluded.tokens, requests = day_spend.requests + excluded.requests, "
            "tool_calls = day_spend.tool_calls + excluded.tool_calls",
            self._task_id,
            self.today(),
            *amounts_of(used).values(),
        )
        await connection.execute("delete from day_holds where run_id = $1 and path = $2", self._run_id, path)

    async def forget(self) -> None:
        """Give back whatever the run has held: it has ended."""
        await self._pool.execute("delete from day_holds where run_id = $1", self._run_id)

    async def _look(self, connection: Connection, path: str, *, lock: bool) -> None:
        for question, more in list(self._unwritten.items()):
            day = self._asked_on.get(question, self.today())
            given = [
                Decimal(str(more.get(unit, 0))) if unit == "usd" else int(str(more.get(unit, 0))) for unit in UNITS
            ]
            await connection.execute(
                "insert into day_raises (task_id, day, run_id, path, usd, tokens, requests, tool_calls) "
                "values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing",
                *(self._task_id, day, self._run_id, question),
                *given,
            )
        self._unwritten.clear()
        if lock:
            await connection.execute(
                "insert into day_spend (task_id, day) values ($1, $2) on conflict (task_id, day) do update "
                "set task_id = excluded.task_id",
                self._task_id,
                self.today(),
            )
        row = await connection.fetchrow(statement("day_of_task"), *self._place(path))
        assert row is not None
        self.spent = _usage(row, "used")
        for unit in UNITS:
            allowed = getattr(self._amounts, unit)
            self._allowed[unit] = None if allowed is None else allowed + row[f"raised_{unit}"]

    def _used(self) -> Usage:
        """What the last look has found: it counts what is held, by calls of this run too."""
        return self.spent

    def _place(self, path: str) -> tuple[UUID, date, UUID, str]:
        return self._task_id, self.today(), self._run_id, path


def amounts_of(usage: Usage) -> dict[str, Amount]:
    """What was used, by unit of a budget."""
    return {"usd": usage.usd, "tokens": usage.tokens, "requests": usage.requests, "tool_calls": usage.tool_calls}


def _usage(row: Row, prefix: str) -> Usage:
    values = [row[f"{prefix}_{unit}"] for unit in UNITS]
    return Usage(int(values[1]), 0, Decimal(values[0]), int(values[2]), int(values[3]))


def _number(amount: Amount) -> str:
    return f"{amount:,}" if isinstance(amount, int) else f"{amount.normalize():f}"
