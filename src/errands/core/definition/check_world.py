"""Does everything that a task names exist around it: tools, agents, models, secrets, other tasks?"""

import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from errands.core.catalog import Surroundings, TaskSummary
from errands.core.definition.nodes import Path
from errands.core.definition.report import Report
from errands.core.definition.rules import RuleCode
from errands.core.definition.steps import AgentStep, NotifyStep, SubtaskStep, ToolStep
from errands.core.definition.task import TaskDefinition, ToolSource
from errands.core.definition.texts import every_step
from errands.core.definition.triggers import EventTrigger, WebhookTrigger
from errands.core.definition.wording import did_you_mean, suggest
from errands.core.values import Json, JsonObject

SECRET: Final = re.compile(r"secret:([A-Za-z_][A-Za-z0-9_.-]*)")
BUILT_IN_MODELS: Final = frozenset(("embedded",))


def check_world(task: TaskDefinition, report: Report, around: Surroundings) -> None:
    """Every name that points outside the file."""
    for path, tool, _ in tool_uses(task):
        _check_tool(report, path, tool, around)
    for path, name in _agent_uses(task):
        _check_known(report, path, name, "agent", around.agents)
    for step, path in every_step(task):
        if isinstance(step, AgentStep) and step.model is not None:
            known = None if around.models is None else around.models | BUILT_IN_MODELS
            _check_known(report, (*path, "model"), step.model, "model", known)
        if isinstance(step, AgentStep):
            for index, tool in enumerate(step.tools or ()):
                check_pattern(report, (*path, "tools", index), tool, around)
            for index, tool in enumerate(step.approve_tools):
                check_pattern(report, (*path, "approve_tools", index), tool, around)
    for path, secret in secret_uses(task, around):
        if around.secrets is not None and secret not in around.secrets:
            hint = did_you_mean(secret, around.secrets) or f"store it: errands secrets set {secret}"
            report.error(path, f"there is no secret `{secret}`", hint, code="unknown-secret")
    _check_tasks(task, report, around)


def tool_uses(task: TaskDefinition) -> Iterator[tuple[Path, str, tuple[Path, JsonObject]]]:
    """Where a tool is named, its name, and where its arguments stand and what they are."""
    for step, path in every_step(task):
        if isinstance(step, ToolStep):
            yield (*path, "tool"), step.tool, ((*path, "with"), step.with_)
    for param in task.params:
        for key, source in (("from", param.source), ("options", param.options)):
            if isinstance(source, ToolSource):
                path = ("params", param.name, key)
                yield (*path, "tool"), source.tool, ((*path, "with"), source.with_)


def secret_uses(task: TaskDefinition, around: Surroundings) -> Iterator[tuple[Path, str]]:
    """Where a secret is referred to, and its name; also where a tool takes one if it is told nothing else."""
    for path, tool, (arguments_path, arguments) in tool_uses(task):
        yield from _secrets_in(arguments, arguments_path)
        spec = around.tools.get(tool)
        yield from ((path, name) for name in _default_secrets(spec.input_schema if spec else {}, arguments))
    for step, path in every_step(task):
        if isinstance(step, NotifyStep):
            to: Json = step.to if isinstance(step.to, str) else list(step.to)
            yield from _secrets_in(to, (*path, "notify", "to"))
        if isinstance(step, SubtaskStep):
            yield from _secrets_in(step.with_, (*path, "with"))
    for index, trigger in enumerate(task.triggers):
        if isinstance(trigger, WebhookTrigger):
            path = ("triggers", index, "webhook")
            signature = trigger.webhook.signature
            yield from _secrets_in(signature.secret if signature else None, (*path, "signature", "secret"))
            yield from _secrets_in(trigger.webhook.token, (*path, "token"))


def check_pattern(report: Report, path: Path, pattern: str, around: Surroundings) -> None:
    """A tool's name or glob. A glob that fits no tool is only a warning: its server may be away."""
    if _elsewhere(pattern, around):
        return
    if not any(sign in pattern for sign in "*?["):
        _check_tool(report, path, pattern, around)
    elif not any(fnmatch.fnmatchcase(tool, pattern) for tool in around.tools):
        hint = suggest(pattern, around.tools)
        report.warning(path, f"no tool fits `{pattern}`", hint, code="unknown-tool")


def _check_tool(report: Report, path: Path, name: str, around: Surroundings) -> None:
    if name not in around.tools and not _elsewhere(name, around):
        hint = suggest(name, around.tools)
        report.error(path, f"there is no tool `{name}`", hint, code="unknown-tool")


def _elsewhere(name: str, around: Surroundings) -> bool:
    """Whether a name is of a tool server, whose tools are not known here."""
    return "/" in name and not around.tool_servers


def _check_known(report: Report, path: Path, name: str, kind: "_Kind", known: "Sequence[str] | _Names | None") -> None:
    if known is None or name in known:
        return
    hint = suggest(name, known) if known else f"declare it in a file that begins with `{kind}: {name}`"
    report.error(path, f"there is no {kind} `{name}`", hint, code=_UNKNOWN[kind])


_Names = Mapping[str, object] | frozenset[str]
_Kind = Literal["agent", "model", "task"]
_UNKNOWN: Final[Mapping[_Kind, RuleCode]] = {
    "agent": "unknown-agent",
    "model": "unknown-model",
    "task": "unknown-task",
}


def _agent_uses(task: TaskDefinition) -> Iterator[tuple[Path, str]]:
    if task.agent is not None:
        yield ("agent",), task.agent
    for step, path in every_step(task):
        if isinstance(step, AgentStep) and step.agent is not None:
            yield (*path, "agent"), step.agent


def _secrets_in(value: Json, path: Path) -> Iterator[tuple[Path, str]]:
    match value:
        case str():
            found = SECRET.fullmatch(value)
            if found:
                yield path, found[1]
        case Mapping():
            for key, item in value.items():
                yield from _secrets_in(item, (*path, key))
        case Sequence():
            for index, item in enumerate(value):
                yield from _secrets_in(item, (*path, index))
        case _:
            return


def _default_secrets(schema: JsonObject, arguments: JsonObject) -> Iterator[str]:
    properties = schema.get("properties")
    for name, described in properties.items() if isinstance(properties, Mapping) else ():
        default = described.get("default") if isinstance(described, Mapping) else None
        found = SECRET.fullmatch(default) if isinstance(default, str) and name not in arguments else None
        if found:
            yield found[1]


def _check_tasks(task: TaskDefinition, report: Report, around: Surroundings) -> None:
    """Sub-tasks and tasks that trigger this one."""
    for step, path in every_step(task):
        if not isinstance(step, SubtaskStep):
            continue
        here = (*path, "run")
        circle = _circle(task.task, step.task, around.tasks or {})
        if circle:
            hint = "a task cannot wait for itself; take one of the calls out"
            shown = " -> ".join(circle)
            report.error(here, f"sub-tasks go in a circle: {shown}", hint, code="task-cycle")
        elif around.tasks is not None:
            _check_known(report, here, step.task, "task", around.tasks)
    for index, trigger in enumerate(task.triggers):
        if isinstance(trigger, EventTrigger) and trigger.event.task is not None and around.tasks is not None:
            known = {*around.tasks, task.task}
            _check_known(report, ("triggers", index, "event", "task"), trigger.event.task, "task", frozenset(known))


def _circle(task: str, called: str, tasks: Mapping[str, TaskSummary]) -> list[str]:
    """The calls that lead from a task through one that it calls back to it, if they do."""
    routes = [[task, called]]
    seen = {called}
    for route in routes:
        if route[-1] == task:
            return route
        following = tasks.get(route[-1])
        for name in sorted(following.calls) if following else ():
            if name == task or name not in seen:
                seen.add(name)
                routes.append([*route, name])
    return []
