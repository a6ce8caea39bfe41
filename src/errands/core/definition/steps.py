"""The kinds of steps: a closed union, told apart by `kind`.

A *template* is a JSON value whose strings may hold `{{ expression }}`; a *bare expression* is Python without braces.
"""

from typing import Annotated, Literal

from pydantic import Field

from errands.core.definition.policies import Budget, Cache, Frozen, Retry
from errands.core.definition.units import Duration
from errands.core.values import JsonValue


class StepBase(Frozen):
    """What every kind of step may carry."""

    key: str
    """Address of the step within its block: its `id`, or `kind#n` (n-th unnamed step of that kind in the file)."""
    id: str | None = None
    """Variable that holds the step's output in later expressions."""
    title: str | None = None
    """How lists and the page show it."""
    when: str | None = None
    """Bare expression; unless it is true the step is skipped and its output is None."""
    retry: Retry | None = None
    """Try it again when it fails."""
    timeout: Duration | None = None
    """For one attempt. `None`: only the run's own time limit holds."""
    cache: Cache | None = None
    """Take the output of an earlier run."""
    keep: dict[str, JsonValue] = Field(default_factory=dict)
    """Templates of values for the task's `state`, written atomically with this step's success."""
    on_crash: Literal["repeat", "ask"] = "repeat"
    """An outside effect in flight at a crash: made again with the same effect key, or asked about."""
    on_error: "Literal['fail', 'continue'] | tuple[Step, ...]" = "fail"
    """After the last attempt: end the run, go on with None, or do these steps (their last output is its output)."""


class ToolStep(StepBase):
    """Call one tool; the output is the tool's typed result."""

    kind: Literal["tool"] = "tool"
    tool: str
    """Name of the tool."""
    with_: dict[str, JsonValue] = Field(default_factory=dict, alias="with")
    """Templates of the tool's arguments."""


class AgentStep(StepBase):
    """Let an agent work on a prompt; the output is its text, or JSON that fits `output`."""

    kind: Literal["agent"] = "agent"
    prompt: str
    """Template of what the agent is asked."""
    agent: str | None = None
    """`None`: the task's agent."""
    model: str | None = None
    """`None`: the agent's model."""
    tools: tuple[str, ...] | None = None
    """Tools it may use, within the task's grants. `None`: the agent's own, within the task's grants."""
    output: dict[str, JsonValue] | None = None
    """JSON Schema of the output. `None`: text."""
    approve_tools: tuple[str, ...] = ()
    """Names and globs of tools that it may call only when a person has approved the call."""
    files: tuple[str, ...] = ()
    """Templates of workspace paths that are shown to the model."""
    budget: Budget | None = None
    """What this step may spend."""


class TransformStep(StepBase):
    """Compute in the sandbox; the output is the value of the last expression."""

    kind: Literal["transform"] = "transform"
    python: str
    """Python; the value of its last expression is the output."""


class IfStep(StepBase):
    """Take one of two branches."""

    kind: Literal["if"] = "if"
    condition: str = Field(alias="if")
    """Bare expression."""
    then: "tuple[Step, ...]" = ()
    """Done if it is true."""
    else_: "tuple[Step, ...]" = Field(default=(), alias="else")
    """Done if it is not."""


class SwitchStep(StepBase):
    """Take the branch whose name equals the subject's text."""

    kind: Literal["switch"] = "switch"
    subject: str = Field(alias="switch")
    """Bare expression; its text is compared (`true`, `false`, `null` as in JSON)."""
    cases: "dict[str, tuple[Step, ...]]"
    """Steps by the text that takes them."""
    default: "tuple[Step, ...]" = ()
    """Done where no case fits."""


class ForEachStep(StepBase):
    """Do the same steps for each item; the output lists each round's last output, in the order of the items."""

    kind: Literal["for_each"] = "for_each"
    items: str = Field(alias="for_each")
    """Bare expression that gives a list."""
    as_: str = Field(default="item", alias="as")
    """Name of a variable that holds the round's item, or list of items with `batch`."""
    max_parallel: Annotated[int, Field(ge=1, le=1000)] = 1
    """Rounds at the same time."""
    batch: Annotated[int, Field(ge=1)] | None = None
    """Hand the steps lists of up to this many items instead of single ones."""
    on_item_error: Literal["stop", "continue"] = "stop"
    """`continue`: a failed item's place in the output holds None and the others go on."""
    do: "tuple[Step, ...]"
    """Done for each item."""


class RepeatStep(StepBase):
    """Do the steps again until the condition holds; the output lists each round's last output."""

    kind: Literal["repeat"] = "repeat"
    repeat: "tuple[Step, ...]"
    """Done in each round."""
    as_: str | None = Field(default=None, alias="as")
    """Name of a variable that holds what the round before gave: its last step's output, None in the first round."""
    until: str
    """Bare expression, looked at after each round; sees the outputs of the round's steps."""
    max: Annotated[int, Field(ge=1, le=100_000)]
    """Rounds after which the step fails if `until` still does not hold."""
    delay: Duration | None = None
    """Durable wait between two rounds."""


class ParallelStep(StepBase):
    """Do several branches at once; the output is an object: branch name to the branch's last output."""

    kind: Literal["parallel"] = "parallel"
    parallel: "dict[str, tuple[Step, ...]]"
    """Steps of each branch, by its name."""


class SubtaskStep(StepBase):
    """Run another task of the project; the output is its output (or, unwaited, `{run: id}`)."""

    kind: Literal["run"] = "run"
    task: str = Field(alias="run")
    """Name of the task."""
    with_: dict[str, JsonValue] = Field(default_factory=dict, alias="with")
    """Templates of its arguments."""
    wait: bool = True
    """Whether the step waits for its end."""


class WaitStep(StepBase):
    """Wait for a while or until a moment, holding nothing."""

    kind: Literal["wait"] = "wait"
    duration: str | None = None
    """Template of a duration such as `2h`."""
    until: str | None = None
    """Template of a moment, ISO 8601; without an offset it is UTC."""


class EventStep(StepBase):
    """Wait for an event of the project; the output is its payload."""

    kind: Literal["wait_for"] = "wait_for"
    event: str
    """Template of the event's name."""
    match: str | None = Field(default=None, alias="match")
    """Template of the key that the event must carry (`key:` in the file). `None`: any."""
    expires: Duration | None = None
    """After this long the step fails as timed out (`timeout:` inside `wait_for`). `None`: never."""
    until: str | None = None
    """Template of a moment, ISO 8601, after which it fails as timed out; without an offset it is UTC."""


class Escalation(Frozen):
    """Ask more people when nobody has answered."""

    after: Duration
    """How long the question may wait before."""
    to: tuple[str, ...]
    """Who may answer then too: `user:`, `group:`, `role:`."""


class ApprovalTimeout(Frozen):
    """What happens when nobody answers in time."""

    after: Duration
    """How long the question may wait."""
    choose: str | None = None
    """The choice that is then taken. `None`: the step fails as timed out."""


class ApproveStep(StepBase):
    """Ask people; the output is `{choice, form, by, at}`."""

    kind: Literal["approve"] = "approve"
    question: str
    """Template; Markdown."""
    form: dict[str, JsonValue] | None = None
    """JSON Schema of fields to fill in; `default`s are templates."""
    choices: tuple[str, ...] = ("approve", "reject")
    approvers: tuple[str, ...] = ()
    """`user:ana`, `role:owner`, `group:sales-leads`. Empty: everybody who may operate the project."""
    quorum: Annotated[int, Field(ge=1)] = 1
    """How many people must give the same choice; each person's first answer counts."""
    not_: tuple[str, ...] = Field(default=(), alias="not")
    """Who may not answer: `starter`, `user:...`."""
    remind: Duration | None = None
    escalate: Escalation | None = None
    deadline: ApprovalTimeout | None = None
    """What happens when nobody answers in time (`timeout:` inside `approve`)."""


class NotifyStep(StepBase):
    """Tell people; the output is the delivery report."""

    kind: Literal["notify"] = "notify"
    to: str | tuple[str, ...]
    """`secret:NAME` of a channel's URL, or several."""
    title: str | None = None
    body: str


class FinishStep(StepBase):
    """End the run here."""

    kind: Literal["finish"] = "finish"
    status: Literal["succeeded", "failed"] = "succeeded"
    output: JsonValue = None
    message: str | None = None
    """Template; why it failed."""


Step = Annotated[
    ToolStep
    | AgentStep
    | TransformStep
    | IfStep
    | SwitchStep
    | ForEachStep
    | RepeatStep
    | ParallelStep
    | SubtaskStep
    | WaitStep
    | EventStep
    | ApproveStep
    | NotifyStep
    | FinishStep,
    Field(discriminator="kind"),
]

for _model in StepBase.__subclasses__():
    _model.model_rebuild()


def loop_variable(step: Step) -> str | None:
    """The name that a step gives its inner steps, beside those of steps."""
    return step.as_ if isinstance(step, ForEachStep | RepeatStep) else None


def inner_blocks(step: Step) -> list[tuple[str, tuple[Step, ...]]]:
    """The named blocks directly inside a step, in file order; `on_error` last."""
    blocks: list[tuple[str, tuple[Step, ...]]] = []
    match step:
        case IfStep():
            blocks += [("then", step.then), ("else", step.else_)]
        case SwitchStep():
            blocks += [*step.cases.items(), ("default", step.default)]
        case ForEachStep():
            blocks.append(("do", step.do))
        case RepeatStep():
            blocks.append(("repeat", step.repeat))
        case ParallelStep():
            blocks += step.parallel.items()
        case _:
            pass
    if not isinstance(step.on_error, str):
        blocks.append(("on_error", step.on_error))
    return blocks
