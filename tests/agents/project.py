"""A small project for agents to work in: agents, models and tools held in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from errands.agents import Agents, Models
from errands.core.catalog import ToolSpec
from errands.core.definition.agents import AgentDefinition, ModelDefinition
from errands.core.definition.policies import Grants
from errands.core.outcomes import ErrorKind, Performed, StepFailed
from errands.core.ports import Effect, RunIdentity, StepContext
from errands.core.values import JsonObject

LOOK_UP = ToolSpec(
    "crm/find.account",
    "Look up an account.",
    {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    {},
    Effect.READS,
    returns_outside_data=True,
)
SEND = ToolSpec(
    "mail.send", "Send a mail.", {"type": "object", "properties": {"to": {"type": "string"}}}, {}, Effect.CHANGES
)
FETCH = ToolSpec("http.request", "Fetch.", {"type": "object"}, {}, Effect.READS)
SPECS = {spec.name: spec for spec in (LOOK_UP, SEND, FETCH)}
ALL = Grants(tools=("*",))


@dataclass
class Directory:
    agents: Mapping[str, AgentDefinition] = field(default_factory=dict)
    models: Mapping[str, ModelDefinition] = field(default_factory=dict)

    async def agent(self, run: RunIdentity, name: str) -> AgentDefinition | None:
        return self.agents.get(name)

    async def model(self, project_id: str, name: str) -> ModelDefinition | None:
        return self.models.get(name)


@dataclass
class Tools:
    """Counts what is really done, by effect key."""

    done: list[tuple[str, JsonObject, str]] = field(default_factory=list)
    fail: StepFailed | None = None

    async def specs(self, project_id: str, granted: Sequence[str]) -> Mapping[str, ToolSpec]:
        return SPECS

    async def effect(self, name: str, arguments: JsonObject, project_id: str) -> Effect:
        return SPECS[name].effect

    async def call(self, name: str, arguments: JsonObject, context: StepContext) -> Performed:
        if self.fail is not None:
            raise self.fail
        if name == LOOK_UP.name and not isinstance(arguments.get("name"), str):
            raise StepFailed(ErrorKind.INPUT, f"name: {arguments.get('name')!r} is not a string", hint="give a name")
        self.done.append((name, arguments, context.effect_key))
        return Performed({"tool": name, "given": arguments}, untrusted=SPECS[name].returns_outside_data)


@dataclass
class Waits:
    """Stands in for `asyncio.sleep` and keeps what it was asked to wait."""

    seconds: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def staff(
    models: Models,
    *,
    tools: Tools | None = None,
    agents: tuple[AgentDefinition, ...] = (),
    known: tuple[ModelDefinition, ...] = (),
    waits: Waits | None = None,
) -> Agents:
    """The agents of the project, as bootstrap would make them."""
    directory = Directory({one.agent: one for one in agents}, {one.model: one for one in known})
    return Agents(directory, tools or Tools(), models, sleep=waits or Waits())
