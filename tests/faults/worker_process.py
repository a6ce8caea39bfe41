"""A worker in a process of its own, with scripted tools, for scripts that kill, freeze and stop it.

Usage: python -m tests.faults.worker_process DATABASE_URL HEARTBEAT_SECONDS GRACE_SECONDS CONCURRENCY

Prints `ready <worker id>` once it takes jobs. Stops in good order on SIGTERM. Tools:
`noop`; `nap` holds its step for `seconds`; `gate` holds it until the table `gate` has a row; `change.note` adds
(effect key, path, run) to the table `effects` and then takes its time to say so, as a slow service would.
"""

import asyncio
import contextlib
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from errands.core.expressions.sandbox import Sandbox
from errands.core.outcomes import Performed
from errands.core.ports import AgentCall, Effect, LeafCall, RunIdentity, StepContext
from errands.engine.engine import Engine, Parts
from errands.engine.limits import EngineLimits
from errands.engine.patience import patiently
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database


class NotingTools:
    """A performer whose only effect is a row, so that a script can count effects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def effect(self, call: LeafCall, run: RunIdentity) -> Effect:
        return Effect.CHANGES if not isinstance(call, AgentCall) and call.tool == "change.note" else Effect.READS

    async def outside(self, call: LeafCall, run: RunIdentity) -> bool:
        return False

    async def version(self, call: LeafCall, run: RunIdentity) -> str:
        return "1"

    async def perform(self, call: LeafCall, context: StepContext) -> Performed:
        assert not isinstance(call, AgentCall)
        match call.tool:
            case "change.note":
                note = "insert into effects (effect_key, path, run) values ($1, $2, $3)"
                await patiently(self._database.pool.execute, note, context.effect_key, context.path, context.run.run_id)
                await asyncio.sleep(0.05)
            case "nap":
                await asyncio.sleep(float(str(call.arguments.get("seconds", 0.1))))
            case "gate":
                while not await patiently(self._database.pool.fetchval, "select exists (select 1 from gate)"):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        return Performed({"path": context.path})


class EmptyVault:
    """There are no secrets here."""

    async def reveal(self, project_id: str | None, names: Sequence[str], task: str | None = None) -> Mapping[str, str]:
        return {}


def engine_on(database: Database, folder: Path, limits: EngineLimits, sandbox: Sandbox) -> Engine:
    """An engine with these tools."""
    artifacts = ArtifactStore(str(folder / "artifacts"))
    tools = NotingTools(database)
    parts = Parts(database.pool, tools, sandbox, EmptyVault(), artifacts, lambda _: None, limits, folder / "workspaces")
    return Engine(parts)


async def work(url: str, heartbeat: timedelta, grace: timedelta, concurrency: int) -> None:
    """Work until SIGTERM."""
    with tempfile.TemporaryDirectory(prefix="errands-fault-") as folder:
        database, sandbox = await Database.open(url, Path(folder), pool_size=8), Sandbox()
        limits = EngineLimits(heartbeat=heartbeat, grace=grace)
        worker = engine_on(database, Path(folder), limits, sandbox).worker(concurrency=concurrency)
        working = asyncio.create_task(worker.run())
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        await worker.ready.wait()
        print(f"ready {worker.id}", flush=True)
        await stopped.wait()
        await worker.stop()
        await working
        await sandbox.aclose()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await database.close()


def main() -> None:
    url, heartbeat, grace, concurrency = sys.argv[1:]
    asyncio.run(work(url, timedelta(seconds=float(heartbeat)), timedelta(seconds=float(grace)), int(concurrency)))


if __name__ == "__main__":
    main()
