"""Do literal values fit what they are for: arguments of tools, sub-tasks, triggers and tests, defaults, schemas?"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from errands.core.catalog import Surroundings
from errands.core.definition.check_world import SECRET, tool_uses
from errands.core.definition.nodes import Path
from errands.core.definition.report import Report
from errands.core.definition.steps import AgentStep, ApproveStep, SubtaskStep
from errands.core.definition.task import Param, TaskDefinition
from errands.core.definition.texts import every_step
from errands.core.definition.triggers import EmailTrigger, WebhookTrigger
from errands.core.definition.wording import suggest
from errands.core.json_schema import Misfit, SchemaInvalid, compile_schema
from errands.core.params import arguments_schema, default_names, is_literal
from errands.core.values import Json, JsonObject

_ABOUT_KEYS: Final = frozenset(("required", "additionalProperties", "unevaluatedProperties"))
_SENDER: Final = re.compile(r"(?:[^@\s]+@)?[A-Za-z0-9*][A-Za-z0-9.*-]*\.[A-Za-z0-9*-]+|[^@\s]+@[A-Za-z0-9.-]+")
_INDEX: Final = re.compile(r"\[[^\]]*\]")


def check_values(task: TaskDefinition, report: Report, around: Surroundings, lost: frozenset[str]) -> None:
    """Everything that can be judged without running."""
    for param in task.params:
        _check_param(param, report)
    _check_circles(task.params, report)
    for _, tool, (path, arguments) in tool_uses(task):
        spec = around.tools.get(tool)
        if spec is not None:
            check_arguments(report, path, arguments, spec.input_schema)
    for step, path in every_step(task):
        called = (around.tasks or {}).get(step.task) if isinstance(step, SubtaskStep) else None
        if isinstance(step, SubtaskStep) and called is not None:
            check_arguments(report, (*path, "with"), step.with_, called.params_schema)
        if isinstance(step, AgentStep) and step.output is not None:
            _check_schema(report, (*path, "output"), step.output)
        if isinstance(step, ApproveStep) and step.form is not None:
            _check_schema(report, (*path, "approve", "form"), step.form)
    _check_triggers(task, report, lost)
    _check_tests(task, report, lost)


def check_arguments(
    report: Report, path: Path, given: JsonObject, schema: JsonObject, lost: Collection[str] = ()
) -> None:
    """Literal arguments against a schema; what an expression gives is not judged."""
    try:
        misfits = compile_schema(schema).misfits(given, subject="the arguments")
    except SchemaInvalid:
        return
    for misfit in misfits:
        if misfit.path and misfit.path[0] in lost:
            continue
        if misfit.keyword in _ABOUT_KEYS:
            _report_key(report, path, misfit)
        elif is_literal(value := _value_at(given, misfit.path)) and not _is_secret(value):
            hint = misfit.hint or "write a value that fits, or compute one"
            report.error((*path, *misfit.path), misfit.message, hint, code="bad-argument")


def _report_key(report: Report, path: Path, misfit: Misfit) -> None:
    here = (*path, *misfit.path)
    if misfit.keyword != "required":
        report.key_error(
            here, misfit.message.replace("unknown key", "unknown argument"), misfit.hint, code="unknown-argument"
        )
        return
    nearest = here[:-1] if report.positions.has(here[:-1]) else here[:-2]
    report.key_error(nearest, f"the argument {misfit.message}", misfit.hint, code="missing-argument")


def _value_at(value: Json, path: Path) -> Json:
    for part in path:
        if isinstance(value, Mapping) and isinstance(part, str):
            value = value.get(part)
        elif isinstance(value, Sequence) and not isinstance(value, str) and isinstance(part, int) and part < len(value):
            value = value[part]
    return value


def _is_secret(value: Json) -> bool:
    return isinstance(value, str) and SECRET.fullmatch(value) is not None


def _check_schema(report: Report, path: Path, schema: JsonObject) -> bool:
    try:
        compile_schema(schema)
    except SchemaInvalid as invalid:
        report.error((*path, *invalid.path), invalid.message, invalid.hint, code="bad-schema")
        return False
    return True


def _is_schema(schema: JsonObject) -> bool:
    try:
        compile_schema(schema)
    except SchemaInvalid:
        return False
    return True


def _check_param(param: Param, report: Report) -> None:
    path: Path = ("params", param.name)
    if not _check_schema(report, path, param.schema_):
        return
    if param.has_default and is_literal(param.default):
        for misfit in compile_schema(param.schema_).misfits(param.default, subject="the default"):
            message = misfit.message if not misfit.path else f"the default does not fit: {misfit.message}"
            hint = misfit.hint or "change the default, or what it must fit"
            report.error((*path, "default", *misfit.path), message, hint, code="bad-default")


def _check_circles(params: Sequence[Param], report: Report) -> None:
    """Defaults may use each other, but not in a circle."""
    reads = {param.name: default_names(param) for param in params}
    for param in params:
        reached: set[str] = set()
        following = set(reads[param.name]) & reads.keys()
        while following - reached:
            reached |= following
            following = {name for one in following for name in reads[one] if name in reads}
        if param.name in reached:
            key = "default" if param.has_default else "from"
            hint = "give one of these params a default that uses no other"
            message = f"the default of `{param.name}` depends on itself"
            report.error(("params", param.name, key), message, hint, code="param-cycle")


def _check_triggers(task: TaskDefinition, report: Report, lost: frozenset[str]) -> None:
    """A trigger must give every required param, because nobody is there to ask."""
    for index, trigger in enumerate(task.triggers):
        path: Path = ("triggers", index)
        _check_run_arguments(task, report, (*path, "arguments"), trigger.arguments, lost)
        if isinstance(trigger, WebhookTrigger):
            _check_webhook(trigger, path, report)
        if isinstance(trigger, EmailTrigger):
            _check_senders(trigger, path, report)


def _check_webhook(trigger: WebhookTrigger, path: Path, report: Report) -> None:
    below = (*path, "webhook")
    if trigger.webhook.payload is not None:
        _check_schema(report, (*below, "payload"), trigger.webhook.payload)
    signature = trigger.webhook.signature
    if signature is None and trigger.webhook.token is None:
        hint = 'add `signature: {style: generic, secret: "secret:NAME"}` or `token: "secret:NAME"`'
        report.error(below, "anybody could call this webhook", hint, code="open-webhook")
    if signature is not None and signature.style != "generic":
        for name in ("prefix", "encoding", "timestamp"):
            if name in signature.model_fields_set and getattr(signature, name) not in ("", "hex", None):
                hint = f"remove it: the style `{signature.style}` has its own; or write `style: generic`"
                message = f"`{name}` belongs to the style `generic`"
                report.key_error((*below, "signature", name), message, hint, code="bad-value")
    for key, value in (
        (("signature", "secret"), signature.secret if signature else None),
        (("token",), trigger.webhook.token),
    ):
        if value is not None and not SECRET.fullmatch(value):
            hint = "store it with `errands secrets set NAME` and write secret:NAME"
            report.error((*below, *key), f"`{key[-1]}` must be a secret's reference", hint, code="bad-value")


def _check_senders(trigger: EmailTrigger, path: Path, report: Report) -> None:
    for index, sender in enumerate(trigger.email.senders):
        if not _SENDER.fullmatch(sender):
            hint = "write ana@example.com, *@example.com or example.com"
            report.error((*path, "email", "senders", index), f'"{sender[:60]}" names no sender', hint, code="bad-value")


def _check_run_arguments(
    task: TaskDefinition, report: Report, path: Path, given: JsonObject, lost: Collection[str]
) -> None:
    """The arguments that a trigger or a test gives to a run."""
    names = {param.name for param in task.params}
    for name in given:
        if name not in names and name not in lost:
            hint = suggest(name, names)
            report.key_error((*path, name), f"the task has no param `{name}`", hint, code="unknown-param")
    sound = [param for param in task.params if _is_schema(param.schema_)]
    judged = {param.name: given[param.name] for param in sound if param.name in given}
    check_arguments(report, path, judged, arguments_schema(sound), lost)


def _check_tests(task: TaskDefinition, report: Report, lost: frozenset[str]) -> None:
    keys = {step.key for step, _ in every_step(task)} | lost
    named: dict[str, int] = {}
    for index, test in enumerate(task.tests):
        path: Path = ("tests", index)
        if test.name in named:
            message = f'two tests are named "{test.name[:60]}"'
            hint = f"the other stands in line {report.line_of(('tests', named[test.name]))}"
            report.error((*path, "name"), message, hint, code="duplicate-id")
        named.setdefault(test.name, index)
        _check_run_arguments(task, report, (*path, "arguments"), test.arguments, lost)
        for place, steps in (((*path, "stub"), test.stub), ((*path, "expect", "steps"), test.expect.steps)):
            for step in steps:
                key = _INDEX.sub("", step.partition("/")[0]).rpartition(".")[2]
                if key not in keys:
                    hint = suggest(key, keys)
                    report.key_error((*place, step), f"the task has no step `{step}`", hint, code="unknown-step")
