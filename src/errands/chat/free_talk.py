"""Free talk: finds who answers, and lets a model answer. What asks it is loaded by the first talk."""

import asyncio
from pathlib import Path
from types import ModuleType

from errands.agents.offers import Offer, offer
from errands.agents.talks import Talks
from errands.chat.calls import Calls, secret_of
from errands.chat.instructions import SMALL_MODEL
from errands.chat.ports import Outcome, Talk
from errands.chat.stream import Stream, text_chunks
from errands.core.definition.agents import AgentDefinition, ModelDefinition
from errands.core.outcomes import StepFailed
from errands.core.ports import Vault


class FreeTalk:
    """The chat's `Talker`."""

    def __init__(self, talks: Talks, vault: Vault, folders: Path, memory: int) -> None:
        """`folders`: where threads have the folder that their tools work in; `memory`: bytes for a child process."""
        self._talks = talks
        self._vault = vault
        self._folders = folders
        self._memory = memory

    async def talk(self, talk: Talk, stream: Stream, outcome: Outcome) -> None:
        """Write the answer to the stream. Raises StepFailed where no model can."""
        desk = talk.desk
        agent = None
        if talk.agent is not None:
            agent = await self._talks.agent(desk.project, desk.project_id, talk.agent)
        chain = await self._talks.chain(desk.project_id, agent.model if agent is not None else None)
        if chain[0].provider == "embedded":
            await self._talk_small(talk, agent, chain, stream, outcome)
            return
        await self._converse(talk, agent, chain, stream, outcome)

    async def _talk_small(
        self,
        talk: Talk,
        agent: AgentDefinition | None,
        chain: list[ModelDefinition],
        stream: Stream,
        outcome: Outcome,
    ) -> None:
        """First what a larger model would add, then what the small one has to say, if it is there."""
        for chunk in text_chunks("small-model", SMALL_MODEL):
            stream.put(chunk)
        try:
            await self._converse(talk, agent, chain, stream, outcome)
        except StepFailed as failure:
            for chunk in text_chunks("no-model", f"{failure.error.message}; {failure.error.hint or 'use /help'}."):
                stream.put(chunk)

    async def _converse(
        self,
        talk: Talk,
        agent: AgentDefinition | None,
        chain: list[ModelDefinition],
        stream: Stream,
        outcome: Outcome,
    ) -> None:
        desk = talk.desk
        calls = Calls(desk, self._vault, self._folders / desk.thread, self._memory)
        secret = secret_of(self._vault, desk.project_id)
        module = await asyncio.to_thread(_load)
        conversation = module.Conversation(
            talk=talk,
            agent=agent,
            chain=chain,
            models=[await self._talks.open(one, secret) for one in chain],
            offers=[] if chain[0].provider == "embedded" else await self._offers(talk, calls, agent),
            calls=calls,
            files=[await desk.services.attachments.show(desk.caller, name) for name in talk.attachments],
        )
        await module.converse(conversation, stream, outcome)

    async def _offers(self, talk: Talk, calls: Calls, agent: AgentDefinition | None) -> list[Offer]:
        """The project's tools, where the person may let them work; an agent's own list cuts them."""
        if not calls.allowed():
            return []
        wanted = agent.tools if agent is not None else ("*",)
        specs = await talk.desk.tools.specs(talk.desk.project_id, wanted)
        return offer(wanted, ("*",), specs, asked_by_step=False)


def _load() -> ModuleType:
    from errands.chat.talking import conversing

    return conversing
