"""What the engine hands to a leaf step, and what it is handed: the seams between the rooms.

The engine knows no tool and no model. `bootstrap` hands it a `Performer` (leaf steps) and an `Evaluator`
(expressions); the engine hands each leaf step a `StepContext`, the step's only way to secrets, files,
budgets and the journal.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol

from errands.core.definition.policies import Budget, Grants
from errands.core.outcomes import Performed, StepError, Usage
from errands.core.values import Json, JsonObject


class Effect(StrEnum):
    """What a call does to the world outside the run."""

    NONE = "none"
    """Nothing outside the run's own workspace and log."""
    READS = "reads"
    """Reads outside data; doing it twice is harmless."""
    CHANGES = "changes"
    """Changes the outside: an intent is journaled before it, and it carries an effect key."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool, arguments rendered; `secret:NAME` references are still references."""

    tool: str
    arguments: JsonObject
    kind: Literal["tool"] = "tool"


@dataclass(frozen=True, slots=True)
class AgentCall:
    """One piece of work for an agent, prompt rendered."""

    prompt: str
    agent: str | None = None
    model: str | None = None
    tools: tuple[str, ...] | None = None
    output: JsonObject | None = None
    """JSON Schema of the answer. `None`: text."""
    files: tuple[str, ...] = ()
    budget: Budget | None = None
    approve_tools: tuple[str, ...] = ()
    """Names and globs of tools of which every call must be approved."""
    kind: Literal["agent"] = "agent"


LeafCall = ToolCall | AgentCall


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """Which run a step belongs to."""

    run_id: str
    """`run_` and a UUIDv7."""
    task: str
    project: str
    project_id: str
    version: int
    started_at: datetime
    """`now` of the run: aware, UTC."""
    starter: str | None = None
    """Principal that started it, such as `user:ana`."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A journaled record below a step: what a model answered, what a tool gave."""

    output: Json
    usage: Usage = field(default_factory=Usage)
    replayed: bool = False
    """Taken from the journal; nothing was performed."""
    untrusted: bool = False
    """It carries the mark of data from outside."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A call that a person must approve before it is made."""

    tool: str
    arguments: JsonObject
    why: tuple[str, ...]
    """Reasons, in words."""
    refused: Callable[[StepError], Performed]
    """What is recorded in place of the call where it was refused."""


Reserve = Callable[[Usage | None], Usage]
"""The most that a call may use, given what the tightest budgets leave (`None`: there is no budget)."""


def reserve_nothing(left: Usage | None) -> Usage:
    """Of a call that no budget counts."""
    return Usage()


class Once(Protocol):
    """Perform something at most once in the record. See `StepContext.once`."""

    async def __call__(
        self,
        suffix: str,
        *,
        kind: Literal["turn", "call"],
        digest: str,
        perform: Callable[[str], Awaitable[Performed]],
        request: Json = None,
        effect: Effect = Effect.READS,
        reserve: Reserve = reserve_nothing,
        gate: Gate | None = None,
    ) -> Recorded: ...


class StepContext(Protocol):
    """A leaf step's way to everything outside itself."""

    @property
    def run(self) -> RunIdentity: ...

    @property
    def path(self) -> str:
        """The step's address, such as `notes[3].note`."""
        ...

    @property
    def attempt(self) -> int:
        """1 for the first try."""
        ...

    @property
    def effect_key(self) -> str:
        """Stable idempotency key of this step's effect: the same on every attempt and after a crash."""
        ...

    @property
    def untrusted(self) -> bool:
        """Whether the step carries the mark of data from outside: by what it was handed, a condition above it, or a
        record below it."""
        ...

    @property
    def touched_files(self) -> bool:
        """Whether anything has asked for the workspace so far."""
        ...

    @property
    def grants(self) -> Grants: ...

    @property
    def memory_limit(self) -> int:
        """Bytes that a child process of this step may use."""
        ...

    def workspace(self) -> Path:
        """The run's own folder, made on first use, removed at the run's end."""
        ...

    async def secret(self, name: str) -> str:
        """The secret's value. From now on the value is redacted from everything the run records.

        Raises StepFailed (denied) where the task was not granted it, (secret) where it is missing.
        """
        ...

    async def credential(self, name: str, *, of_server: bool = False) -> str:
        """A secret that the project's own configuration needs, such as a model's key: no grant of the task's.

        `of_server`: one of the installation's, for what administrators have set up for several projects.
        Redacted like any other. Raises StepFailed (secret) where it is missing.
        """
        ...

    @property
    def once(self) -> Once:
        """`await once(suffix, ...)`: the record at `path/suffix`, performed only if it is not in the journal.

        `perform` gets the effect key of this record. `digest` names the request; a recorded digest that differs
        stops the step with a clear error (the replay has diverged). `request` is kept as the record's input.
        With `effect=changes` an intent is recorded first. `reserve` says what the call may use at most, given what the
        budgets leave; real usage is settled after it. A call that would cross a budget waits until people have raised
        it, and is sized anew; it raises StepFailed (budget) where the budget does not ask. With a `gate` a person is
        asked first, and the run waits; where they refuse, nothing is performed and `gate.refused` is recorded.
        """
        ...

    def bound(self, who: str, budgets: Sequence[Budget]) -> None:
        """Hold what `once` spends to these budgets too, what the step has spent before included.

        `who` is for messages.
        """
        ...

    def remaining(self) -> Usage | None:
        """What the tightest budgets still allow, unbounded parts being very large. `None`: no budget."""
        ...

    def log(self, message: str, *, level: Literal["debug", "info", "warning", "error"] = "info") -> None:
        """A line in the run's log, best effort, redacted."""
        ...

    def token(self, text: str) -> None:
        """Text that a model has just produced, shown to whoever follows the run; best effort, not recorded."""
        ...

    def artifact(self, path: Path, *, name: str, media_type: str) -> Awaitable[JsonObject]:
        """Keep a workspace file beyond the run; gives `{artifact, name, size, media_type, sha256}`."""
        ...


class Performer(Protocol):
    """Does leaf steps. Made by `bootstrap` from the tool catalog and the agents."""

    async def effect(self, call: LeafCall, run: RunIdentity) -> Effect:
        """What the call would do to the outside. Touches nothing; tools of tool servers are looked up."""
        ...

    async def outside(self, call: LeafCall, run: RunIdentity) -> bool:
        """Whether what comes of the call is data from outside. As `effect` otherwise."""
        ...

    async def version(self, call: LeafCall, run: RunIdentity) -> str:
        """Version of the tool or agent, part of a cache key. As `effect` otherwise."""
        ...

    async def perform(self, call: LeafCall, context: StepContext) -> Performed:
        """Do it. Raises StepFailed; on cancellation stops at once and leaves no child process behind."""
        ...


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """Bounds on one evaluation."""

    seconds: float = 1.0
    memory_bytes: int = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Expressions to compute together, or one transform."""

    expressions: Sequence[str]
    """Sources. With `program` there is one: statements whose last expression is the value."""
    names: Mapping[str, Json]
    """Only the names that are used. `now` and `clock` are put in from `now` and `clock_now`."""
    now: datetime
    """The frozen clock: the run's start."""
    clock_now: datetime | None = None
    """`clock.now`; `None` where no expression uses it."""
    program: bool = False
    limits: SandboxLimits = SandboxLimits()
    printed: Callable[[str], None] | None = None
    """Is handed what was printed, once and at the end, also where it fails; not called where nothing was.
    None: what is printed is for nobody."""


class Evaluator(Protocol):
    """Computes expressions in the sandbox."""

    async def __call__(self, evaluation: Evaluation) -> list[Json]:
        """The values, in order. Raises StepFailed (expression or limit) that names source, line and column."""
        ...


class Vault(Protocol):
    """Finds secrets. Made by `services` over the encrypted store."""

    async def reveal(self, project_id: str | None, names: Sequence[str], task: str | None = None) -> Mapping[str, str]:
        """Values of the named secrets that exist and that the task may use; None: what every task may use.

        Without a project, of the installation's own.

        Raises StepFailed (secret) for one that cannot be decrypted.
        """
        ...
