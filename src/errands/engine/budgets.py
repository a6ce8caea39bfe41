"""Budgets: reserved before each call, settled after it, so that calls side by side cannot overspend together."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from errands.core.definition.policies import BudgetAmounts
from errands.core.outcomes import ErrorKind, StepFailed, Usage

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
