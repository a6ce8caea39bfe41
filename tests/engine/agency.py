"""Agents at work inside the engine's bench: a scripted model, and the bench's own tools."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from errands.agents import Agents, Models
from errands.agents.scripted import Script
from errands.core.catalog import ToolSpec
from errands.core.definition.agents import AgentDefinition, ModelDefinition
from errands.core.outcomes import ErrorKind, Performed, StepFailed
from errands.core.ports import AgentCall, Effect, LeafCall, RunIdentity, StepContext, ToolCall
from errands.core.values import JsonObject
from tests.engine.workbench import ScriptedTools


@dataclass
class Staff:
    """The project's agents and models."""

    agents: Mapping[str, AgentDefinition] = field(default_factory=dict)

    async def agent(self, run: RunIdentity, name: str) -> AgentDefinition | None:
        return self.agents.get(name)

    async def model(self, project_id: str, name: str) -> ModelDefinition | None:
        return None


class Agency(ScriptedTools):
    """The bench's tools, and agents that may call them."""

    def __init__(self, script: Script, agents: Mapping[str, AgentDefinition] | None = None) -> None:
        super().__init__()
        self.script = script
        self._agents = Agents(Staff(agents or {}), self, Models(extra={"scripted": script}))

    async def specs(self, project_id: str, granted: Sequence[str]) -> Mapping[str, ToolSpec]:
        """Every tool of the bench."""
        return {name: self._spec(name) for name in self.tools}

    def _spec(self, name: str) -> ToolSpec:
        changes = Effect.CHANGES if name.startswith("change.") else Effect.READS
        outside = name.startswith("outside.")
        return ToolSpec(name, "A tool.", {"type": "object"}, {}, changes, returns_outside_data=outside)

    async def effect(self, call: LeafCall | str, run: RunIdentity | JsonObject, project_id: str = "") -> Effect:
        if isinstance(call, str):
            return self._spec(call).effect
        assert isinstance(run, RunIdentity)
        return await super().effect(call, run)

    async def call(self, name: str, arguments: JsonObject, context: StepContext) -> Performed:
        """Do a call of an agent's."""
        if name not in self.tools:
            raise StepFailed(ErrorKind.NOT_FOUND, f"there is no tool {name}")
        return await super().perform(ToolCall(name, arguments), context)

    async def perform(self, call: LeafCall, context: StepContext) -> Performed:
        if isinstance(call, AgentCall):
            return await self._agents.work(call, context)
        return await super().perform(call, context)
