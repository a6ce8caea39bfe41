"""Is the task allowed what it uses, and does it use what it is allowed?"""

import fnmatch
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from errands.core.catalog import Surroundings
from errands.core.definition.check_world import check_pattern, secret_uses, tool_uses
from errands.core.definition.nodes import Path
from errands.core.definition.policies import Grants, ToolGrant, bound_schema
from errands.core.definition.report import Report
from errands.core.definition.steps import AgentStep
from errands.core.definition.task import TaskDefinition
from errands.core.definition.texts import every_step
from errands.core.json_schema import SchemaInvalid, compile_schema
from errands.core.params import is_literal
from errands.core.values import JsonObject

_WEB: Final = ("http", "https", "ws", "wss")


def check_grants(task: TaskDefinition, report: Report, around: Surroundings) -> None:
    """Tools, secrets and hosts: granted if used, used if granted."""
    for index, grant in enumerate(task.grants.tools):
        path: Path = ("grants", "tools", index)
        check_pattern(report, (*path, "name") if isinstance(grant, ToolGrant) else path, _name(grant), around)
        if isinstance(grant, ToolGrant):
            _check_bounds(task, grant, path, report)
    _check_tools(task, report, around)
    _check_secrets(task, report, around)
    _check_hosts(task, report, around)
    for index, pattern in enumerate(task.grants.untrusted):
        check_pattern(report, ("grants", "untrusted", index), pattern, around)


def granted(grants: Grants, tool: str) -> bool:
    """Whether a tool may be called at all."""
    return any(fnmatch.fnmatchcase(tool, _name(grant)) for grant in grants.tools)


def _name(grant: str | ToolGrant) -> str:
    return grant if isinstance(grant, str) else grant.name


def _check_tools(task: TaskDefinition, report: Report, around: Surroundings) -> None:
    used = [(path, tool) for path, tool, _ in tool_uses(task)]
    for step, path in every_step(task):
        if isinstance(step, AgentStep):
            used += [((*path, "tools", index), tool) for index, tool in enumerate(step.tools or ())]
    for path, tool in used:
        exists = tool in around.tools or any(sign in tool for sign in "*?[")
        if exists and not granted(task.grants, tool):
            message = f"the task has no grant for the tool `{tool}`"
            report.error(path, message, f"add `{tool}` to grants.tools", code="grant-missing")
    agents = _agent_tools(task, around)
    if agents is None:
        return
    wanted = [tool for _, tool in used] + agents
    for index, grant in enumerate(task.grants.tools):
        if not any(_overlap(tool, _name(grant)) for tool in wanted):
            hint = "remove it: a task should be able to do no more than it needs"
            message = f"the grant for `{_name(grant)}` is never used"
            report.warning(("grants", "tools", index), message, hint, code="grant-unused")


def _overlap(tool: str, grant: str) -> bool:
    return fnmatch.fnmatchcase(tool, grant) or fnmatch.fnmatchcase(grant, tool)


def _agent_tools(task: TaskDefinition, around: Surroundings) -> list[str] | None:
    """Tools that agents may use by their own definitions; `None` where one of them is not known here."""
    found: list[str] = []
    for step, _ in every_step(task):
        if not isinstance(step, AgentStep) or step.tools is not None:
            continue
        name = step.agent or task.agent
        if name is None:
            continue
        if around.agents is None or name not in around.agents:
            return None
        found += around.agents[name].tools
    return found


def _agents_may_call(task: TaskDefinition, around: Surroundings) -> bool:
    """Whether some agent may call tools, with arguments that nobody knows beforehand."""
    listed = [step.tools for step, _ in every_step(task) if isinstance(step, AgentStep)]
    own = _agent_tools(task, around)
    return any(listed) or own is None or bool(own)


def _check_secrets(task: TaskDefinition, report: Report, around: Surroundings) -> None:
    used = list(secret_uses(task, around))
    for path, secret in used:
        if secret not in task.grants.secrets:
            message = f"the task has no grant for the secret `{secret}`"
            report.error(path, message, f"add `{secret}` to grants.secrets", code="grant-missing")
    names = {secret for _, secret in used}
    open_ended = _agents_may_call(task, around)
    for index, secret in enumerate(task.grants.secrets):
        path = ("grants", "secrets", index)
        if around.secrets is not None and secret not in around.secrets and secret not in names:
            hint = f"store it: errands secrets set {secret}"
            report.error(path, f"there is no secret `{secret}`", hint, code="unknown-secret")
        elif secret not in names and not open_ended:
            hint = "remove it: a task should be able to reach no more than it needs"
            report.warning(path, f"the grant for `{secret}` is never used", hint, code="grant-unused")


def _check_hosts(task: TaskDefinition, report: Report, around: Surroundings) -> None:
    known, all_known = set(), True
    for _, tool, (path, arguments) in tool_uses(task):
        for name, host in _hosts(arguments):
            if host is None:
                all_known = False
                continue
            known.add(host)
            if not any(_host_fits(host, grant) for grant in task.grants.hosts):
                message = f"the task has no grant for the host `{host}`"
                report.error((*path, name), message, f"add `{host}` to grants.hosts", code="grant-missing")
        spec = around.tools.get(tool)
        all_known = all_known and spec is not None and not _takes_connection(arguments)
    if not all_known or _agents_may_call(task, around):
        return
    for index, grant in enumerate(task.grants.hosts):
        if not any(_host_fits(host, grant) for host in known):
            hint = "remove it: a task should be able to reach no more than it needs"
            report.warning(
                ("grants", "hosts", index), f"the grant for `{grant}` is never used", hint, code="grant-unused"
            )


def _takes_connection(arguments: JsonObject) -> bool:
    """A secret may hold an address that nobody sees here."""
    return any(isinstance(value, str) and value.startswith("secret:") for value in arguments.values())


def _hosts(arguments: JsonObject) -> Iterator[tuple[str, str | None]]:
    """Hosts that the arguments spell out, by argument; `None` for one that an expression gives."""
    for name, value in arguments.items():
        if not isinstance(value, str) or not (name == "url" or name.endswith("_url")):
            continue
        start = value.split("{{", maxsplit=1)[0]
        try:
            parts = urlsplit(start)
            host = parts.hostname
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            continue
        complete = is_literal(value) or "/" in start.partition("://")[2]
        if parts.scheme in _WEB and host and complete:
            yield name, host + port
        else:
            yield name, None


def _host_fits(host: str, grant: str) -> bool:
    """A grant without a port allows every port."""
    target = host if ":" in grant.rpartition("]")[2] else host.partition(":")[0]
    return fnmatch.fnmatchcase(target.lower(), grant.lower())


def _check_bounds(task: TaskDefinition, grant: ToolGrant, path: Path, report: Report) -> None:
    """Bounds on arguments are JSON Schemas, and literal arguments keep them."""
    for name, schema in grant.arguments.items():
        if isinstance(schema, list) and not all(isinstance(glob, str) for glob in schema):
            hint = 'write a list of globs such as ["*@example.com"], or a JSON Schema'
            report.error((*path, "arguments", name), f"`{name}` is bound by no list of texts", hint, code="wrong-type")
            continue
        try:
            fit = compile_schema(bound_schema(schema))
        except SchemaInvalid as invalid:
            here = (*path, "arguments", name, *invalid.path)
            report.error(here, invalid.message, invalid.hint, code="bad-schema")
            continue
        for _, tool, (with_path, arguments) in tool_uses(task):
            sure = _name(grant) == tool and sum(fnmatch.fnmatchcase(tool, _name(one)) for one in task.grants.tools) == 1
            value = arguments.get(name)
            if sure and name in arguments and is_literal(value) and not fit.fits(value):
                hint = f"change it, or widen the grant in line {report.line_of(path)}"
                for misfit in fit.misfits(value, subject=f"`{name}`")[:1]:
                    message = f"the grant for `{tool}` does not allow this: {misfit.message}"
                    report.error((*with_path, name), message, hint, code="grant-missing")
