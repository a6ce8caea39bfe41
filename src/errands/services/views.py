"""What services give: frozen values that faces show as they are. Moments are aware and in UTC, durations in seconds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar, get_args

from errands.core.definition.comparing import Difference
from errands.core.outcomes import RunStatus, StepError, StepStatus, Usage
from errands.core.problems import Problem
from errands.core.values import Json, JsonObject

Item = TypeVar("Item")
Level = Literal["debug", "info", "warning", "error"]
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list, newest first."""

    items: tuple[Item, ...]
    next_cursor: str | None
    """Give it back to get the next page. None: this is the last."""


@dataclass(frozen=True, slots=True)
class ProjectView:
    """A project as its members see it."""

    name: str
    title: str | None
    rights: tuple[str, ...]
    """What the caller may do in it, such as `task.run`; a task can narrow that further."""
    remove_at: datetime | None = None
    """When it is removed, if it is deleted."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file with a task, an agent or a model, as its author wrote it."""

    name: str
    """Path for messages, such as `tasks/report.yaml`; nothing is read from it."""
    source: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` did with one file."""

    file: str
    kind: Literal["task", "agent", "model"]
    name: str
    change: Literal["created", "changed", "unchanged"]
    version: int | None
    """Number of the task's version that the file is now; None for agents and models, and in a trial."""
    published: bool
    """Whether new runs take that version."""
    diff: str
    """Unified diff of the sources; empty where nothing changed."""
    problems: tuple[Problem, ...] = ()
    """Warnings; a file with an error is never applied."""


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task as lists and its page show it."""

    id: str
    name: str
    title: str | None
    description: str
    tags: tuple[str, ...]
    published: int | None
    """Number of the version that new runs take. None: none is published."""
    latest: int
    """Number of the newest version."""
    paused_at: datetime | None
    pause_note: str | None
    created_at: datetime
    archived_at: datetime | None = None
    """Since when it starts nothing and is left out of lists. None: it is at work."""
    remove_at: datetime | None = None
    """It was deleted, and is removed with its runs at this moment, unless it is restored before."""


@dataclass(frozen=True, slots=True)
class VersionView:
    """One frozen version of a task."""

    id: str
    number: int
    digest: str
    author: str
    message: str | None
    created_at: datetime
    published: bool


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """What differs between two versions of a task."""

    task: str
    older: int
    newer: int
    differences: tuple[Difference, ...]
    """In the order of the file; empty where they say the same."""


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run was launched, or refused by admission, or had been launched before with this idempotency key."""

    id: str
    status: RunStatus
    reason: str | None
    """Why it is skipped or held back."""
    existing: bool
    """It is the run of an earlier call with the same idempotency key."""


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run as lists show it."""

    id: str
    status: RunStatus
    task: str
    task_title: str | None
    version: int
    trigger: JsonObject
    """`{kind: on_demand | schedule | ..., id?}`"""
    starter: str | None
    reason: str | None
    error: StepError | None
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    usage: Usage


@dataclass(frozen=True, slots=True)
class Timings:
    """Where a run's time went, in seconds, up to its end or now."""

    queued: float
    running: float
    waiting: float


@dataclass(frozen=True, slots=True)
class BelowView:
    """A record below a step: a failed attempt, a model request of an agent, a tool call of an agent."""

    path: str
    kind: Literal["attempt", "turn", "call"]
    status: StepStatus
    input: Json
    output: Json
    error: StepError | None
    usage: Usage
    effect_key: str | None
    started_at: datetime | None
    finished_at: datetime | None
    untrusted: bool = False
    """It carries the mark of data from outside."""
    input_size: int | None = None
    """Bytes of an input that is left out; None where `input` holds it."""
    output_size: int | None = None
    """Bytes of an output that is left out; None where `output` holds it."""


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of a run, as far as it got."""

    path: str
    """Address, such as `each[3].publish`."""
    key: str
    """Last part of the path without the round: the step's id, or `kind#n`."""
    kind: str
    """Kind of step: `tool`, `agent`, `transform`, `if`, ..."""
    title: str | None
    status: StepStatus
    input: Json
    """As rendered: arguments, prompt, condition. Secrets are references or redacted."""
    output: Json
    """Large outputs are left out; see `output_size`."""
    output_size: int | None
    """Bytes of an output that is left out: too large, or you asked for small ones. None: `output` holds it."""
    error: StepError | None
    attempts: int
    usage: Usage
    started_at: datetime | None
    finished_at: datetime | None
    cached: bool
    effect_key: str | None
    depth: int
    """0 for the task's own steps; a step of a loop's or branch's block is one deeper."""
    below: tuple[BelowView, ...] = ()
    """Failed attempts, and an agent's requests and calls, in order."""
    untrusted: bool = False
    """It carries the mark of data from outside: by a name that it used, a condition above it, or its tool."""
    input_size: int | None = None
    """Bytes of an input that is left out; None where `input` holds it."""
    edited: bool = False
    """Its output was written by whoever started the rerun; the step itself was not done."""


@dataclass(frozen=True, slots=True)
class WaitView:
    """What a run waits for."""

    path: str
    kind: Literal["timer", "event", "approval", "child"]
    since: datetime
    due_at: datetime | None
    """When it goes on by itself. None: never."""
    event: str | None = None
    key: str | None = None
    child: str | None = None
    """Id of the sub-task's run."""
    approval: str | None = None
    """Id of the approval."""
    question: str | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArtifactView:
    """A file that a run made."""

    id: str
    path: str
    """The step that made it."""
    name: str
    media_type: str
    size: int
    sha256: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a run's log."""

    id: int
    """Grows with time; give the last one back to read on. 0: told live, before the line has its place in the log."""
    at: datetime
    path: str
    level: Level
    message: str


@dataclass(frozen=True, slots=True)
class RunView:
    """A run with its record."""

    id: str
    status: RunStatus
    project: str
    task: str
    version: int
    trigger: JsonObject
    starter: str | None
    arguments: JsonObject
    reason: str | None
    """Why it was skipped, is held back or was cancelled."""
    output: Json
    output_size: int | None
    """Bytes of an output that is left out; `RunService.output` reads it. None: `output` holds it."""
    error: StepError | None
    usage: Usage
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    timings: Timings
    cancel_requested_at: datetime | None
    cancel_by: str | None
    parent: str | None
    """Id of the run that this is a sub-task of."""
    rerun_of: str | None
    rerun_from: str | None
    untrusted: bool
    """It carries data from outside."""
    steps: tuple[StepView, ...] = ()
    """In the order of the file, rounds of a loop one after the other."""
    waiting: tuple[WaitView, ...] = ()
    artifacts: tuple[ArtifactView, ...] = ()


@dataclass(frozen=True, slots=True)
class TextPart:
    """A part of a recorded value, which is written as JSON."""

    text: str
    offset: int
    """Where the part begins, in bytes of the whole."""
    next_offset: int | None
    """Where the next part begins. None: this is the last."""
    size: int
    """Bytes of the whole."""


@dataclass(frozen=True, slots=True)
class RerunView:
    """What a rerun would do."""

    run: str
    from_step: str | None
    version: int
    kept: tuple[str, ...]
    """Paths whose records are taken over."""
    repeated_effects: tuple[str, ...]
    """Paths that would change the outside a second time, with a new effect key."""


@dataclass(frozen=True, slots=True)
class ApprovalAnswer:
    """What one person answered."""

    person: str
    choice: str
    form: JsonObject
    note: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """A question to people that holds a run."""

    id: str
    run: str
    project: str
    task: str
    task_title: str | None
    path: str
    question: str
    """Markdown."""
    form: JsonObject | None
    """JSON Schema of fields to fill in, defaults rendered."""
    choices: tuple[str, ...]
    subject: JsonObject | None
    """Where Errands itself asks: `kind: tool_call` (tool, arguments, why) or `budget` (whose, used, allowed)."""
    approvers: tuple[str, ...]
    """Whom it asks, such as `user:ana`, `group:sales-leads`, `role:owner`. Empty: everybody who may answer."""
    excluded: tuple[str, ...]
    quorum: int
    """So many people must choose the same."""
    status: Literal["open", "answered", "expired", "withdrawn"]
    choice: str | None
    answers: tuple[ApprovalAnswer, ...]
    created_at: datetime
    due_at: datetime | None
    closed_at: datetime | None
    reminded_at: datetime | None
    reminders: int
    """How often those who are asked were reminded."""
    escalates_at: datetime | None
    """When `escalate_to` is asked too. None: never."""
    escalate_to: tuple[str, ...]
    escalated_at: datetime | None
    """Since when they are."""


@dataclass(frozen=True, slots=True)
class DraftView:
    """An answer that the caller has begun and not given yet."""

    approval: str
    choice: str | None
    form: JsonObject
    note: str | None
    saved_at: datetime


@dataclass(frozen=True, slots=True)
class ApprovalAnswered:
    """What an answer did."""

    approval: str
    closed: bool
    """The quorum is reached and the run goes on. False: others must answer too."""
    choice: str


@dataclass(frozen=True, slots=True)
class SecretView:
    """A secret without its value."""

    name: str
    created_at: datetime
    updated_at: datetime
    last_used_at: datetime | None
    tasks: tuple[str, ...] | None = None
    """Names of the tasks that alone may use it. None: every task of the project that is granted it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One finding of the doctor."""

    name: str
    ok: bool
    detail: str
    hint: str | None = None
    """What to do where it is not ok."""


@dataclass(frozen=True, slots=True)
class RunSnapshot:
    """The run as it was when following began. Always the first event."""

    run: RunView
    kind: Literal["snapshot"] = "snapshot"


@dataclass(frozen=True, slots=True)
class RunChanged:
    """The run's state or what it waits for has changed."""

    status: RunStatus
    waiting: tuple[WaitView, ...]
    kind: Literal["run"] = "run"


@dataclass(frozen=True, slots=True)
class StepChanged:
    """A step began, failed an attempt, waits, or ended."""

    step: StepView
    kind: Literal["step"] = "step"


@dataclass(frozen=True, slots=True)
class TokenShown:
    """Text that a model has just produced. Best effort: seen only in the process that holds the run."""

    path: str
    text: str
    kind: Literal["token"] = "token"


@dataclass(frozen=True, slots=True)
class LineLogged:
    """A line in the run's log."""

    line: LogLine
    kind: Literal["log"] = "log"


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run has ended. Always the last event."""

    run: RunView
    kind: Literal["ended"] = "ended"


RunEvent = RunSnapshot | RunChanged | StepChanged | TokenShown | LineLogged | RunEnded
