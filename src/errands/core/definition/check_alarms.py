"""Can the alarms of a task ever be raised, and does anybody hear of them?"""

from errands.core.catalog import Surroundings
from errands.core.definition.report import Report
from errands.core.definition.steps import ApproveStep
from errands.core.definition.task import TaskDefinition
from errands.core.definition.texts import every_step
from errands.core.definition.wording import suggest


def check_alarms(task: TaskDefinition, report: Report, around: Surroundings) -> None:
    """Warnings about what is said in vain; an error where a rule says nothing."""
    rules = task.alarms
    if rules is None:
        return
    if rules.long is not None and rules.long.after is None and rules.long.times_p95 is None:
        hint = "add `after: 30m`, `times_p95: 3`, or both"
        report.error(("alarms", "long"), "`long` does not say how long is too long", hint, code="missing-key")
    if not task.triggers:
        for key in ("late", "pause_after_failures"):
            if getattr(rules, key) not in (None, "never", 0):
                said = f"`{key}` looks at triggers, and the task has none"
                report.warning(("alarms", key), said, "remove it, or add a trigger", code="alarm-in-vain")
    if rules.budget and task.budget is None:
        said = "the task has no `budget`, so none can be used up"
        report.warning(("alarms", "budget"), said, "remove it, or add `budget:`", code="alarm-in-vain")
    asks = any(isinstance(step, ApproveStep) for step, _ in every_step(task))
    if rules.overdue not in (None, "never") and not asks:
        said = "no step asks people, so no answer can be overdue"
        report.warning(("alarms", "overdue"), said, "remove it, or add an `approve:` step", code="alarm-in-vain")
    for index, name in enumerate(rules.channels or ()):
        if around.channels is not None and name not in around.channels:
            hint = suggest(name, around.channels) if around.channels else f"make it: errands channels set {name}"
            report.warning(("alarms", "channels", index), f"there is no channel `{name}`", hint, code="unknown-channel")
