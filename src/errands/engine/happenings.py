"""What happens inside Errands and starts runs: the end of another run, an event of the project.

Both are noted in the transaction in which they happen, as occurrences that are due at once; the scheduler starts them.
So each counts exactly once, and whoever ends a run or sends an event does not wait for what hangs on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from errands.core import ids
from errands.core.values import Json, JsonObject, from_text
from errands.engine.chains import following
from errands.store.connections import Connection, Pool
from errands.store.sql import statement

CHANNEL = "errands_triggers"
"""Notified when there may be something to do for the scheduler."""


@dataclass(frozen=True, slots=True)
class Happening:
    """What a run is started by, as its `trigger` and `payload` show it."""

    about: JsonObject
    """Parts of the run's `trigger`, beside its kind and id."""
    payload: Json
    untrusted: bool = False
    """The payload comes from outside, or from a run that carried such data."""


async def run_ended(connection: Connection, run_id: UUID) -> None:
    """Note that a run has ended without a worker, in the transaction that ends it."""
    await connection.execute(statement("run_ended"), run_id)


async def event_sent(
    connection: Connection, project_id: UUID, *, name: str, key: str | None, event_id: int, now: datetime
) -> None:
    """Note an event, in the transaction that records it."""
    await connection.execute(statement("event_sent"), project_id, name, key, now, event_id)


async def nudge(connection: Connection | Pool) -> None:
    """Tell the schedulers to look."""
    await connection.execute("select pg_notify($1, '')", CHANNEL)


async def happening_of(pool: Pool, cause: str) -> Happening | None:
    """What a cause stands for. `None`: it has been removed since."""
    sort, _, name = cause.partition(":")
    match sort:
        case "run":
            return await _run(pool, UUID(name))
        case "event":
            return await _event(pool, int(name))
        case _:
            return None


async def _run(pool: Pool, run_id: UUID) -> Happening | None:
    row = await pool.fetchrow(
        "select runs.status, runs.arguments, runs.output, runs.output_ref, runs.error, runs.trigger, runs.untrusted, "
        "tasks.name as task from runs join tasks on tasks.id = runs.task_id where runs.id = $1",
        run_id,
    )
    if row is None:
        return None
    public = ids.encode("run", run_id)
    payload: dict[str, Json] = {
        "run": public,
        "task": row["task"],
        "status": row["status"],
        "arguments": from_text(row["arguments"]),
        "output": None if row["output"] is None else from_text(row["output"]),
        "error": None if row["error"] is None else from_text(row["error"]),
    }
    if row["output_ref"] is not None:
        payload["output_too_large"] = True  # It lies in the artifact store, and would be copied into every run.
    trigger = from_text(row["trigger"])
    chain = following(trigger if isinstance(trigger, Mapping) else {}, row["task"])
    return Happening({"task": row["task"], "run": public, **chain}, payload, row["untrusted"])


async def _event(pool: Pool, event_id: int) -> Happening | None:
    row = await pool.fetchrow("select name, key, payload, sender from events where id = $1", event_id)
    if row is None:
        return None
    about: JsonObject = {"event": row["name"], "key": row["key"], "sender": row["sender"]}
    return Happening(about, None if row["payload"] is None else from_text(row["payload"]))
