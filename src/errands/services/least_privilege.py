"""Observed least privilege: after some runs, the narrower grants that would have been enough."""

from collections.abc import Mapping, Sequence

from errands.core.access import Principal, ProjectResource, TaskResource, Verb
from errands.core.definition.steps import NotifyStep, Step, ToolStep, inner_blocks
from errands.core.definition.task import TaskDefinition
from errands.core.observed_grants import Observed, suggest
from errands.core.outcomes import RunStatus, StepStatus
from errands.services.authority import Authority
from errands.services.errors import Invalid
from errands.services.grants_views import GrantsSuggested
from errands.services.lookup import find_task, find_version
from errands.services.story import key_of
from errands.store import record, runs
from errands.store.database import Database
from errands.store.record import JournalRow

_MOST_RUNS = 500


class LeastPrivilege:
    """What a caller may learn of the rights that a task really uses."""

    def __init__(self, database: Database, authority: Authority) -> None:
        self._database = database
        self._authority = authority

    async def suggest(self, caller: Principal, project: str, task: str, *, count: int = 50) -> GrantsSuggested:
        """Look at the last runs of the published version (or else the newest). Raises Denied, NotFound, Invalid."""
        await self._authority.authorise(caller, Verb.TASK_READ, TaskResource(project, task))
        await self._authority.authorise(caller, Verb.RUN_READ, ProjectResource(project, "run"))
        if not 1 <= count <= _MOST_RUNS:
            raise Invalid(f"{count} runs cannot be looked at at once.", f"Ask for 1 to {_MOST_RUNS}.")
        async with self._database.reader.connect() as connection:
            found = await find_task(connection, project, task)
            body = await find_version(connection, found, None)
            wanted = runs.Filter(task_id=found.id, status=RunStatus.SUCCEEDED)
            listed = await runs.history(connection, found.project_id, wanted, count)
            looked_at = [one.id for one in listed if one.version == body.number]
            journals = [await record.journal(connection, run_id) for run_id in looked_at]
        definition = TaskDefinition.model_validate(body.definition)
        steps = _steps(definition)
        reached = {key_of(row.path) for rows in journals for row in rows if _happened(row)}
        seen = observed(steps, [row for rows in journals for row in rows])
        resting = [key for key in steps if key not in reached and _tool(steps[key])]
        advice = suggest(definition.grants, seen, needed={_tool(steps[key]) or "" for key in resting})
        return GrantsSuggested(
            found.name, body.number, len(looked_at), advice.grants, advice.unused, advice.narrowed, tuple(resting)
        )


def observed(steps: Mapping[str, Step], rows: Sequence[JournalRow]) -> Observed:
    """What the calls in these records have reached: those of steps, and those of agents."""
    seen = Observed()
    for row in rows:
        if not _happened(row):
            continue
        if row.kind == "call":
            seen.add(row.path.partition("/")[2].partition("/")[2].rpartition("[")[0], row.input)
        elif row.kind == "outcome" and (tool := _tool(steps.get(key_of(row.path)))) is not None:
            seen.add(tool, row.input)
    return seen


def _happened(row: JournalRow) -> bool:
    return row.kind in ("outcome", "call") and row.status != StepStatus.SKIPPED


def _tool(step: Step | None) -> str | None:
    match step:
        case ToolStep():
            return step.tool
        case NotifyStep():
            return "notify.send"
        case _:
            return None


def _steps(definition: TaskDefinition) -> dict[str, Step]:
    """Every step by its key."""
    found: dict[str, Step] = {}
    blocks = [definition.steps, definition.on_error, definition.finally_]
    while blocks:
        for step in blocks.pop():
            found[step.key] = step
            blocks += [block for _, block in inner_blocks(step)]
    return found
