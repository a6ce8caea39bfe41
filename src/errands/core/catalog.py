"""What a definition is checked against: the tools, agents, secrets and tasks that exist around it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from errands.core.definition.agents import AgentDefinition
from errands.core.outcomes import ErrorKind
from errands.core.ports import Effect
from errands.core.values import JsonObject


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a task's author and a model see it."""

    name: str
    description: str
    input_schema: JsonObject
    """JSON Schema, an object."""
    output_schema: JsonObject
    effect: Effect
    """The strongest effect that a call can have."""
    errors: tuple[ErrorKind, ...] = ()
    """Kinds it raises, beyond input and denied."""
    version: str = "1"
    """Changes when its meaning does; part of a cache key."""
    returns_outside_data: bool = False
    """Its output carries the mark of outside data (a fetched page, a document)."""
    package: str | None = None
    """Name and version of the installed package that brings it. None: it comes with Errands, or from a tool server."""


@dataclass(frozen=True, slots=True)
class ToolPackage:
    """An installed package that brings tools, and what became of them."""

    name: str
    version: str
    """Empty: it is not installed here."""
    tools: Sequence[str]
    """Those that are in the catalog; of a package that is not allowed: those that it says it has."""
    problems: Sequence[str] = ()
    """Why others are not there, a sentence for each."""


@dataclass(frozen=True, slots=True)
class TaskSummary:
    """Another task of the project, as far as a sub-task step needs to know it."""

    params_schema: JsonObject
    output_schema: JsonObject = field(default_factory=dict)
    calls: frozenset[str] = frozenset()
    """Names of tasks that it runs as sub-tasks."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything around a definition. `None` means not known here, so it is not checked (a lone file, offline)."""

    tools: Mapping[str, ToolSpec]
    agents: Mapping[str, AgentDefinition] | None = None
    models: frozenset[str] | None = None
    secrets: frozenset[str] | None = None
    channels: frozenset[str] | None = None
    tasks: Mapping[str, TaskSummary] | None = None
    tool_servers: bool = True
    """The tools of the project's tool servers are among `tools`. False: a name such as `crm/find` is not checked."""
