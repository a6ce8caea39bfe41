"""What answers cost: by the price that a project declares, else by the provider's published one."""

from decimal import Decimal

from pydantic_ai.messages import ModelResponse
from pydantic_ai.usage import RequestUsage

from errands.agents.spending import PriceOf, flat_price
from errands.core.definition.agents import ModelDefinition

_FREE = Decimal(0)
_MOST_REMEMBERED = 10_000

_Named = tuple[str | None, str | None, str | None]
_unpriced: set[_Named] = set()
"""Models (name, provider, address) that genai-prices has no price for: it would search all of its list each time."""


def has_published_price(definition: ModelDefinition) -> bool:
    """Whether what a model costs is to be looked up: it runs elsewhere, and its definition declares no price."""
    return definition.price is None and definition.provider not in ("embedded", "ollama")


def price_of(definition: ModelDefinition) -> PriceOf:
    """The declared price, else the provider's published one, else nothing."""
    if definition.price is not None:
        return flat_price(definition.price)
    if not has_published_price(definition):
        return lambda given, made: _FREE
    provider = {"openai-compatible": None, "bedrock": "aws"}.get(definition.provider, definition.provider)
    name = definition.name or definition.model

    def published(given: int, made: int) -> Decimal:
        if (name, provider, definition.base_url) in _unpriced:
            return _FREE
        usage = RequestUsage(input_tokens=given, output_tokens=made)
        response = ModelResponse(
            parts=[], usage=usage, model_name=name, provider_name=provider, provider_url=definition.base_url
        )
        return published_cost(response)

    return published


def published_cost(response: ModelResponse) -> Decimal:
    """From genai-prices; 0 where it knows no price."""
    named = (response.model_name, response.provider_name, response.provider_url)
    if named in _unpriced:
        return _FREE
    try:
        return Decimal(response.cost().total_price)
    except LookupError:
        if len(_unpriced) >= _MOST_REMEMBERED:
            _unpriced.clear()
        _unpriced.add(named)
        return _FREE
    except (ValueError, AssertionError):
        return _FREE
