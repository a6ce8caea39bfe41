"""The next firings of schedules, as cards show them."""

from collections.abc import Mapping

from errands.chat.desk import Desk
from errands.core.definition.task import TaskDefinition
from errands.core.values import Json
from errands.services.errors import ServiceError
from errands.services.trigger_views import PreviewView

COUNT = 5


async def firings_of(desk: Desk, definition: TaskDefinition) -> list[Json]:
    """Each trigger of a task; of schedules the next firings."""
    found: list[Json] = []
    for trigger in definition.triggers:
        told: dict[str, Json] = {"id": trigger.id, "kind": trigger.kind}
        if trigger.kind == "schedule":
            try:
                spec: dict[str, Json] = dict(trigger.schedule)
                told |= firings(await desk.services.triggers.preview_of(desk.caller, desk.project, spec, count=COUNT))
            except ServiceError as refused:
                told["problem"] = refused.message
        found.append(told)
    return found


def firings(preview: PreviewView) -> Mapping[str, Json]:
    """A preview as JSON."""
    return {
        "sentence": preview.sentence,
        "timezone": preview.timezone,
        "jitter": preview.jitter,
        "lines": [
            {
                "planned_at": line.planned_at.isoformat(),
                "local": line.local.isoformat(),
                "verdict": line.verdict,
                "reason": line.reason,
            }
            for line in preview.lines
        ],
    }
