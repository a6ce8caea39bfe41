"""What webhooks and mail have in common: the trigger that an address leads to, and the record of what came."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from errands.core import ids
from errands.core.access import TaskResource, TriggerPrincipal, Verb
from errands.engine.deliveries import Delivered
from errands.engine.happenings import Happening
from errands.services.authority import Authority, utc_now
from errands.services.errors import Conflict, Invalid, Unavailable
from errands.services.rates import Rates
from errands.store import deliveries
from errands.store.connections import Connection
from errands.store.database import Database
from errands.store.deliveries import Addressed

if TYPE_CHECKING:
    from errands.engine.engine import Engine

Also = Callable[[Connection, UUID], Awaitable[None]]
"""Done in the transaction that starts the run; is given its id."""
MOST_FORGED = 30
"""Refused deliveries of one sender to one trigger in a minute, after which the next are not looked at."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is to start a run."""

    cause: str
    name: str | None
    """What its sender calls it."""
    happening: Happening
    since: datetime | None = None
    """One that came before this moment may come once more. `None`: never."""


def accepted_by(trigger: Addressed) -> str:
    """What is counted against the trigger's `max_per_minute`."""
    return f"trigger:{trigger.id.hex}"


def started_run(made: Delivered) -> UUID:
    """The run. Raises Conflict, Invalid where nothing was started: the sender is known, and told why."""
    if made.run_id is not None:
        return made.run_id
    said = f"The delivery started nothing: {made.reason}."
    if made.outcome == "failed_to_start":
        raise Invalid(said, "Send what the task takes, or mend the trigger's arguments.")
    raise Conflict(said, "Deliver it again when this has changed.")


class Reception:
    """Finds triggers, starts their runs, and keeps what became of each delivery."""

    def __init__(
        self, database: Database, authority: Authority, engine: "Engine", clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._authority = authority
        self._engine = engine
        self.clock = clock
        self.rates = Rates(database.pool)

    async def find(self, address: str, kind: str) -> Addressed | None:
        """The open trigger of an address."""
        if not (len(address) == 32 and address.isascii() and address.isalnum()):
            return None
        found = await deliveries.find(self._database.pool, address)
        return found if found is not None and found.kind == kind else None

    async def start(self, trigger: Addressed, delivery: Delivery, *, also: Also | None = None) -> Delivered:
        """Start its run, as the trigger. Raises Denied, Unavailable (others deliver to it all the time)."""
        principal = TriggerPrincipal(
            ids.encode("trigger", trigger.id), trigger.name, trigger.project, trigger.task, trigger.owner
        )
        resource = TaskResource(trigger.project, trigger.task)
        await self._authority.authorise(principal, Verb.TASK_RUN, resource)

        async def keep(connection: Connection, made: Delivered) -> None:
            await deliveries.note(
                connection,
                trigger.id,
                self.clock(),
                outcome=made.outcome,
                code=made.code,
                reason=made.reason,
                delivery=delivery.name,
                run_id=made.run_id,
            )
            if also is not None and made.run_id is not None:
                await also(connection, made.run_id)

        try:
            delivered = await self._engine.deliver(
                trigger.id, cause=delivery.cause, happening=delivery.happening, since=delivery.since, also=keep
            )
        except (TimeoutError, LookupError):
            raise Unavailable("The trigger is busy with other deliveries.", "Deliver it again in a moment.") from None
        if delivered.existing:
            reason = "it had come before, and starts one run only"
            await self.count(trigger, "repeated", "repeated", reason, delivery.name, delivered.run_id)
        return delivered

    async def count(
        self,
        trigger: Addressed,
        outcome: str,
        code: str,
        reason: str,
        delivery: str | None = None,
        run_id: UUID | None = None,
    ) -> None:
        """Keep that something came and started nothing."""
        await deliveries.count(
            self._database.pool,
            trigger.id,
            self.clock(),
            outcome=outcome,
            code=code,
            reason=reason,
            delivery=delivery,
            run_id=run_id,
        )
