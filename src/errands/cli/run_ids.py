"""Which run is meant: an id, some digits of it, or `last`."""

from errands.cli.desk import Room
from errands.cli.given import BadInput


async def the_run(room: Room, named: str) -> str:
    """The text that services find a run by; `last` is the newest run of the project. Raises BadInput."""
    if named != "last":
        return named
    newest = await room.services.runs.list(room.caller, room.project, limit=1)
    if not newest.items:
        raise BadInput(f"The project {room.project} has no runs yet", hint="Start one: errands run TASK")
    return newest.items[0].id
