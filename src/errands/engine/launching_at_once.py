"""Runs begun in one statement, which is what most starts are: nothing to wait for, nothing to decide.

Those that are asked for at the same moment go there together, as the journal's records do. The rules are those of
`launching` and `admission`. Whatever they would have to look at first (an idempotency key, a limit, an overlap policy,
a pause) is left to them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from errands.core.outcomes import RunStatus
from errands.core.values import to_text
from errands.engine import admission
from errands.engine.gathering import Gathering
from errands.engine.launching import Launched, Launcher, Order, rules_of
from errands.engine.queueing import ADVANCE
from errands.store.audit import NewEntry, values_of
from errands.store.connections import Pool
from errands.store.identifiers import new_id
from errands.store.sql import statement

Entry = Callable[[UUID], NewEntry]
"""What the audit log keeps of a run that is started, given its id."""
_NO_ENTRY = (None,) * 9


@dataclass(frozen=True, slots=True)
class _Start:
    """One run to begin."""

    run_id: UUID
    order: Order
    key: str
    share: int
    at: datetime
    entry: NewEntry | None


class AtOnce:
    """Starts runs that nothing holds back."""

    def __init__(self, launcher: Launcher, pool: Pool, clock: Callable[[], datetime]) -> None:
        self._launcher = launcher
        self._pool = pool
        self._clock = clock
        # A caller waits for the answer, and is told where the database is away; to ask again could start a run twice.
        self._starts = Gathering(self._start, lambda start: start.run_id, patient=False)

    async def launch(self, order: Order, entry: Entry | None) -> Launched | None:
        """Start it, with its entry. None: nothing was done, and admission has to look.

        Raises LookupError, StepFailed; what the database says where it is away.
        """
        if order.idempotency_key is not None or order.parent is not None or order.rerun is not None:
            return None
        program = (await self._launcher.versions.get(order.version_id)).program
        if admission.gated(*rules_of(program, order)):
            return None
        key = await self._launcher.key_of(program, order)
        share = await self._launcher.share(self._pool, order.project_id)
        run_id = new_id()
        start = _Start(run_id, order, key, share, self._clock(), None if entry is None else entry(run_id))
        return Launched(run_id, RunStatus.QUEUED) if await self._starts.ask(start) else None

    async def _start(self, starts: Sequence[_Start]) -> Sequence[bool]:
        """Which of them were started."""
        columns = zip(*(_values(start) for start in starts), strict=True)
        rows = await self._pool.fetch(statement("start_runs"), *(list(column) for column in columns), ADVANCE)
        made = {row["id"] for row in rows}
        return [start.run_id in made for start in starts]


def _values(start: _Start) -> tuple[object, ...]:
    """What the statement keeps of a start, in the order of its columns."""
    order = start.order
    return (
        start.run_id,
        order.project_id,
        order.task_id,
        order.version_id,
        start.key,
        order.starter,
        to_text(order.trigger),
        to_text(order.arguments),
        order.trigger.get("untrusted") is True,
        start.at,
        start.share,
        *(_NO_ENTRY if start.entry is None else values_of(start.entry)),
    )
