"""Which run is meant: an id, some digits of it, or `last`."""

from errands.cli.desk import Room
from errands.cli.given import BadInput

_LOOKED_AT = 50


async def the_run(room: Room, named: str) -> str:
    """The text that services find a run by; `last` is the newest that is no sub-task. Raises BadInput."""
    if named != "last":
        return named
    newest = (await room.client.runs.list(room.project, limit=_LOOKED_AT)).items
    if not newest:
        raise BadInput(f"The project {room.project} has no runs yet", hint="Start one: errands run TASK")
    return next((run for run in newest if run.trigger.get("kind") != "task"), newest[0]).id
