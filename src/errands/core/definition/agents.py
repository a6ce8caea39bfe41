"""Agents and models as a project declares them, in files beside the tasks (`agent: analyst`, `model: fast`)."""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from errands.core.definition.policies import Budget, Frozen
from errands.core.definition.units import Duration


class Example(Frozen):
    """What an agent was asked once, and how it should have answered."""

    prompt: Annotated[str, Field(min_length=1, max_length=20_000)]
    """What somebody might ask."""
    answer: Annotated[str, Field(min_length=1, max_length=20_000)]
    """What a good answer looks like."""


class AgentDefinition(Frozen):
    """A named AI worker."""

    agent: str
    """Name, unique in the project."""
    description: str | None = None
    """What it is for."""
    model: str | None = None
    """Name of a model of the project. `None`: the server's default model, `embedded` out of the box."""
    instructions: str = ""
    """What its model is told before each prompt."""
    tools: tuple[str, ...] = ()
    """Tools it may use, by name or glob; always cut by the task's grants."""
    approve_tools: tuple[str, ...] = ()
    """Names and globs of tools that it may call only when a person has approved the call."""
    budget: Budget | None = None
    """Bounds on one piece of work."""
    max_turns: Annotated[int, Field(ge=1, le=500)] = 30
    """Model requests in one piece of work."""
    examples: Annotated[tuple[Example, ...], Field(max_length=20)] = ()
    """Shown to the model after the instructions."""


class Price(Frozen):
    """US dollars for one million tokens."""

    input: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    """For a million tokens that are sent."""
    output: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    """For a million tokens that the model gives."""


class Rate(Frozen):
    """How much a model may be asked in a minute, by all workers together. What is over it waits."""

    requests: Annotated[int, Field(ge=1)] | None = None
    """Requests in a minute."""
    tokens: Annotated[int, Field(ge=1)] | None = None
    """Input and output tokens in a minute. One request may be larger; it then has a minute of its own."""


class ModelDefinition(Frozen):
    """A language model behind a provider."""

    model: str
    """Name, unique in the project. `embedded` is built in."""
    provider: Literal["openai", "openai-compatible", "anthropic", "google", "bedrock", "ollama", "embedded"]
    """Who runs the model, or whose protocol its server speaks."""
    name: str | None = None
    """What the provider calls it. `None` only for `embedded`."""
    base_url: str | None = None
    """Required for `openai-compatible`; a default elsewhere."""
    api_key: str | None = None
    """`secret:NAME`."""
    price: Price | None = None
    """`None`: the provider's published price where known, else 0."""
    rate: Rate | None = None
    """Bounds on requests and tokens in a minute. `None`: only the provider's own."""
    fallback: tuple[str, ...] = ()
    """Models tried in order when this one fails after its retries."""
    timeout: Duration = timedelta(minutes=2)
    """For one request."""
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    """Further attempts of one request after 429, 5xx, a network error or a time-out."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """How much answers may vary. `None`: as the provider has it."""
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None
    """Longest answer. `None`: as the provider has it."""


class KnownModel(ModelDefinition):
    """A model as it was found at work: with where it is kept."""

    model_id: str
    of_server: bool = False
    """One of the installation's, whose key is a secret of the installation."""
