"""What a model request may use and cost at most, within what the budgets leave."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from errands.core.definition.agents import Price
from errands.core.outcomes import Usage

_CHARACTERS_PER_TOKEN = 3.5
"""Low for English prose, about right for code and JSON: an estimate that is meant to be too high."""
_USUAL_ANSWER = 4096
"""Output tokens to reserve where the model's definition sets no `max_output_tokens`."""
SHORTEST_ANSWER = 16
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


def reserve_request(
    input_tokens: int, most: int | None, price: PriceOf, left: Usage | None, *, shortest: int = SHORTEST_ANSWER
) -> Reserve:
    """What the next model request may use, its answer kept within what the budgets leave.

    `left` is what the tightest budgets leave. The answer is never kept shorter than `shortest` output tokens: where not
    even that is left, what is reserved crosses a budget, and whoever keeps the budgets says what happens then.
    """
    wanted = most or _USUAL_ANSWER
    least = min(shortest, wanted)
    output = wanted if left is None else max(min(wanted, left.tokens - input_tokens), least)
    if left is not None:
        output = _affordable(input_tokens, output, least, price, left.usd)
    usage = Usage(input_tokens, output, price(input_tokens, output), requests=1)
    narrowed = output < wanted
    return Reserve(usage, output if narrowed else most, narrowed)


def _affordable(given: int, made: int, least: int, price: PriceOf, money: Decimal) -> int:
    """Output tokens, at most `made`, that the money allows; never under the least."""
    if price(given, made) <= money:
        return made
    base = price(given, 0)
    each = price(given, made) - base
    return max(int((money - base) * made / each), least) if each else made
