"""What an agent may spend on one piece of work, what it has spent, and what a request may cost at most."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from errands.core.definition.agents import Price
from errands.core.definition.policies import BudgetAmounts
from errands.core.outcomes import ErrorKind, StepFailed, Usage

_CHARACTERS_PER_TOKEN = 3.5
"""Low for English prose, about right for code and JSON: an estimate that is meant to be too high."""
_USUAL_ANSWER = 4096
"""Output tokens to reserve where the model's definition sets no `max_output_tokens`."""
_SHORTEST_ANSWER = 16
"""Output tokens below which asking is pointless: the budget counts as used up."""
_MILLION = Decimal(1_000_000)

PriceOf = Callable[[int, int], Decimal]
"""US dollars for so many input and output tokens."""


def estimate_tokens(characters: int) -> int:
    """Tokens of so many characters, rounded up."""
    return math.ceil(characters / _CHARACTERS_PER_TOKEN)


def flat_price(price: Price) -> PriceOf:
    """The price as a project declares it."""
    return lambda given, made: (price.input * given + price.output * made) / _MILLION


@dataclass(frozen=True, slots=True)
class Reserve:
    """The most that one model request may use."""

    usage: Usage
    max_output_tokens: int | None
    """What to ask of the provider; `None`: no bound of ours."""
    narrowed: bool
    """A budget, not the model's definition, sets `max_output_tokens`."""


@dataclass(slots=True)
class Meter:
    """Counts one piece of work against the budgets of its agent and its step."""

    budgets: tuple[BudgetAmounts, ...]
    who: str
    """For messages: `agent analyst`."""
    spent: Usage = field(default_factory=Usage)

    def add(self, usage: Usage) -> None:
        """Settle what a record below the step has used, replayed or not."""
        self.spent = self.spent + usage

    def reserve_request(self, input_tokens: int, most: int | None, price: PriceOf, left: Usage | None) -> Reserve:
        """What the next model request may use, its answer kept within what the budgets leave.

        `left` is what the run's budgets leave. Raises StepFailed (budget) where the agent's or the step's own budget
        does not reach for even a short answer.
        """
        bounds = [budget.tokens - self.spent.tokens for budget in self.budgets if budget.tokens is not None]
        if left is not None:
            bounds.append(left.tokens)
        room = min(bounds, default=None)
        wanted = most or _USUAL_ANSWER
        output = wanted if room is None else max(min(wanted, room - input_tokens), _SHORTEST_ANSWER)
        output = self._affordable(input_tokens, output, price, left)
        usage = Usage(input_tokens, output, price(input_tokens, output), requests=1)
        self._check(usage)
        narrowed = output < wanted
        return Reserve(usage, output if narrowed else most, narrowed)

    def take_call(self) -> Usage:
        """One tool call, counted at once since calls of one response run side by side.

        Raises StepFailed (budget) where none is left.
        """
        usage = Usage(tool_calls=1)
        self._check(usage)
        self.add(usage)
        return usage

    def _affordable(self, given: int, made: int, price: PriceOf, left: Usage | None) -> int:
        """Output tokens, at most `made`, that the money allows; never under the shortest answer."""
        bounds = [budget.usd - self.spent.usd for budget in self.budgets if budget.usd is not None]
        if left is not None:
            bounds.append(left.usd)
        money = min(bounds, default=None)
        if money is None or price(given, made) <= money:
            return made
        base = price(given, 0)
        each = price(given, made) - base
        return max(int((money - base) * made / each), _SHORTEST_ANSWER) if each else made

    def _check(self, usage: Usage) -> None:
        after = self.spent + usage
        for budget in self.budgets:
            self._check_one("usd", budget.usd, self.spent.usd, after.usd, "US dollars")
            self._check_one("tokens", budget.tokens, self.spent.tokens, after.tokens, "tokens")
            self._check_one("requests", budget.requests, self.spent.requests, after.requests, "model requests")
            self._check_one("tool_calls", budget.tool_calls, self.spent.tool_calls, after.tool_calls, "tool calls")

    def _check_one(
        self, key: str, bound: Decimal | int | None, spent: Decimal | int, after: Decimal | int, unit: str
    ) -> None:
        if bound is None or after <= bound:
            return
        raise StepFailed(
            ErrorKind.BUDGET,
            f"{self.who} may use {bound} {unit}; it has used {spent}, and the next request could bring it to {after}",
            hint=f"raise budget.{key} of the step or the agent, or give the agent less to do",
            detail={"budget": key, "limit": str(bound), "spent": str(spent), "next": str(after)},
        )
