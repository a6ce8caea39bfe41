"""What the fault scripts share: a server of their own, worker processes, runs to do, and the count at the end."""

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from errands.core.definition.parsing import parse_task
from errands.core.expressions.sandbox import Sandbox
from errands.engine.engine import Engine
from errands.engine.launching import Order
from errands.engine.limits import EngineLimits
from errands.engine.patience import patiently
from errands.store.database import Database
from errands.store.embedded import EmbeddedServer
from errands.store.identifiers import new_id
from errands.store.migrations import upgrade
from tests.faults.worker_process import engine_on

ROOT = Path(__file__).parents[2]
TEN_STEPS = """
task: ten
description: ten steps, two of which change the outside
steps:
""" + "".join(
    f"  - {{id: s{n}, tool: {'change.note' if n in (3, 7) else 'nap' if n % 2 else 'noop'}}}\n" for n in range(10)
)
TABLES = """
create table effects (effect_key text not null, path text not null, run text not null);
create table gate (open boolean not null);
"""


@dataclass
class WorkerProcess:
    """A worker process that can be killed, frozen and stopped."""

    process: subprocess.Popen[str]
    id: UUID

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> float:
        """SIGTERM; gives the seconds until it had ended."""
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        self.process.wait(60)
        return time.monotonic() - began


@dataclass
class Scene:
    """A database with a task, its workers, and what was launched."""

    url: str
    server: EmbeddedServer
    database: Database
    engine: Engine
    heartbeat: float
    grace: float
    random: random.Random
    project_id: UUID = field(default_factory=new_id)
    workers: list[WorkerProcess] = field(default_factory=list)
    _task: tuple[UUID, UUID] | None = None

    async def start_worker(self, *, concurrency: int = 32) -> WorkerProcess:
        """Start a worker process and wait until it takes jobs."""
        given = [self.url, str(self.heartbeat), str(self.grace), str(concurrency)]
        worker = await asyncio.to_thread(_started, given)
        self.workers.append(worker)
        return worker

    async def launch(self, runs: int, source: str = TEN_STEPS) -> list[UUID]:
        """Launch runs of a task."""
        task_id, version_id = await self._applied(source)
        order = Order(self.project_id, task_id, version_id, {})
        return [(await self.engine.launch(order)).run_id for _ in range(runs)]

    async def _applied(self, source: str) -> tuple[UUID, UUID]:
        if self._task is not None:
            return self._task
        definition = parse_task(source).definition
        assert definition is not None
        task_id, version_id = new_id(), new_id()
        pool = self.database.pool
        await pool.execute("insert into projects (id, name) values ($1, 'faults')", self.project_id)
        await pool.execute(
            "insert into tasks (id, project_id, name, description) values ($1, $2, $3, '')",
            task_id,
            self.project_id,
            definition.task,
        )
        await pool.execute(
            "insert into task_versions (id, task_id, number, digest, source, definition, author) "
            "values ($1, $2, 1, '', '', $3, 'faults')",
            version_id,
            task_id,
            definition.model_dump_json(by_alias=True),
        )
        self._task = task_id, version_id
        return self._task

    async def gate(self, *, is_open: bool) -> None:
        """Let the steps that stand at the gate go on, and all that come; or hold them from now on."""
        await self.database.pool.execute("insert into gate values (true)" if is_open else "delete from gate")

    async def until(self, condition: str, *arguments: object, seconds: float) -> float:
        """Wait until a query gives true; gives the seconds it took. Raises TimeoutError."""
        began = time.monotonic()
        async with asyncio.timeout(seconds):
            while not await patiently(self.database.pool.fetchval, condition, *arguments):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return time.monotonic() - began

    async def all_ended(self, seconds: float) -> float:
        """Wait until no run is left to do."""
        return await self.until(
            "select not exists (select 1 from runs where status in ('queued', 'running', 'waiting'))", seconds=seconds
        )

    async def counts(self) -> dict[str, int]:
        """What the database says of all runs: the promises in figures."""
        row = await self.database.pool.fetchrow(
            """
            select (select count(*) from runs) as runs,
                   (select count(*) from runs where status = 'succeeded') as succeeded,
                   (select count(*) from runs where epoch > 1) as taken_over,
                   (select count(*) from steps where kind = 'outcome') as recorded_steps,
                   (select count(*) from (select 1 from steps group by run_id, path having count(*) > 1) as twice)
                       as doubled_records,
                   (select count(*) from effects) as effects,
                   (select count(distinct effect_key) from effects) as distinct_effects,
                   (select count(*) from (select 1 from effects group by run, path
                       having count(distinct effect_key) > 1) as keys) as effects_with_two_keys,
                   (select count(*) from (select 1 from effects group by run, path having count(*) > 1) as twice)
                       as repeated_effects
            """
        )
        assert row is not None
        return dict(row)


def _started(arguments: list[str]) -> WorkerProcess:
    """A worker process that takes jobs."""
    command = [sys.executable, "-m", "tests.faults.worker_process", *arguments]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"}
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    return WorkerProcess(process, _ready(process))


def _ready(process: subprocess.Popen[str]) -> UUID:
    assert process.stdout is not None
    for line in process.stdout:
        word, _, rest = line.partition(" ")
        if word == "ready":
            return UUID(rest.strip())
    raise RuntimeError("the worker process ended before it was ready")


@asynccontextmanager
async def scene(seed: int, *, heartbeat: float, grace: float = 5) -> AsyncIterator[Scene]:
    """A server, a database and an engine to launch with; ends every worker process at the end."""
    with tempfile.TemporaryDirectory(prefix="errands-faults-") as name:
        folder = Path(name)
        server = EmbeddedServer(folder)
        url = await asyncio.to_thread(server.acquire)
        database, sandbox = await Database.open(None, folder, pool_size=5), Sandbox()
        await upgrade(database)
        await database.pool.execute(TABLES)
        engine = engine_on(database, folder, EngineLimits(), sandbox)
        made = Scene(url, server, database, engine, heartbeat, grace, random.Random(seed))
        try:
            yield made
        finally:
            for worker in made.workers:
                if worker.process.poll() is None:
                    worker.signal(signal.SIGCONT)
                    worker.kill()
            await sandbox.aclose()
            await database.close()
            await asyncio.to_thread(server.release)


Act = Callable[[int, bool], Awaitable[Mapping[str, object]]]


def run_script(description: str | None, act: Act) -> int:
    """Parse `--short` and `--seed`, run, print the summary as JSON; 0 if every promise was kept."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="the form for `make test`")
    parser.add_argument("--seed", type=int, default=None, help="repeat a run with the seed that it printed")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(2**32)
    print(f"seed {seed}", flush=True)

    async def acted() -> Mapping[str, object]:
        return await act(seed, given.short)

    summary = asyncio.run(acted())
    print(json.dumps({"script": Path(sys.argv[0]).stem, "seed": seed, "short": given.short, **summary}))
    return 0 if summary["kept"] else 1
