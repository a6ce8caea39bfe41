"""A whole task: params, grants, limits, steps, triggers, tests."""

from typing import Literal

from pydantic import Field

from errands.core.definition.alarms import AlarmRules
from errands.core.definition.policies import Budget, Frozen, Grants, Limits
from errands.core.definition.steps import Step
from errands.core.definition.triggers import Trigger
from errands.core.values import JsonValue


class ToolSource(Frozen):
    """A value drawn from a tool call when the run starts."""

    kind: Literal["tool"] = "tool"
    tool: str
    with_: dict[str, JsonValue] = Field(default_factory=dict, alias="with")
    value: str = "result"
    """Bare expression over `result`, the tool's output."""


class LastRunSource(Frozen):
    """A value drawn from the last succeeded run of the task."""

    kind: Literal["last_run"] = "last_run"
    expression: str
    """Bare expression over `output`, that run's output, and `arguments`."""
    else_: JsonValue = Field(default=None, alias="else")
    """Taken where there is no such run or the expression fails."""


class ExpressionSource(Frozen):
    """A value computed when the run starts."""

    kind: Literal["expression"] = "expression"
    expression: str
    """Bare expression over the other params, `now` and `state`. (There is no run yet, so no `run` or `trigger`.)"""


ParamSource = ToolSource | LastRunSource | ExpressionSource


class Param(Frozen):
    """A declared input."""

    name: str
    schema_: dict[str, JsonValue] = Field(alias="schema")
    """JSON Schema of one argument, without `default`, `options` and `from`."""
    has_default: bool = False
    default: JsonValue = None
    """Template."""
    source: ParamSource | None = Field(default=None, discriminator="kind")
    """`from:`; drawn when the run starts, if no argument was given."""
    options: ToolSource | None = None
    """Choices that a form offers, drawn from outside."""

    @property
    def required(self) -> bool:
        return not self.has_default and self.source is None


class Expectation(Frozen):
    """What a test's run must come to. What is `None` or absent is not compared."""

    status: Literal["succeeded", "failed", "timed_out"] | None = None
    output: JsonValue = None
    """Template over the run's names."""
    has_output: bool = False
    steps: dict[str, JsonValue] = Field(default_factory=dict)
    """Step path to template of its output."""
    error: str | None = None
    """Text that the error's message must hold."""


class TaskTest(Frozen):
    """A dry run with stubs and what must come of it."""

    name: str
    """What the test is called."""
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    """Arguments of the run."""
    stub: dict[str, JsonValue] = Field(default_factory=dict)
    """Step id (or path) to its output. A step that would touch the world and has no stub fails the test."""
    state: dict[str, JsonValue] = Field(default_factory=dict)
    """What earlier runs would have kept."""
    payload: JsonValue = None
    """What would have started it."""
    now: str | None = None
    """ISO 8601 moment taken as the run's start. `None`: the real one."""
    expect: Expectation = Field(default_factory=Expectation)


class TaskDefinition(Frozen):
    """Everything a task file says. Frozen: a version holds exactly one of these."""

    task: str
    """Name, unique in the project: `[a-z][a-z0-9-]*`."""
    title: str | None = None
    """How lists and the page show it."""
    description: str
    tags: tuple[str, ...] = ()
    """Words to find it by."""
    agent: str | None = None
    """Agent of steps that name none."""
    params: tuple[Param, ...] = ()
    grants: Grants = Field(default_factory=Grants)
    """What it may reach. Nothing else can be."""
    budget: Budget | None = None
    """What its agents may spend."""
    limits: Limits = Field(default_factory=Limits)
    """Bounds on a run, and on how many run at once."""
    steps: tuple[Step, ...]
    on_error: tuple[Step, ...] = ()
    """Done after the first unhandled failure; sees `error`."""
    finally_: tuple[Step, ...] = Field(default=(), alias="finally")
    """Done after success, failure, cancel and time-out."""
    output: JsonValue = None
    """Template of the task's output. Absent: the last step's output."""
    has_output: bool = False
    keep: dict[str, JsonValue] = Field(default_factory=dict)
    """Templates of values for `state`, written with the run's success."""
    triggers: tuple[Trigger, ...] = ()
    alarms: AlarmRules | None = None
    """When people are told that something is wrong. `None`: the project's defaults."""
    tests: tuple[TaskTest, ...] = ()
