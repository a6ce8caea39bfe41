"""What a machine carries: rates, memory, disk, connections and idle cost of real processes, beside bare commits.

usage: capacity.py [RUNS] [WAITING] [IDLE_SECONDS]

`errands worker` and `errands serve`, as an operator starts them, on the embedded database of one home. RUNS (600) runs
of ten steps that each write a line to the log lie queued: one worker does them, then three together, in turns with bare
commits of one row on sixteen connections. From the same runs: bytes on disk by table, bytes of write-ahead log, and
what retention gives back. Then a server alone is asked by 16 clients in a process of their own; WAITING (2,000) runs
wait for an answer; and a server with a worker does nothing for IDLE_SECONDS (15).
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import asyncpg
import httpx
from apart import memory
from harness import Project, fresh_folder, settle
from measuring import Figure, bare_commits, report

from errands.bootstrap import Runtime, open_services
from errands.core.access import Scope, ServerRole
from errands.engine.retention import forget_ended
from errands.services.principals import operator
from errands.services.views import SourceFile
from errands.settings import Settings
from errands.store.artifacts import ArtifactStore
from errands.store.database import Database

STEPS = 10
ROUNDS = 3
CLIENTS = 16
ASKING_SECONDS = 4.0
PROJECT = "default"
OPERATOR = operator("bench")
ERRANDS = Path(sys.executable).with_name("errands")
TICKS = os.sysconf("SC_CLK_TCK")
TEN = "task: ten\ndescription: Ten lines in the log.\ngrants: {tools: [log]}\nsteps:\n" + "".join(
    f"  - {{id: s{n}, tool: log, with: {{message: line {n} of ten}}}}\n" for n in range(STEPS)
)
HELLO = "task: hello\ndescription: Says hello.\nsteps: [{id: say, finish: {output: hello}}]\n"
ASK = "task: ask\ndescription: Asks.\nsteps: [{id: ok, approve: {question: May it go on?}}]\n"
JOURNAL, LINES, RUNS = "steps", "log_lines", "runs"


@dataclass
class Process:
    """A command that runs, as the kernel accounts for it."""

    process: asyncio.subprocess.Process
    out: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def memory(self) -> float:
        """MiB that it and its helpers hold now."""
        return sum(memory("VmRSS", pid) for pid in family(self.pid))

    def processor(self) -> float:
        """Seconds of processor time that it and its helpers have used."""
        return sum(processor_seconds(pid) for pid in family(self.pid))

    async def stop(self) -> None:
        self.process.terminate()
        await self.process.wait()


@dataclass
class Bench:
    """What the measurements share."""

    home: Path
    runtime: Runtime
    database: Database
    project: Project
    token: str
    own: int = 0
    """Connections of this process, counted while there is no other."""

    @property
    def pool(self) -> asyncpg.Pool:
        return self.database.pool

    def postgres(self) -> float:
        """Seconds of processor time of the database server and all its processes, ended ones included."""
        first = int((self.home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
        return processor_seconds(first, ended=True) + sum(processor_seconds(pid) for pid in children(first))

    async def start(self, *command: str, workers: int = 0) -> Process:
        """Start a command; wait until so many workers are registered, or else until it says something."""
        out = self.home / f"{command[0]}-{time.monotonic_ns()}.out"
        with out.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                ERRANDS,
                *command,
                env={**os.environ, "ERRANDS_HOME": str(self.home), "ERRANDS_LOG_LEVEL": "warning"},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.DEVNULL,
            )
        async with asyncio.timeout(60):
            while not await self._up(out, workers):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return Process(process, out)

    async def _up(self, out: Path, workers: int) -> bool:
        if workers:
            return int(await self.pool.fetchval("select count(*) from workers")) >= workers
        return b"\n" in await asyncio.to_thread(out.read_bytes)

    @asynccontextmanager
    async def workers(self, count: int) -> AsyncIterator[list[Process]]:
        """So many `errands worker`, ready to take jobs."""
        started = [await self.start("worker", workers=number + 1) for number in range(count)]
        try:
            yield started
        finally:
            await asyncio.gather(*(one.stop() for one in started))


async def main(runs: int, waiting: int, idle_seconds: float) -> list[Figure]:
    async with fresh_folder() as home, open_services(Settings.load(home=home), worker=False) as runtime:
        database = await Database.open(None, home, pool_size=4)
        try:
            bench = Bench(home, runtime, database, await _project(runtime, database), await _token(runtime))
            bench.own = await _connections(bench)
            figures = await throughput(bench, runs)
            figures += await disk(bench, runs)
            figures += await answers(bench)
            figures += await at_rest(bench, waiting, idle_seconds)
        finally:
            await database.close()
    return figures


async def _project(runtime: Runtime, database: Database) -> Project:
    files = [SourceFile(f"{name}.yaml", text) for name, text in (("ten", TEN), ("hello", HELLO), ("ask", ASK))]
    await runtime.services.tasks.apply(OPERATOR, PROJECT, files)
    rows = await database.pool.fetch("select name, id, published_version_id, project_id from tasks")
    tasks = {row["name"]: (row["id"], row["published_version_id"]) for row in rows}
    return Project(database, runtime.engine, rows[0]["project_id"], tasks)


async def _token(runtime: Runtime) -> str:
    await runtime.services.people.create(OPERATOR, "bench", server_role=ServerRole.ADMIN)
    made = await runtime.services.tokens.make(OPERATOR, "bench", tuple(Scope), expires_in=None, person="bench")
    return made.text


@dataclass(frozen=True)
class Round:
    """A backlog that was done."""

    rate: float
    """Runs per second."""
    worker_ms: float
    postgres_ms: float
    """Processor time per run."""
    connections: int


async def throughput(bench: Bench, runs: int) -> list[Figure]:
    """Rates of one worker and of three, beside bare commits made in turns with them."""
    one: list[Round] = []
    three: list[Round] = []
    bare: list[float] = []
    for count, rounds in ((1, one), (3, three)):
        async with bench.workers(count) as workers:
            await work_off(bench, workers, max(runs // 4, 50))
            for _ in range(ROUNDS):
                bare.append(await bare_commits(bench.database.url, 16))
                await settle(bench.pool)
                rounds.append(await work_off(bench, workers, runs))
    commits = statistics.median(bare)
    alone, together = _median(one), _median(three)
    per_step = (alone.worker_ms + alone.postgres_ms) / STEPS
    return [
        Figure("one worker, steps against bare commits", alone.rate * STEPS, "steps/s", 0.2, commits),
        Figure("three workers, steps against bare commits", together.rate * STEPS, "steps/s", 0.2, commits),
        Figure("one worker, runs of ten steps", alone.rate, "runs/s", 1),
        Figure("three workers, runs of ten steps", together.rate, "runs/s", 1),
        Figure("processor time per step, worker", alone.worker_ms / STEPS, "ms", 5, better="lower"),
        Figure("processor time per step, database", alone.postgres_ms / STEPS, "ms", 5, better="lower"),
        Figure("steps that one core's time is enough for", 1000 / per_step, "steps/s", 100),
        Figure("connections of one worker under load", alone.connections, "connections", 35, better="lower"),
    ]


def _median(rounds: Sequence[Round]) -> Round:
    return sorted(rounds, key=lambda one: one.rate)[len(rounds) // 2]


async def work_off(bench: Bench, workers: Sequence[Process], runs: int) -> Round:
    """Queue runs at once and wait until the last has ended."""
    spent, database = sum(one.processor() for one in workers), bench.postgres()
    began = time.perf_counter()
    await bench.project.insert_runs("ten", runs)
    connections = 0
    while await bench.pool.fetchval("select exists (select 1 from runs where status in ('queued', 'running'))"):
        connections = max(connections, await _connections(bench))
        await asyncio.sleep(0.05)
    taken = time.perf_counter() - began
    worker_ms = (sum(one.processor() for one in workers) - spent) * 1000 / runs
    return Round(runs / taken, worker_ms, (bench.postgres() - database) * 1000 / runs, connections // len(workers))


async def _connections(bench: Bench) -> int:
    """Sessions of Errands, but for those of this process."""
    found: int = await bench.pool.fetchval(
        "select count(*) from pg_stat_activity where application_name = 'errands' and datname = current_database()"
    )
    return found - bench.own


async def disk(bench: Bench, runs: int) -> list[Figure]:
    """Bytes of runs by table, and how much a second helping takes where the first was removed by retention."""
    async with bench.workers(1) as workers:
        await _forget(bench)
        await _vacuum(bench, full=True)
        empty, wal = await _sizes(bench), await _written(bench)
        await work_off(bench, workers, runs)
        filled, written = await _sizes(bench), await _written(bench)
        await _forget(bench)
        await _vacuum(bench)
        await work_off(bench, workers, runs)
        again = await _sizes(bench)

    def grown(table: str, unit: int) -> float:
        return (filled[table] - empty[table]) / unit

    total = sum(filled.values()) - sum(empty.values())
    regrown = sum(again.values()) - sum(empty.values())
    return [
        Figure("disk per 1,000 runs of ten steps", total / runs * 1000 / 2**20, "MiB", 40, better="lower"),
        Figure("disk per step in the journal", grown(JOURNAL, runs * STEPS), "bytes", 2000, better="lower"),
        Figure("disk per run beside its journal", grown(RUNS, runs), "bytes", 6000, better="lower"),
        Figure("disk per line of the log", grown(LINES, runs * STEPS), "bytes", 1000, better="lower"),
        Figure("write-ahead log per step", (written - wal) / (runs * STEPS), "bytes", 10_000, better="lower"),
        Figure("disk after as many runs again, the first removed", regrown / 2**20, "MiB", 2, total / 2**20, "lower"),
    ]


async def _forget(bench: Bench) -> None:
    """What retention does with runs that are kept no longer."""
    store = ArtifactStore(str(bench.home / "artifacts"))
    while await forget_ended(bench.pool, store, datetime.now(UTC), timedelta(0)):
        pass


async def _vacuum(bench: Bench, *, full: bool = False) -> None:
    """What autovacuum does in time; with `full` the tables begin small."""
    for table in (RUNS, JOURNAL, LINES, "pgqueuer", "pgqueuer_log"):
        await bench.pool.execute(f"vacuum {'full' if full else ''} {table}")


async def _sizes(bench: Bench) -> dict[str, int]:
    """Bytes of every table with its indexes."""
    rows = await bench.pool.fetch(
        "select relname, pg_total_relation_size(oid) as size from pg_class "
        "where relkind = 'r' and relnamespace = 'public'::regnamespace"
    )
    return {row["relname"]: row["size"] for row in rows if row["relname"] != "bare_commits"}


async def _written(bench: Bench) -> int:
    found: int = await bench.pool.fetchval("select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint")
    return found


async def answers(bench: Bench) -> list[Figure]:
    """Requests per second of one server, by what is asked, beside an answer that asks nothing."""
    server = await bench.start("serve", "--port", "0", "--json")
    try:
        url = json.loads(server.out.read_text())["url"]
        command = [sys.executable, str(Path(__file__)), "--clients", url]
        pipe = subprocess.PIPE
        clients = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        said, _ = await clients.communicate(bench.token.encode())
        rates: dict[str, float] = json.loads(said)
    finally:
        await server.stop()
        await bench.pool.execute("delete from pgqueuer")
        await bench.pool.execute("delete from runs where status = 'queued'")
    bare = rates.pop("nothing")
    return [Figure(f"one server, {what}", rate, "requests/s", 0.02, bare) for what, rate in rates.items()]


async def as_clients(url: str, token: str) -> dict[str, float]:
    """The clients' side: answers per second, by what is asked."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", headers=headers, timeout=60, trust_env=False) as client:
        newest = (await client.get(f"/projects/{PROJECT}/runs?limit=1")).json()["items"][0]["id"]
        start = f"/projects/{PROJECT}/tasks/hello/runs"
        asked: dict[str, Callable[[], Awaitable[httpx.Response]]] = {
            "nothing": partial(client.get, f"{url}/healthz"),
            "a run of ten steps": partial(client.get, f"/runs/{newest}"),
            "a list of 50 runs": partial(client.get, f"/projects/{PROJECT}/runs?limit=50"),
            "starts of runs": partial(client.post, start, json={}),
        }
        return {what: await _rate(call) for what, call in asked.items()}


async def _rate(call: Callable[[], Awaitable[httpx.Response]]) -> float:
    done, began = 0, time.perf_counter()

    async def one() -> None:
        nonlocal done
        while time.perf_counter() - began < ASKING_SECONDS:
            (await call()).raise_for_status()
            done += 1

    await asyncio.gather(*(one() for _ in range(CLIENTS)))
    return done / (time.perf_counter() - began)


async def at_rest(bench: Bench, waiting: int, seconds: float) -> list[Figure]:
    """Memory, connections and processor time of a server and a worker that do nothing, also beside waiting runs."""
    server = await bench.start("serve", "--port", "0", "--json")
    async with bench.workers(1) as (worker,):
        await asyncio.sleep(3)
        fresh = {"server": server.memory(), "worker": worker.memory()}
        idle = await _idle(bench, [server, worker], seconds)
        connections = await _connections(bench)
        before = sum((await _sizes(bench)).values())
        await bench.project.insert_runs("ask", waiting)
        moving = "select exists (select 1 from runs where status <> 'waiting' and finished_at is null)"
        while await bench.pool.fetchval(moving):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        grown, kept = worker.memory() - fresh["worker"], sum((await _sizes(bench)).values()) - before
        full = await _idle(bench, [server, worker], seconds)
    await server.stop()
    per_thousand = 1000 / waiting
    return [
        Figure("server at rest, memory", fresh["server"], "MiB", 200, better="lower"),
        Figure("worker at rest, memory", fresh["worker"], "MiB", 150, better="lower"),
        Figure("worker's memory per 1,000 waiting runs", grown * per_thousand, "MiB", 20, better="lower"),
        Figure("disk per 1,000 waiting runs", kept * per_thousand / 2**20, "MiB", 20, better="lower"),
        Figure("server and worker at rest, connections", connections, "connections", 60, better="lower"),
        Figure("server, worker and database at rest, of one core", idle, "%", 5, better="lower"),
        Figure(f"the same beside {waiting:,} waiting runs", full, "%", 5, better="lower"),
    ]


async def _idle(bench: Bench, processes: Sequence[Process], seconds: float) -> float:
    """Percent of one core that they and the database use while nothing happens."""
    before = bench.postgres() + sum(one.processor() for one in processes)
    began = time.perf_counter()
    await asyncio.sleep(seconds)
    spent = bench.postgres() + sum(one.processor() for one in processes) - before
    return spent / (time.perf_counter() - began) * 100


def family(pid: int) -> list[int]:
    """A process and those that it has started, but for the database server."""
    return [pid, *(one for child in children(pid) if _name(child) != "postgres" for one in family(child))]


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


def processor_seconds(pid: int, *, ended: bool = False) -> float:
    """Of a process; `ended`: and of its children that have ended. 0 where it has ended itself."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11 : 15 if ended else 13])) / TICKS


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--clients"]:
        print(json.dumps(asyncio.run(as_clients(sys.argv[2], sys.stdin.read()))))
    else:
        given = (*sys.argv[1:], *("600", "2000", "15")[len(sys.argv) - 1 :])
        report(asyncio.run(main(int(given[0]), int(given[1]), float(given[2]))))
