"""Are ids, params and loop variables names that expressions can use, each for one thing only?"""

import keyword
import re
from typing import Final

from errands.core.definition.nodes import Path
from errands.core.definition.report import Report
from errands.core.definition.scopes import RUN_NAMES
from errands.core.definition.steps import ApproveStep, SwitchStep, loop_variable
from errands.core.definition.task import TaskDefinition
from errands.core.definition.texts import Block, blocks_of, every_step, task_blocks
from errands.core.expressions.syntax import PROVIDED

ID: Final = re.compile(r"[a-z][a-z0-9_]*")
TRIGGER_ID: Final = re.compile(r"[a-z][a-z0-9_-]*")
RESERVED: Final = frozenset((*RUN_NAMES, "error", "now", "clock")) | PROVIDED
"""Names that every expression has already."""
_LONGEST: Final = 100


def check_names(task: TaskDefinition, report: Report) -> None:
    """Ids, params, loop variables and trigger ids."""
    params = {param.name for param in task.params}
    for name in params:
        _check_name(report, ("params", name), name, "the param", at_key=True)
    _check_ids(task, params, report)
    for block in task_blocks(task):
        _check_loop_variables(block, params, frozenset(), report)
    _check_trigger_ids(task, report)
    for step, path in every_step(task):
        if isinstance(step, ApproveStep):
            _check_people(step, path, report)
        if isinstance(step, SwitchStep) and "default" in step.cases:
            hint = "put its steps under `default:`, beside `cases:`, or let the expression give another text"
            report.key_error((*path, "cases", "default"), "a case cannot be named `default`", hint, code="bad-name")


def _check_ids(task: TaskDefinition, params: set[str], report: Report) -> None:
    variables = {loop_variable(step) for step, _ in every_step(task)}
    first: dict[str, Path] = {}
    for step, path in every_step(task):
        if step.id is None:
            continue
        here = (*path, "id")
        _check_name(report, here, step.id, "the step's id")
        if step.id in first:
            line = report.line_of((*first[step.id], "id"))
            hint = f"it stands in line {line} already; choose another"
            report.error(here, f"the id `{step.id}` is used twice", hint, code="duplicate-id")
        elif step.id in params:
            hint = "choose another id; an expression could not tell the two apart"
            report.error(here, f"the id `{step.id}` is also the name of a param", hint, code="shadows-name")
        elif step.id in variables:
            hint = "choose another id, or another name after `as:`"
            report.error(here, f"the id `{step.id}` is also a loop's variable", hint, code="shadows-name")
        first.setdefault(step.id, path)


def _check_loop_variables(block: Block, params: set[str], outer: frozenset[str], report: Report) -> None:
    for step, path in block.located():
        inside = outer
        name = loop_variable(step)
        if name is not None:
            here = (*path, "as") if report.positions.has((*path, "as")) else (*path, "for_each")
            _check_name(report, here, name, "the loop's variable")
            if name in params:
                message = f"the loop's variable `{name}` is also the name of a param"
                report.error(here, message, "choose another name with `as:`", code="shadows-name")
            elif name in outer:
                message = f"the loop's variable `{name}` hides the variable of a loop around it"
                report.error(here, message, "give this loop another name with `as:`", code="shadows-name")
            inside = outer | {name}
        for inner in blocks_of(step, path):
            _check_loop_variables(inner, params, inside if inner.name in ("do", "repeat") else outer, report)


def _check_trigger_ids(task: TaskDefinition, report: Report) -> None:
    first: dict[str, int] = {}
    for index, trigger in enumerate(task.triggers):
        here = ("triggers", index, "id")
        if not TRIGGER_ID.fullmatch(trigger.id) or len(trigger.id) > _LONGEST:
            hint = "use lower-case letters, digits, `-` and `_`, a letter first"
            report.error(here, f'"{trigger.id[:60]}" is no name for a trigger', hint, code="bad-id")
        elif trigger.id in first:
            line = report.line_of(("triggers", first[trigger.id]))
            message = f"two triggers have the id `{trigger.id}`"
            report.error(here, message, f"the other stands in line {line}", code="duplicate-id")
        first.setdefault(trigger.id, index)


def _check_name(report: Report, path: Path, name: str, what: str, *, at_key: bool = False) -> None:
    note = report.key_error if at_key else report.error
    if name in RESERVED:
        hint = f"expressions have a `{name}` of their own; choose another name"
        note(path, f"{what} `{name}` hides a built-in name", hint, code="shadows-name")
    elif keyword.iskeyword(name):
        note(path, f"{what} `{name}` is a word of Python's grammar", "choose another name", code="shadows-name")
    elif not ID.fullmatch(name) or len(name) > _LONGEST:
        mended = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789")[:_LONGEST]
        rule = f"use lower-case letters, digits and `_`, a letter first, at most {_LONGEST}"
        hint = f"write {mended}; {rule}" if mended else rule
        note(path, f'"{name[:60]}" is no name that an expression can read', hint, code="bad-id")


def _check_people(step: ApproveStep, path: Path, report: Report) -> None:
    """Approvers, and choices that exist."""
    below = (*path, "approve")
    if not step.choices:
        report.error((*below, "choices"), "an approval needs at least one choice", "add one", code="bad-value")
    for key, people in (("approvers", step.approvers), ("not", step.not_)):
        for index, person in enumerate(people):
            if not re.fullmatch(r"(user|role|group):\S+|starter", person):
                hint = "write user:ana, role:owner or group:sales-leads" + (", or starter" if key == "not" else "")
                report.error((*below, key, index), f'"{person[:60]}" names nobody', hint, code="bad-value")
    chosen = step.deadline.choose if step.deadline else None
    if chosen is not None and chosen not in step.choices:
        hint = f"write one of {', '.join(step.choices)}"
        report.error((*below, "timeout", "choose"), f'"{chosen[:60]}" is none of the choices', hint, code="bad-choice")
