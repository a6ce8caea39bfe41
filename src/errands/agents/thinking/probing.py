"""A tiny real request to a model: does it answer, how fast, and at which price."""

import time
from dataclasses import dataclass
from decimal import Decimal

from pydantic_ai.messages import ModelRequest, TextPart
from pydantic_ai.models import ModelRequestParameters

from errands.agents.models import Models
from errands.agents.thinking.asking import Asker, Question
from errands.agents.thinking.histories import History
from errands.agents.thinking.prices import price_of
from errands.core.definition.agents import ModelDefinition, Price
from errands.core.outcomes import Usage
from errands.core.ports import StepContext

_PROMPT = "Answer with the one word: ready"
_LONGEST = 64
_SAMPLE = 1000
"""Tokens at which published prices are read: some change with the length of a request."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of it."""

    said: str
    seconds: float
    usage: Usage


async def probe(models: Models, definition: ModelDefinition, context: StepContext) -> Probed:
    """Ask once, without fallbacks and further attempts. Raises StepFailed that says what is wrong."""
    once = definition.model_copy(update={"retries": 0, "rate": None})
    question = Question(History([ModelRequest.user_text_prompt(_PROMPT)]), ModelRequestParameters(), _LONGEST)
    began = time.monotonic()
    answered = await Asker(models, [once], context).ask(question)
    said = "".join(part.content for part in answered.response.parts if isinstance(part, TextPart))
    return Probed(said.strip()[:200], time.monotonic() - began, answered.usage)


def effective_price(definition: ModelDefinition) -> Price:
    """US dollars for a million tokens: the declared price, else the published one, else 0."""
    price, million = price_of(definition), Decimal(1_000_000)
    return Price(input=price(_SAMPLE, 0) * million / _SAMPLE, output=price(0, _SAMPLE) * million / _SAMPLE)
