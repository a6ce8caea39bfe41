"""A run begun in one statement, which is what most starts are: nothing to wait for, nothing to decide.

The rules are those of `launching` and `admission`. Whatever they would have to look at first (an idempotency key, a
limit, an overlap policy, a pause) is left to them.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from errands.core.outcomes import RunStatus
from errands.core.values import to_text
from errands.engine import admission
from errands.engine.launching import Launched, Launcher, Order, rules_of
from errands.engine.queueing import ADVANCE
from errands.store.audit import NewEntry, values_of
from errands.store.connections import Pool
from errands.store.identifiers import new_id
from errands.store.sql import statement

Entry = Callable[[UUID], NewEntry]
"""What the audit log keeps of a run that is started, given its id."""
_NO_ENTRY = (None,) * 9


async def launch_at_once(
    launcher: Launcher, pool: Pool, order: Order, entry: Entry | None, now: datetime
) -> Launched | None:
    """Start it, with its entry. None: nothing was done, and admission has to look. Raises LookupError, StepFailed."""
    if order.idempotency_key is not None or order.parent is not None or order.rerun is not None:
        return None
    program = (await launcher.versions.get(order.version_id)).program
    if admission.gated(*rules_of(program, order)):
        return None
    run_id = new_id()
    made = await pool.fetchval(
        statement("start_run"),
        run_id,
        order.project_id,
        order.task_id,
        order.version_id,
        await launcher.key_of(program, order),
        order.starter,
        to_text(order.trigger),
        to_text(order.arguments),
        order.trigger.get("untrusted") is True,
        now,
        await launcher.share(pool, order.project_id),
        ADVANCE,
        run_id.bytes,
        *(_NO_ENTRY if entry is None else values_of(entry(run_id))),
    )
    return None if made is None else Launched(run_id, RunStatus.QUEUED)
