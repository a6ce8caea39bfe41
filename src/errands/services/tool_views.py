"""What is told of tools, tool servers, models and agents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from errands.core.values import JsonObject

EffectName = Literal["none", "reads", "changes"]


@dataclass(frozen=True, slots=True)
class ToolView:
    """A tool that tasks of the project can be granted."""

    name: str
    """`http.request`, or `server/tool`."""
    description: str
    effect: EffectName
    """The strongest effect that a call can have."""
    returns_outside_data: bool
    server: str | None
    """The tool server that has it. None: it is built in, or of a package."""
    package: str | None
    """Name and version of the installed package that brings it."""
    input_schema: JsonObject
    output_schema: JsonObject


@dataclass(frozen=True, slots=True)
class ServerToolView:
    """An accepted tool of a tool server."""

    name: str
    """As tasks grant it: `server/tool`."""
    description: str
    effect: EffectName
    effect_from: Literal["server", "person"]
    """Whose word it is: the server's hints, or what was set."""
    read_only: bool | None
    destructive: bool | None
    idempotent: bool | None
    input_schema: JsonObject
    output_schema: JsonObject | None


@dataclass(frozen=True, slots=True)
class ToolChangeView:
    """A tool that is not as it was accepted; it cannot be used until it is."""

    tool: str
    change: Literal["added", "changed", "removed"]
    parts: Sequence[str]
    """Of a changed tool: which parts of its description are others now."""
    before: JsonObject | None
    after: JsonObject | None


@dataclass(frozen=True, slots=True)
class SignInView:
    """A person's sign-in at a tool server (OAuth)."""

    connected: bool
    """Whether there is a token. Without one its tools cannot be called."""
    by: str | None
    """Who has signed in, such as `user:ana`."""
    at: datetime | None
    issuer: str | None
    """Of the authorization server."""
    scope: str | None


@dataclass(frozen=True, slots=True)
class SignInBegun:
    """A sign-in at a tool server that waits for a person."""

    url: str
    """To be opened in a browser: there the person agrees."""
    expires_at: datetime
    comes_back_to: str
    """Where the browser is sent then; a server of ours must listen there."""


@dataclass(frozen=True, slots=True)
class SignInAsked:
    """What a browser has come back for."""

    project: str | None
    """None: the server is the whole installation's."""
    server: str
    issuer: str
    begun_by: str
    begun_here: bool
    """The person who began is signed in in this browser."""


@dataclass(frozen=True, slots=True)
class ToolServerView:
    """A tool server and how it is."""

    name: str
    shared: bool
    """The whole installation's, set up by an administrator."""
    connection: JsonObject
    """How it is reached. Secrets stand in it by name."""
    projects: Sequence[str] | None
    """Of a shared one: the projects that may use it. None: all."""
    enabled: bool
    sign_in: SignInView | None
    """None: it is reached without one."""
    health: Literal["ok", "changed", "problem", "unknown"]
    """`changed`: some of its tools wait for somebody to accept them. `unknown`: nobody has looked yet."""
    problem: str | None
    checked_at: datetime | None
    tools: Sequence[ServerToolView]
    changes: Sequence[ToolChangeView]
    created_by: str
    updated_at: datetime
    digest: str = ""
    """Names how it is reached, by whom, and whether it is on; in quotes it is the ETag."""


@dataclass(frozen=True, slots=True)
class ModelView:
    """A language model that a project may use."""

    name: str
    shared: bool
    """The whole installation's, set up by an administrator."""
    provider: str
    provider_name: str | None
    """What the provider calls it."""
    base_url: str | None
    api_key: str | None
    """`secret:NAME`."""
    fallback: Sequence[str]
    timeout_seconds: float
    """For one request."""
    retries: int
    """Further attempts after 429, 5xx, a network error or a time-out."""
    temperature: float | None
    max_output_tokens: int | None
    requests_per_minute: int | None
    tokens_per_minute: int | None
    usd_per_million_input: Decimal
    usd_per_million_output: Decimal
    price_from: Literal["declared", "published", "unknown"]
    """`published`: by the provider, as known to this release. `unknown`: counted as 0; bound tokens and requests."""
    projects: Sequence[str] | None
    """Of a shared one: the projects that may use it. None: all."""
    least_role: str | None
    """Of a shared one: the least role of whoever stores a task or an agent that names it. None: any editor."""
    source: str
    """The file, as it was set."""
    digest: str
    """Names the file; in quotes it is the ETag."""
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ModelTried:
    """What came of a tiny real request."""

    ok: bool
    said: str | None
    """The model's words."""
    seconds: float
    tokens: int
    usd: Decimal
    problem: str | None
    """What is wrong, in words that say who can mend it."""
    hint: str | None


@dataclass(frozen=True, slots=True)
class AgentUse:
    """A published version that keeps an agent."""

    task: str
    version: int
    current: bool
    """Whether it keeps the agent as it is now. If not: apply the task again, and it takes the new one."""


@dataclass(frozen=True, slots=True)
class AgentView:
    """An agent of a project."""

    name: str
    description: str | None
    model: str | None
    """None: the server's default model."""
    instructions: str
    tools: Sequence[str]
    approve_tools: Sequence[str]
    """Those that a person must approve before each call."""
    max_turns: int
    budget: JsonObject | None
    examples: Sequence[JsonObject]
    source: str
    """The file, as it was applied."""
    digest: str
    """Names the file; in quotes it is the ETag."""
    updated_at: datetime
    used_by: Sequence[AgentUse]
