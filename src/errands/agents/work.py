"""One piece of work for an agent, everything about it found beforehand."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from errands.agents.attachments import Attachment
from errands.agents.models import Models
from errands.agents.offers import Offer
from errands.agents.ports import ToolBox
from errands.core.definition.agents import AgentDefinition, ModelDefinition
from errands.core.ports import StepContext
from errands.core.values import JsonObject


@dataclass(frozen=True, slots=True)
class Work:
    """What `thinking` is handed."""

    prompt: str
    attachments: Sequence[Attachment]
    output: JsonObject | None
    """JSON Schema of the answer. `None`: text."""
    agent: AgentDefinition
    chain: Sequence[ModelDefinition]
    """The model, then its fallbacks."""
    offers: Sequence[Offer]
    approve_tools: Sequence[str]
    """Names and globs of the tools of which every call must be approved, by the step and by the agent."""
    toolbox: ToolBox
    models: Models
    context: StepContext
    sleep: Callable[[float], Awaitable[None]]
    """Waits between attempts of one model request."""
