"""Tool servers (MCP): how they are reached, the tools that were accepted of them, and what those do to the outside.

A server's tools carry its name: `crm/find_account`. Nothing that a server says of itself is believed further than a
person has accepted it: a tool whose description or schema is another now is refused until somebody looks at it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from errands.core.catalog import ToolSpec
from errands.core.definition.policies import Frozen
from errands.core.definition.units import Duration, Size
from errands.core.outcomes import ErrorKind
from errands.core.ports import Effect
from errands.core.values import JsonObject, JsonValue, digest

MIB = 2**20
SERVER_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
SECRET_REFERENCE = re.compile(r"secret:([A-Za-z_][A-Za-z0-9_.-]*)")
OAUTH_TOKEN = "oauth:token"
"""Stands for the token of a sign-in among the secrets of a connection; no secret can have such a name."""
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_ERRORS = (ErrorKind.NETWORK, ErrorKind.TIMEOUT, ErrorKind.CRASH, ErrorKind.TOOL, ErrorKind.LIMIT)
_PLAIN_OUTPUT: JsonObject = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "content": {"type": "array", "items": {"type": "object"}}},
    "required": ["text", "content"],
}
"""What a tool gives that declares no output of its own: its texts joined, and all of its parts."""


class Bounds(Frozen):
    """What one call may take, whatever the transport."""

    timeout: Duration = timedelta(seconds=60)
    """For one call. A step's own `timeout:` may be shorter."""
    start_timeout: Duration = timedelta(seconds=30)
    """For a new session: starting the program, or reaching the address, and its greeting."""
    max_answer: Annotated[Size, Field(ge=1024, le=256 * MIB)] = 8 * MIB
    """Largest message that is taken from the server."""
    idle: Duration = timedelta(minutes=5)
    """A session that nobody uses is ended after this long."""


class ProgramConnection(Bounds):
    """A program on this machine, spoken to over its standard input and output. For administrators to add."""

    kind: Literal["program"] = "program"
    command: Annotated[str, Field(min_length=1, max_length=1000)]
    args: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    env: dict[str, str] = Field(default_factory=dict)
    """Variables beside PATH, LANG and HOME; a value may be `secret:NAME`."""
    folder: str | None = None
    """Where it is started. None: an empty folder that is removed afterwards, its HOME too."""
    memory: Annotated[Size, Field(ge=16 * MIB)] = 1024 * MIB
    """Bytes of data that each of its processes may hold."""
    cpu: Duration = timedelta(minutes=10)
    """Processor time of one session; then it is killed, and the next call starts a new one."""


class OAuth(Frozen):
    """A person signs in where the tool server says, and we use the token that comes of it."""

    scope: Annotated[str | None, Field(max_length=1000, pattern=r"^[\x21\x23-\x5b\x5d-\x7e ]+$")] = None
    """What is asked for, separated by spaces. None: what the tool server names."""
    client_id: Annotated[str | None, Field(min_length=1, max_length=500)] = None
    """What we are known by there. None: we register (RFC 7591)."""
    client_secret: str | None = None
    """`secret:NAME`, for a `client_id` that has one."""

    @model_validator(mode="after")
    def _whole_client(self) -> "OAuth":
        if self.client_secret is not None:
            if self.client_id is None:
                raise ValueError("client_secret needs its client_id")
            _check_reference(self.client_secret)
        return self


class HttpConnection(Bounds):
    """A server at an address, spoken to over streamable HTTP, within the hosts policy."""

    kind: Literal["http"] = "http"
    url: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^https?://")]
    bearer: str | None = None
    """`secret:NAME`: sent as `Authorization: Bearer ...`."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Further headers; a value may be `secret:NAME`."""
    oauth: OAuth | None = None
    """In place of `bearer`: sent as it, once a person has signed in."""

    @model_validator(mode="after")
    def _one_token(self) -> "HttpConnection":
        if self.oauth is not None and (self.bearer is not None or _names_token(self.headers)):
            raise ValueError("oauth brings the token; leave out bearer and the header Authorization")
        return self

    @field_validator("bearer")
    @classmethod
    def _reference(cls, value: str | None) -> str | None:
        if value is not None:
            _check_reference(value)
        return value

    @field_validator("headers")
    @classmethod
    def _sound_headers(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if not _HEADER.fullmatch(name) or not text.isprintable():
                raise ValueError(f"{name[:100]!r} is no header that can be sent")
        return value


def _check_reference(value: str) -> None:
    if not SECRET_REFERENCE.fullmatch(value):
        raise ValueError("must be a reference to a secret, such as secret:CRM_TOKEN")


def _names_token(headers: Mapping[str, str]) -> bool:
    return any(name.lower() == "authorization" for name in headers)


Connection = Annotated[ProgramConnection | HttpConnection, Field(discriminator="kind")]


class RemoteTool(Frozen):
    """A tool as its server describes it."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    """Without the server's name."""
    description: str = ""
    input_schema: dict[str, JsonValue]
    output_schema: dict[str, JsonValue] | None = None
    read_only: bool | None = None
    destructive: bool | None = None
    idempotent: bool | None = None
    """The server's hints on what a call does; None: it does not say."""

    @property
    def mark(self) -> str:
        """Changes when anything does that a caller or a model relies on."""
        return digest(self.model_dump(mode="json"))

    @property
    def hinted_effect(self) -> Effect:
        """What the server's hints amount to. Whoever says nothing is taken to change the outside."""
        return Effect.READS if self.read_only else Effect.CHANGES


@dataclass(frozen=True, slots=True)
class ToolServer:
    """A tool server as calls need it."""

    id: str
    name: str
    revision: int
    """Changes with everything that is set; sessions of an earlier one are not used any more."""
    connection: ProgramConnection | HttpConnection
    of_server: bool
    """The whole installation's, not one project's: its secrets are the installation's too."""
    tools: Mapping[str, RemoteTool] = field(default_factory=dict)
    """Those that were accepted, by name."""
    effects: Mapping[str, Effect] = field(default_factory=dict)
    """What a person has said that a tool does, in place of the server's hints."""

    def effect(self, tool: str) -> Effect:
        """What a call of the tool does to the outside."""
        known = self.tools.get(tool)
        return self.effects.get(tool) or (known.hinted_effect if known is not None else Effect.CHANGES)

    def specs(self) -> dict[str, ToolSpec]:
        """Its accepted tools as authors and models see them, by `server/tool`."""
        return {f"{self.name}/{tool.name}": self.spec(tool) for tool in self.tools.values()}

    def spec(self, tool: RemoteTool) -> ToolSpec:
        """One of its tools. What it gives is data from outside."""
        return ToolSpec(
            name=f"{self.name}/{tool.name}",
            description=tool.description,
            input_schema=tool.input_schema,
            output_schema=_PLAIN_OUTPUT if tool.output_schema is None else tool.output_schema,
            effect=self.effect(tool.name),
            errors=_ERRORS,
            version=tool.mark,
            returns_outside_data=True,
        )


@dataclass(frozen=True, slots=True)
class ToolChange:
    """A difference between what was accepted of a server and what it says now."""

    tool: str
    change: Literal["added", "changed", "removed"]
    parts: tuple[str, ...] = ()
    """Of a changed tool: which parts of its description are others now."""


def changes(accepted: Mapping[str, RemoteTool], found: Mapping[str, RemoteTool]) -> list[ToolChange]:
    """What a person has to look at, by name."""
    told = []
    for name in sorted({*accepted, *found}):
        before, after = accepted.get(name), found.get(name)
        if before is None:
            told.append(ToolChange(name, "added"))
        elif after is None:
            told.append(ToolChange(name, "removed"))
        elif before.mark != after.mark:
            parts = tuple(part for part in RemoteTool.model_fields if getattr(before, part) != getattr(after, part))
            told.append(ToolChange(name, "changed", parts))
    return told


def split_name(tool: str) -> tuple[str, str] | None:
    """Server and tool of `crm/find_account`; None for a built-in tool's name."""
    server, slash, name = tool.partition("/")
    return (server, name) if slash else None


def may_mean_servers(patterns: Sequence[str]) -> bool:
    """Whether names or globs of tools can cover a tool of some server."""
    return any("/" in pattern or any(sign in pattern for sign in "*?[") for pattern in patterns)


def secrets_of(connection: ProgramConnection | HttpConnection) -> list[str]:
    """Names of the secrets that calls over a connection need."""
    match connection:
        case ProgramConnection():
            values = list(connection.env.values())
        case HttpConnection():
            values = [*connection.headers.values(), connection.bearer or ""]
    found = (SECRET_REFERENCE.fullmatch(value) for value in values)
    return sorted({match[1] for match in found if match})


SignInPart = Literal["access", "grant", "pending"]
"""The token that is sent; with what it is renewed; a sign-in that was begun."""


def sign_in_secret(server_id: str, part: SignInPart) -> str:
    """Under which name the vault keeps a part of a sign-in; no person can set or list a secret of such a name."""
    return f"tool-server:{server_id}:{part}"
