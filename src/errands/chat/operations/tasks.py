"""Tasks: listed, explained, paused by a card; and the tools that their steps can use."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from errands.chat.desk import Card, Desk, Told
from errands.chat.operations.operation import Arguments, operation
from errands.core.values import Json
from errands.services.cursors import LARGEST_PAGE, whole
from errands.services.errors import NotFound
from errands.services.trigger_views import TriggerView
from errands.services.views import TaskView

_MOST_TOOLS = 20


class NoArguments(Arguments):
    """Nothing to say."""


class TaskName(Arguments):
    task: str
    """Name of a task."""


class StateChange(Arguments):
    task: str
    """Name of a task."""
    act: Literal["pause", "resume", "archive", "restore", "delete", "publish"]
    note: str | None = None
    """Why; kept with it."""
    version: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None
    """The version to publish, be it newer or older. None: the newest."""


class ToolSearch(Arguments):
    words: str = ""
    """Part of a name or description. Empty: all tools, by name and first sentence."""


@operation
async def list_tasks(desk: Desk, arguments: NoArguments) -> Told:
    """All tasks of the project, with their state and what starts them next."""
    caller, project, services = desk.caller, desk.project, desk.services
    found = await whole(lambda cursor: services.tasks.list(caller, project, cursor=cursor))
    triggers: dict[str, list[TriggerView]] = {}
    for one in await whole(lambda cursor: services.triggers.list(caller, project, cursor=cursor, limit=LARGEST_PAGE)):
        triggers.setdefault(one.task, []).append(one)
    lines: list[Json] = [_line(task, triggers.get(task.name, ())) for task in found]
    if not found:
        return Told([], "There is no task yet. `/new NAME what it does` drafts one.")
    words = "\n".join(f"- **{task.name}**: {task.description} _{_state(task)}_" for task in found)
    return Told(lines, words, (Card("tasks", {"tasks": lines}),))


@operation
async def get_task(desk: Desk, arguments: TaskName) -> Told:
    """One task: its source, its triggers, its versions and its last runs."""
    caller, project, name = desk.caller, desk.project, arguments.task
    task = await desk.services.tasks.get(caller, project, name)
    source = await desk.services.tasks.source(caller, project, name)
    triggers = (await desk.services.triggers.list(caller, project, [name])).items
    runs = (await desk.services.runs.list(caller, project, task=name, limit=5)).items
    facts: dict[str, Json] = {
        "source": source,
        **_line(task, triggers),
        "last_runs": [{"run": one.id, "status": one.status.value, "queued_at": str(one.queued_at)} for one in runs],
    }
    said = [f"**{name}** ({_state(task)}): {task.description}", f"```yaml\n{source.rstrip()}\n```"]
    said += [f"- {one.name}: {one.sentence or one.kind}" for one in triggers]
    return Told(facts, "\n".join(said))


@operation
async def change_task_state(desk: Desk, arguments: StateChange) -> Told:
    """Offer to pause a task (new runs are refused), resume, archive, restore or delete it, or to publish one of its
    versions. The person clicks."""
    task = await desk.services.tasks.get(desk.caller, desk.project, arguments.task)
    data: dict[str, Json] = {"act": arguments.act, "name": task.name, "note": arguments.note}
    said = f"{arguments.act.capitalize()} the task {task.name}?"
    if arguments.act == "publish":
        data["version"] = arguments.version or task.latest
        said = f"Publish version {data['version']} of the task {task.name}?"
    data["text"] = said
    return Told("The person is asked by a card.", said, (Card("act", data),))


@operation
async def list_agents(desk: Desk, arguments: NoArguments) -> Told:
    """The project's agents with their sources. A changed or new one is drafted like a task (`agent: NAME`)."""
    files = await desk.services.tasks.export(desk.caller, desk.project)
    found = [one for one in files if one.name.startswith("agents/")]
    lines: list[Json] = [{"agent": one.name[7:].removesuffix(".yaml"), "source": one.source} for one in found]
    if not found:
        return Told([], "The project has no agent.")
    return Told(lines, "\n\n".join(f"```yaml\n{one.source.rstrip()}\n```" for one in found))


@operation
async def describe_tools(desk: Desk, arguments: ToolSearch) -> Told:
    """The tools that steps of a task can use, with the schemas of their arguments and results."""
    words = arguments.words.casefold()
    specs = await desk.tools.specs(desk.project_id, ("*",))
    found = [specs[name] for name in sorted(specs) if words in f"{name} {specs[name].description}".casefold()]
    if not words or len(found) > _MOST_TOOLS:
        facts: list[Json] = [{"tool": one.name, "about": one.description.split(". ")[0]} for one in found]
    else:
        facts = [
            {
                "tool": one.name,
                "about": one.description,
                "effect": one.effect.value,
                "arguments": one.input_schema,
                "result": one.output_schema,
            }
            for one in found
        ]
    if not found:
        raise NotFound("tool", arguments.words)
    return Told(facts, "\n".join(f"- `{one.name}`: {one.description}" for one in found))


def _line(task: TaskView, found: Sequence[TriggerView]) -> dict[str, Json]:
    return {
        "task": task.name,
        "description": task.description,
        "state": _state(task),
        "published": task.published,
        "latest": task.latest,
        "triggers": [
            {
                "id": one.name,
                "kind": one.kind,
                "sentence": one.sentence,
                "next_at": None if one.next_at is None else one.next_at.isoformat(),
            }
            for one in found
        ],
    }


def _state(task: TaskView) -> str:
    if task.paused_at is not None:
        return "paused" + (f": {task.pause_note}" if task.pause_note else "")
    return "draft" if task.published is None else f"published as version {task.published}"
