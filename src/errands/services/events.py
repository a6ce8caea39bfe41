"""Events of a project."""

from typing import TYPE_CHECKING

from errands.core.access import Principal, ProjectResource, Verb
from errands.core.values import Json
from errands.services.authority import Authority
from errands.services.errors import Invalid
from errands.services.lookup import find_project
from errands.store.database import Database

if TYPE_CHECKING:
    from errands.engine.engine import Engine

_LONGEST = 200


class EventService:
    """Sends events."""

    def __init__(self, database: Database, authority: Authority, engine: "Engine") -> None:
        self._database = database
        self._authority = authority
        self._engine = engine

    async def send(
        self, caller: Principal, project: str, name: str, *, key: str | None = None, payload: Json = None
    ) -> int:
        """Record an event and wake the runs that wait for it (and for this key, or for any); gives how many.

        Raises NotFound (project), Denied, Invalid (name).
        """
        resource = ProjectResource(project, "event", name)
        await self._authority.authorise(caller, Verb.EVENT_SEND, resource)
        if not name.strip() or len(name) > _LONGEST:
            raise Invalid(f"{name[:_LONGEST]!r} cannot be the name of an event.", "Use 1 to 200 characters.")
        async with self._database.reader.connect() as connection:
            owner = await find_project(connection, project)
        return await self._engine.send_event(
            owner.id,
            name=name,
            key=key,
            payload=payload,
            sender=caller.reference,
            also=self._authority.witness(caller, Verb.EVENT_SEND, resource, {"key": key}),
        )
