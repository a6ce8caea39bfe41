"""The one gate of all services: authorise first, then act, then record, in one transaction where there is one."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import assert_never
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from errands.core.access import (
    AccountResource,
    ApprovalResource,
    Decision,
    Principal,
    ProjectResource,
    Resource,
    ServerResource,
    TaskResource,
    ThreadResource,
    TriggerPrincipal,
    Verb,
    permit,
)
from errands.core.values import Json, JsonObject
from errands.services.errors import Denied
from errands.store import audit
from errands.store.audit import NewEntry, Outcome
from errands.store.connections import Connection
from errands.store.database import Database

_LONGEST_NAME = 300

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Authority:
    """Decides, and writes down what was decided and done."""

    def __init__(self, database: Database, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def authorise(self, caller: Principal, verb: Verb, resource: Resource) -> None:
        """Raises Denied, which is recorded."""
        decision = self.decide(caller, verb, resource)
        if not decision.allowed:
            await self._refuse(caller, verb, resource, decision)

    def decide(self, caller: Principal, verb: Verb, resource: Resource) -> Decision:
        """The same without a trace: for lists that leave out what the caller may not see."""
        return permit(caller, verb, resource, now=self._clock())

    async def record(
        self,
        connection: AsyncConnection,
        caller: Principal,
        verb: Verb,
        resource: Resource,
        detail: JsonObject | None = None,
        *,
        outcome: Outcome = "done",
    ) -> None:
        """Keep in the audit log what the connection's transaction does. `detail` holds no secret."""
        await audit.write(connection, entry_of(caller, verb, resource, detail, outcome))

    def witness(
        self, caller: Principal, verb: Verb, resource: Resource, detail: JsonObject | None = None
    ) -> Callable[[Connection, UUID], Awaitable[None]]:
        """The engine's `Witness`: keeps it in the engine's transaction; a run that is started is named with it."""
        entry = self.entry(caller, verb, resource, detail)

        async def write(connection: Connection, changed: UUID) -> None:
            await audit.write_in(connection, entry(changed))

        return write

    def entry(
        self, caller: Principal, verb: Verb, resource: Resource, detail: JsonObject | None = None
    ) -> Callable[[UUID], NewEntry]:
        """What to keep of it once the id of what it changes is known, for an engine that writes it by itself."""

        def told(changed: UUID) -> NewEntry:
            run = {"run": f"run_{changed.hex}"} if verb in (Verb.TASK_RUN, Verb.RUN_RERUN) else {}
            return entry_of(caller, verb, resource, {**(detail or {}), **run}, "done")

        return told

    async def record_denial(self, caller: Principal, verb: Verb, resource: Resource, reason: str) -> None:
        """Keep a denial that a service has decided by more than the table of rights."""
        told: JsonObject = {"reason": _storable(reason)}
        await audit.write_in(self._database.pool, entry_of(caller, verb, resource, told, "denied"))

    async def _refuse(self, caller: Principal, verb: Verb, resource: Resource, decision: Decision) -> None:
        """The denial stays, whatever the caller does next: it has a transaction of its own, on the other pool, so that
        callers who hold a connection of the first do not wait for each other.
        """
        detail: JsonObject = {"reason": _storable(decision.reason)}
        await audit.write_in(self._database.pool, entry_of(caller, verb, resource, detail, "denied"))
        granted = decision.who_can_grant
        raise Denied(decision.reason, None if granted is None else f"Ask {granted}.")


def entry_of(
    caller: Principal, verb: Verb, resource: Resource, detail: JsonObject | None, outcome: Outcome
) -> NewEntry:
    """An entry of the audit log."""
    noun, name, project = _named(resource)
    told: dict[str, Json] = dict(detail or {})
    if isinstance(caller, TriggerPrincipal) and caller.owner is not None:
        told["owner"] = caller.owner
    if not isinstance(caller, TriggerPrincipal) and caller.through is not None:
        told["through"] = caller.through
    return NewEntry(
        caller.reference,
        caller.kind,
        caller.id,
        verb,
        noun,
        _storable(name),
        project and _storable(project),
        outcome,
        told,
    )


def _storable(name: str) -> str:
    """What strangers name may be long, or hold what a database cannot; the record of their try must not fail."""
    return name[:_LONGEST_NAME].encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _named(resource: Resource) -> tuple[str, str, str | None]:
    """Noun, name and project."""
    match resource:
        case ServerResource():
            return resource.noun, resource.name, None
        case AccountResource():
            return "account", resource.name or resource.person, None
        case ProjectResource():
            return resource.noun, resource.name or resource.project, resource.project
        case TaskResource():
            return "task", resource.name, resource.project
        case ApprovalResource():
            return "approval", resource.name, resource.project
        case ThreadResource():
            return "thread", resource.name, resource.project
        case _:
            assert_never(resource)
