"""The small rules that a task and its steps carry: retry, cache, budget, limits, grants."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator

from errands.core.definition.units import Duration, Size
from errands.core.outcomes import ErrorKind
from errands.core.values import JsonValue


class Frozen(BaseModel):
    """Base of every part of a definition: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=False)


class Retry(Frozen):
    """Try a failed step again."""

    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """How often the step is tried in all, the first attempt included."""
    backoff: Literal["exponential", "linear", "constant"] = "exponential"
    """How the delay grows: doubled each time, by `initial` each time, or not at all."""
    initial: Duration = timedelta(seconds=1)
    """Delay before the second attempt."""
    max: Duration = timedelta(minutes=5)
    """No delay is longer than this, except one that the other side asked for (Retry-After)."""
    on: tuple[ErrorKind, ...] | None = None
    """Which errors are tried again; `None`: network, timeout, rate_limited, unavailable, model, crash."""


class Cache(Frozen):
    """Take an earlier output instead of doing the step again."""

    ttl: Duration
    """How long an output may be taken."""
    key: str | None = None
    """Template of the key; `None`: tool, arguments and version."""


class BudgetAmounts(Frozen):
    """Upper bounds on spending; `None` means no bound of this kind."""

    usd: Annotated[Decimal, Field(ge=0)] | None = None
    """US dollars for model requests."""
    tokens: Annotated[int, Field(ge=0)] | None = None
    """Input and output tokens together."""
    requests: Annotated[int, Field(ge=0)] | None = None
    """Model requests."""
    tool_calls: Annotated[int, Field(ge=0)] | None = None
    """Tool calls that agents make."""


class Budget(BudgetAmounts):
    """What one run (or one step) may spend."""

    per_day: BudgetAmounts | None = None
    """What all runs of the task may spend in one calendar day."""
    timezone: str | None = None
    """Zone whose midnight ends that day. `None`: the server's."""
    on_exceeded: Literal["ask", "fail"] = "ask"
    """What happens at a call that would cross the budget: the run waits and people are asked, or the step fails."""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        if name is not None and name not in available_timezones():
            raise ValueError(f"{name!r} is not a known timezone; use an IANA name such as Europe/Berlin, or UTC")
        return name


Overlap = Literal["skip", "queue_one", "queue_all", "cancel_running", "allow"]


class Limits(Frozen):
    """Bounds on a run, and on how many run at once."""

    timeout: Duration | None = None
    """Running time of a run; waiting does not count. `None`: the server's default."""
    memory: Size | None = None
    """Bytes that a transform or child process of the run may use. `None`: the server's default."""
    max_concurrent: Annotated[int, Field(ge=1)] | None = None
    """Runs of this task (and key) that may run at once; a waiting run does not count. `None`: no bound."""
    key: str | None = None
    """Template; runs with different keys do not hold each other up."""
    overlap: Overlap | None = None
    """What a new run does while another of the same key is active. `None`: `skip` for schedules, else `allow`."""
    keep_runs: Annotated[Duration, Field(ge=timedelta(0))] | None = None
    """How long an ended run stays, with its record and files. `None`: as the server is set."""


class ToolGrant(Frozen):
    """Permission to call one tool, with bounds on its arguments."""

    name: str
    """Tool name or glob, such as `crm/*`."""
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    """For each named argument a JSON Schema, or a list of globs of which each text in it must fit one; a call whose
    argument does not fit is denied."""
    approve: bool = False
    """A person must approve each call before it is made."""


def bound_schema(bound: JsonValue) -> JsonValue:
    """The JSON Schema of one entry of `ToolGrant.arguments`: itself, or that of texts which fit one of its globs."""
    if not isinstance(bound, list):
        return bound
    pattern = "|".join(f"^(?:{_pattern(str(glob))})$" for glob in bound) or "(?!)"
    text: dict[str, JsonValue] = {"type": ["string", "null"], "pattern": pattern}
    return {"if": {"type": "array"}, "then": {"type": "array", "items": text}, "else": text}


def _pattern(glob: str) -> str:
    """A glob as a regular expression that JSON Schema knows: `*` and `?` stay within a line."""
    return "".join({"*": ".*", "?": "."}.get(sign) or re.escape(sign) for sign in glob)


class Grants(Frozen):
    """Everything that the task can reach. Default: nothing."""

    tools: tuple[str | ToolGrant, ...] = ()
    """Tools by name or glob."""
    secrets: tuple[str, ...] = ()
    """Names of secrets that its tool calls may use."""
    hosts: tuple[str, ...] = ()
    """Hosts that it may reach: `api.example.com`, `*.example.com`, `localhost:8080`."""
    folders: tuple[str, ...] = ()
    """Folders outside the workspace that `files.*` may use: `/data/in` (read) or `/data/out:write`."""
    untrusted: tuple[str, ...] = ()
    """Tools that may change the outside although the run carries data from outside."""
