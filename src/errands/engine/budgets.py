"""Budgets: reserved before each call, settled after it, so that calls side by side cannot overspend together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from errands.core.definition.policies import BudgetAmounts
from errands.core.outcomes import ErrorKind, StepFailed, Usage
from errands.store.connections import Connection, Pool

UNBOUNDED = 10**15


class Meter:
    """What may be spent under one budget, and what has been."""

    def __init__(self, name: str, amounts: BudgetAmounts, spent: Usage) -> None:
        self.name = name
        """As users know it: `this run`, `this task today`."""
        self._amounts = amounts
        self.spent = spent
        self._reserved = Usage()

    def remaining(self) -> Usage:
        """What is left, reservations taken off; unbounded parts are `UNBOUNDED`."""
        used = self.spent + self._reserved
        amounts = self._amounts
        return Usage(
            input_tokens=_left(amounts.tokens, used.tokens),
            usd=Decimal(UNBOUNDED) if amounts.usd is None else max(amounts.usd - used.usd, Decimal(0)),
            requests=_left(amounts.requests, used.requests),
            tool_calls=_left(amounts.tool_calls, used.tool_calls),
        )

    @contextmanager
    def reserved(self, most: Usage) -> Iterator[None]:
        """Hold back what a call may use while it runs. Raises StepFailed (budget) if it would cross the budget."""
        self._check(most)
        self._reserved += most
        try:
            yield
        finally:
            self._reserved = _minus(self._reserved, most)

    async def refresh(self) -> None:
        """Take in what others have spent under the same budget."""

    def settle(self, used: Usage) -> None:
        self.spent += used

    def _check(self, most: Usage) -> None:
        would = self.spent + self._reserved + most
        amounts = self._amounts
        crossed = [
            f"{name}: {_number(now)} used, {_number(more)} more wanted, {_number(limit)} allowed"
            for name, limit, now, more, total in (
                ("US dollars", amounts.usd, self.spent.usd, most.usd, would.usd),
                ("tokens", amounts.tokens, self.spent.tokens, most.tokens, would.tokens),
                ("model requests", amounts.requests, self.spent.requests, most.requests, would.requests),
                ("tool calls", amounts.tool_calls, self.spent.tool_calls, most.tool_calls, would.tool_calls),
            )
            if limit is not None and total > limit
        ]
        if crossed:
            raise StepFailed(
                ErrorKind.BUDGET,
                f"the budget of {self.name} is used up ({'; '.join(crossed)})",
                hint="raise `budget:` in the task and rerun from this step; what is recorded is not paid for again",
            )


class DayMeter(Meter):
    """What all runs of a task may spend on one day, UTC. What they have spent stands in `day_spend`."""

    def __init__(self, amounts: BudgetAmounts, pool: Pool, task_id: UUID, clock: Callable[[], datetime]) -> None:
        super().__init__("this task today", amounts, Usage())
        self._pool = pool
        self._task_id = task_id
        self._clock = clock

    async def refresh(self) -> None:
        row = await self._pool.fetchrow(
            "select usd, tokens, requests, tool_calls from day_spend where task_id = $1 and day = $2",
            self._task_id,
            self._clock().date(),
        )
        self.spent = Usage() if row is None else Usage(row[1], 0, row[0], row[2], row[3])

    async def record(self, connection: Connection, used: Usage) -> None:
        """Add to the day's spending, in the transaction that records the call."""
        await connection.execute(
            "insert into day_spend (task_id, day, usd, tokens, requests, tool_calls) values ($1, $2, $3, $4, $5, $6) "
            "on conflict (task_id, day) do update set usd = day_spend.usd + excluded.usd, "
            "tokens = day_spend.tokens + excluded.tokens, requests = day_spend.requests + excluded.requests, "
            "tool_calls = day_spend.tool_calls + excluded.tool_calls",
            self._task_id,
            self._clock().date(),
            used.usd,
            used.tokens,
            used.requests,
            used.tool_calls,
        )


def _left(limit: int | None, used: int) -> int:
    return UNBOUNDED if limit is None else max(limit - used, 0)


def _minus(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.input_tokens - other.input_tokens,
        one.output_tokens - other.output_tokens,
        one.usd - other.usd,
        one.requests - other.requests,
        one.tool_calls - other.tool_calls,
    )


def _number(amount: int | Decimal) -> str:
    return f"{amount:,}" if isinstance(amount, int) else f"{amount.normalize():f}"
