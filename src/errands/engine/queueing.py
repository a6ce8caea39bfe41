"""The queue as the engine uses it: PgQueuer jobs that say "advance run R", enqueued inside our own transactions."""

from collections.abc import Sequence
from typing import cast
from uuid import UUID

import asyncpg

from errands.store.connections import Connection

ADVANCE = "advance"
RESUMED = 1_000_000_000
"""Priority of runs that were under way: they go before any new run."""


def priority(turn: int, epoch: int) -> int:
    """New runs by their turn; a run that was under way comes first."""
    return RESUMED if epoch > 0 else -turn


async def enqueue(connection: Connection, runs: Sequence[tuple[UUID, int]]) -> None:
    """Enqueue a job for each run and priority, in the connection's transaction."""
    # Importing PgQueuer takes longer than most commands, and most commands enqueue nothing.
    from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
    from pgqueuer.queries import Queries

    driver = AsyncpgDriver(cast("asyncpg.Connection", connection))
    await Queries(driver).enqueue(
        [ADVANCE] * len(runs), [run_id.bytes for run_id, _ in runs], [priority for _, priority in runs]
    )


async def tell(connection: Connection, run_id: UUID) -> None:
    """Tell the worker that holds a run to look at its waits and at whether it was cancelled."""
    await connection.execute("select pg_notify('errands_runs', $1)", run_id.hex)
