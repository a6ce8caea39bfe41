"""Checks a definition before it runs: against itself, and against what exists around it.

`check_file` is the whole way from a text to all of its problems; `check_task` checks a definition that was parsed.
"""

from dataclasses import dataclass
from datetime import datetime

from errands.core.catalog import Surroundings
from errands.core.definition.agents import AgentDefinition, ModelDefinition
from errands.core.definition.check_alarms import check_alarms
from errands.core.definition.check_expressions import check_expressions
from errands.core.definition.check_grants import check_grants
from errands.core.definition.check_names import check_names
from errands.core.definition.check_schedules import check_triggers
from errands.core.definition.check_values import check_values
from errands.core.definition.check_world import check_pattern, check_world
from errands.core.definition.parsing import ParsedAgent, ParsedModel, ParsedTask, parse_document
from errands.core.definition.positions import Positions
from errands.core.definition.report import Report
from errands.core.definition.scopes import places
from errands.core.definition.task import TaskDefinition
from errands.core.definition.typing_contract import TypeChecker
from errands.core.definition.wording import suggest
from errands.core.problems import Problem, in_file_order

Definition = TaskDefinition | AgentDefinition | ModelDefinition


@dataclass(frozen=True, slots=True)
class Checked:
    """A file after all checks."""

    definition: Definition | None
    """`None` if any problem is an error."""
    problems: list[Problem]
    """Errors and warnings, in the order of the file."""


async def check_file(
    source: str, surroundings: Surroundings, checker: TypeChecker | None = None, *, now: datetime | None = None
) -> Checked:
    """Read and check a task, agent or model file. Whatever the text holds, everything wrong is in `problems`.

    `checker` finds type errors in expressions; `None` leaves that out. `now` tells schedules that are over from
    those to come; `None` asks only whether they could ever fire.
    """
    parsed = parse_document(source)
    match parsed:
        case ParsedTask():
            problems = parsed.problems + await _check_draft(parsed, surroundings, checker, now)
        case ParsedAgent():
            problems = parsed.problems + check_agent(parsed.definition, parsed.positions, surroundings)
        case ParsedModel():
            problems = parsed.problems + check_model(parsed.definition, parsed.positions, surroundings)
    fatal = any(problem.severity == "error" for problem in problems)
    return Checked(None if fatal else parsed.definition, in_file_order(problems))


async def check_task(
    definition: TaskDefinition,
    positions: Positions,
    surroundings: Surroundings,
    checker: TypeChecker | None = None,
    *,
    now: datetime | None = None,
    lost: frozenset[str] = frozenset(),
) -> list[Problem]:
    """Every problem of a task, in the order of the file. `lost` names are taken to exist, whatever they are."""
    report = Report(positions)
    check_names(definition, report)
    check_world(definition, report, surroundings)
    check_grants(definition, report, surroundings)
    check_values(definition, report, surroundings, lost)
    check_triggers(definition, report, now)
    check_alarms(definition, report, surroundings)
    await check_expressions(definition, places(definition, surroundings, lost), report, checker)
    return in_file_order(report.problems)


def check_agent(agent: AgentDefinition | None, positions: Positions, surroundings: Surroundings) -> list[Problem]:
    """An agent's model and tools must exist."""
    report = Report(positions)
    if agent is not None:
        _check_model_name(report, ("model",), agent.model, surroundings)
        for index, tool in enumerate(agent.tools):
            check_pattern(report, ("tools", index), tool, surroundings)
        for index, tool in enumerate(agent.approve_tools):
            check_pattern(report, ("approve_tools", index), tool, surroundings)
    return report.problems


def check_model(model: ModelDefinition | None, positions: Positions, surroundings: Surroundings) -> list[Problem]:
    """A model's fallbacks and secret must exist."""
    report = Report(positions)
    if model is not None:
        for index, name in enumerate(model.fallback):
            _check_model_name(report, ("fallback", index), name, surroundings)
        secret = (model.api_key or "").removeprefix("secret:")
        if secret and surroundings.secrets is not None and secret not in surroundings.secrets:
            hint = f"store it: errands secrets set {secret}"
            report.error(("api_key",), f"there is no secret `{secret}`", hint, code="unknown-secret")
    return report.problems


def _check_model_name(report: Report, path: tuple[str | int, ...], name: str | None, around: Surroundings) -> None:
    known = None if around.models is None else around.models | {"embedded"}
    if name is not None and known is not None and name not in known:
        report.error(path, f"there is no model `{name}`", suggest(name, known), code="unknown-model")


async def _check_draft(
    parsed: ParsedTask, surroundings: Surroundings, checker: TypeChecker | None, now: datetime | None
) -> list[Problem]:
    """Check what could be read of a file, and keep silent about what follows from its other mistakes."""
    if parsed.draft is None:
        return []
    found = await check_task(parsed.draft, parsed.positions, surroundings, checker, now=now, lost=parsed.lost)
    broken = {problem.path.partition(".")[0].partition("[")[0] for problem in parsed.problems}
    if "grants" in broken:
        found = [problem for problem in found if not problem.code.startswith("grant-")]
    if broken:
        found = [problem for problem in found if problem.code != "grant-unused"]
    return found
