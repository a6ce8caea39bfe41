"""Agents at work: finds who is asked, what they may use and spend, and lets them work."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from errands.agents.attachments import Attachment, read_attachment
from errands.agents.loading import keep_loaded
from errands.agents.models import Models
from errands.agents.offers import Offer, names_of, offer
from errands.agents.ports import Directory, ToolBox
from errands.agents.talks import Talks
from errands.agents.work import Work
from errands.core.definition.agents import AgentDefinition, ModelDefinition, Price
from errands.core.outcomes import ErrorKind, Performed, StepFailed
from errands.core.ports import AgentCall, Effect, StepContext
from errands.core.values import digest

if TYPE_CHECKING:
    from errands.agents.thinking.probing import Probed

Converse = Callable[[Work], Awaitable[Performed]]

_VERSION = "1"
"""Changes when what an agent does with the same call does."""


@dataclass(frozen=True, slots=True)
class AgentDefaults:
    """What counts where neither the step nor the agent says otherwise."""

    model: str = "embedded"
    """Name of a model."""
    max_turns: int = 30
    """Model requests in one piece of work of a step that names no agent."""


class Agents:
    """Does agent steps. One for each process."""

    def __init__(
        self,
        directory: Directory,
        tools: ToolBox,
        models: Models,
        defaults: AgentDefaults = AgentDefaults(),
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._directory = directory
        self._tools = tools
        self._models = models
        self._defaults = defaults
        self._sleep = sleep
        self._converse: Converse | None = None
        """Loaded when the first agent works: the library takes a while."""

    def effect(self, call: AgentCall) -> Effect:
        """An agent as such only reads; each of its tool calls has an effect, an intent and a record of its own."""
        return Effect.READS

    def version(self, call: AgentCall) -> str:
        """For a cache key. Says nothing about the definitions of agent and model: they are found by name at work."""
        return _VERSION

    async def work(self, call: AgentCall, context: StepContext) -> Performed:
        """Let an agent answer the prompt.

        The output is text, or JSON that fits `call.output`. Usage is zero: the records below the step carry it.
        Raises StepFailed; stops at once when it is cancelled.
        """
        agent = await self._agent(call, context)
        chain = await self._chain(call.model or agent.model or self._defaults.model, context)
        offers = await self._offers(call, agent, chain[0], context)
        attachments = [await self._attachment(place, name, context) for place, name in enumerate(call.files)]
        context.bound(f"agent {agent.agent}", [budget for budget in (call.budget, agent.budget) if budget is not None])
        work = Work(
            prompt=call.prompt,
            attachments=attachments,
            output=call.output,
            agent=agent,
            chain=chain,
            offers=offers,
            approve_tools=(*call.approve_tools, *agent.approve_tools),
            toolbox=self._tools,
            models=self._models,
            context=context,
            sleep=self._sleep,
        )
        if self._converse is None:
            self._converse = await asyncio.to_thread(_load_conversation)
        return await self._converse(work)

    def talks(self) -> Talks:
        """The same agents and models, for the chat."""
        return Talks(self._directory, self._models, self._defaults.model)

    async def probe(self, definition: ModelDefinition, context: StepContext) -> "Probed":
        """A tiny real request to a model. Raises StepFailed that says what is wrong with it."""
        probing = await asyncio.to_thread(_load_probing)
        probed: Probed = await probing.probe(self._models, definition, context)
        return probed

    async def prices(self, definitions: Sequence[ModelDefinition]) -> list[Price]:
        """What models cost: as declared, else as published, else nothing."""
        probing = await asyncio.to_thread(_load_probing)
        return [probing.effective_price(one) for one in definitions]

    async def aclose(self) -> None:
        """Close connections and stop the embedded model."""
        await self._models.aclose()

    async def _agent(self, call: AgentCall, context: StepContext) -> AgentDefinition:
        if call.agent is None:
            return AgentDefinition(agent="agent", max_turns=self._defaults.max_turns)
        agent = await self._directory.agent(context.run, call.agent)
        if agent is None:
            raise StepFailed(
                ErrorKind.NOT_FOUND,
                f"the project {context.run.project} has no agent {call.agent!r}",
                hint="declare it in a file with `agent: NAME` and apply it, or correct the step's `agent:`",
            )
        return agent

    async def _chain(self, name: str, context: StepContext) -> list[ModelDefinition]:
        """The model and its fallbacks. A fallback's own fallbacks do not count."""
        first = await self._model(name, context)
        others = [other for other in first.fallback if other != name]
        return [first, *[await self._model(other, context) for other in dict.fromkeys(others)]]

    async def _model(self, name: str, context: StepContext) -> ModelDefinition:
        found = await self._directory.model(context.run.project_id, name) or self._models.builtin(name)
        if found is None:
            raise StepFailed(
                ErrorKind.NOT_FOUND,
                f"the project {context.run.project} has no model {name!r}",
                hint="declare it in a file with `model: NAME` and apply it; `embedded` is built in",
            )
        return found

    async def _offers(
        self, call: AgentCall, agent: AgentDefinition, model: ModelDefinition, context: StepContext
    ) -> list[Offer]:
        wanted = agent.tools if call.tools is None else call.tools
        granted = names_of(context.grants)
        specs = await self._tools.specs(context.run.project_id, granted)
        offers = offer(wanted, granted, specs, asked_by_step=call.tools is not None)
        if offers and model.provider == "embedded":
            names = ", ".join(one.spec.name for one in offers)
            context.log(
                f"the embedded model calls no tools, so agent {agent.agent} works without {names}; "
                "choose another model for work that needs tools",
                level="warning",
            )
            return []
        return offers

    async def _attachment(self, place: int, name: str, context: StepContext) -> Attachment:
        """A file as it was when the agent first saw it: journaled, since the agent's own tools may change it.

        Files are documents, so what the agent makes of them carries the mark of data from outside.
        """

        async def perform(_effect_key: str) -> Performed:
            found = await asyncio.to_thread(read_attachment, context.workspace(), name)
            return Performed(found.as_json(), untrusted=True)

        recorded = await context.once(
            f"file[{place}]", kind="call", digest=digest(["file", name]), perform=perform, request={"file": name}
        )
        return Attachment.from_json(recorded.output)


def _load_probing() -> ModuleType:
    from errands.agents.thinking import probing

    keep_loaded()
    return probing


def _load_conversation() -> Converse:
    from errands.agents.thinking.conversation import converse

    keep_loaded()
    return converse
