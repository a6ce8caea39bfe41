"""Schedules: tried out, and put into a task's draft with a preview of what they will do."""

from typing import Annotated

from pydantic import Field, JsonValue

from errands.chat.desk import Card, Desk, Told
from errands.chat.operations.drafting import draft_card
from errands.chat.operations.firings import COUNT, firings
from errands.chat.operations.operation import Arguments, operation
from errands.core.definition.editing import Insert, SetValue, rewrite
from errands.core.definition.parsing import parse_task
from errands.core.values import Json
from errands.services.errors import FilesInvalid, Invalid


class Schedule(Arguments):
    schedule: dict[str, JsonValue]
    """As in a task file: `{daily: "09:00", timezone: "Europe/Berlin"}`, `{every: 15m}`, `{cron: "0 8 * * MON-FRI"}`."""
    count: Annotated[int, Field(ge=1, le=50)] = COUNT


class NewTrigger(Arguments):
    task: str
    """Name of a stored task."""
    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=63)] = "schedule"
    """Of the trigger; one that the task has already is replaced."""
    schedule: dict[str, JsonValue]
    """As for preview_schedule."""
    arguments: dict[str, JsonValue] | None = None
    """Of the runs that it starts."""


@operation
async def preview_schedule(desk: Desk, arguments: Schedule) -> Told:
    """When a schedule would fire next, with daylight saving, windows and closed days."""
    spec: dict[str, Json] = dict(arguments.schedule)
    preview = await desk.services.triggers.preview_of(desk.caller, desk.project, spec, count=arguments.count)
    data = firings(preview)
    lines = "\n".join(f"- {line.local.isoformat(sep=' ', timespec='minutes')}" for line in preview.lines)
    return Told(data, f"{preview.sentence}\n{lines}", (Card("firings", data),))


@operation
async def set_trigger(desk: Desk, arguments: NewTrigger) -> Told:
    """Put a schedule into a task and show the changed task on a card, with its next firings. The person clicks Publish
    to let it count."""
    source = await desk.services.tasks.source(desk.caller, desk.project, arguments.task, await _newest(desk, arguments))
    changed = _with_trigger(source, arguments)
    problems = [
        one for one in await desk.services.tasks.validate(desk.caller, desk.project, changed) if one.severity == "error"
    ]
    if problems:
        raise FilesInvalid({f"tasks/{arguments.task}.yaml": problems})
    card = await draft_card(desk, changed, f"Schedule {arguments.id}")
    spec: dict[str, Json] = dict(arguments.schedule)
    preview = await desk.services.triggers.preview_of(desk.caller, desk.project, spec)
    times = "\n".join(f"- {line.local.isoformat(sep=' ', timespec='minutes')}" for line in preview.lines[:COUNT])
    said = f"**{arguments.task}**: {preview.sentence.rstrip('.')}. Publish it to let it count.\n{times}"
    facts: Json = {"draft": arguments.task, "firings": firings(preview)}
    return Told(facts, said, (card,))


async def _newest(desk: Desk, arguments: NewTrigger) -> int:
    return (await desk.services.tasks.get(desk.caller, desk.project, arguments.task)).latest


def _with_trigger(source: str, wanted: NewTrigger) -> str:
    definition = parse_task(source).definition
    if definition is None:
        raise Invalid(f"The stored task {wanted.task} cannot be read.", "Draft it anew.")
    trigger: dict[str, Json] = {"id": wanted.id, "schedule": dict(wanted.schedule)}
    if wanted.arguments:
        trigger["arguments"] = dict(wanted.arguments)
    names = [one.id for one in definition.triggers]
    if wanted.id in names:
        return rewrite(source, [SetValue(("triggers", names.index(wanted.id)), trigger)])
    return rewrite(source, [Insert(("triggers",), len(names), trigger)])
