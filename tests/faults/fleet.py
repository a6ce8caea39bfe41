"""A fleet on an outside PostgreSQL: two servers and three workers, of which one each is killed under load.

Usage: python -m tests.faults.fleet [--short]

The database is a server of its own, reached by a URL with a password; every process has a home of its own, and they
share nothing but the database, the key, and folders for artifacts and workspaces (docs/how-to/many-machines.md). While
clients start runs through both servers, follow them, deliver webhooks, and a schedule starts a run every second:

1. a worker that holds runs and a server with followers are killed (SIGKILL) at the same moment;
2. a new server and a new worker are started, and another server and worker are told to stop (SIGTERM), under load.

Full: 2,000 orders in each part. Short: 150 in the first, 60 in the second.
Ends with 0 if every promise was kept, else with 1; the last line is a summary as JSON.
"""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from tests.faults.fleet_clients import Doors, ProjectFollower, RunFollower, Starter, deliver
from tests.faults.fleet_counts import counted, kept
from tests.faults.fleet_machines import Machine, Machines, alive, machines
from tests.faults.fleet_postgres import outside_postgres
from tests.faults.fleet_receiver import Receiver, receiving
from tests.faults.fleet_tasks import TASKS
from tests.faults.scene import run_script

HEARTBEAT_SECONDS = 3.0
GRACE_SECONDS = 5.0
SLACK_SECONDS = 4.0
"""For a busy machine: the sweep for orphans runs twice a heartbeat."""
HELD = 8
"""Runs that stand at the gate when the kill comes; the workers take them in turn."""
ASKING = 4
SECRET = "a secret of the sender's"


@dataclass
class Fleet:
    """Everything that the acts need."""

    machines: Machines
    doors: Doors
    receiver: Receiver
    pool: asyncpg.Pool
    starter: Starter
    orders: int
    again: int
    servers: list[Machine] = field(default_factory=list)
    workers: list[Machine] = field(default_factory=list)
    runs: list[RunFollower] = field(default_factory=list)
    projects: list[ProjectFollower] = field(default_factory=list)
    deliveries: dict[int, set[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    async def until(self, condition: Callable[[], Awaitable[bool]], seconds: float, what: str) -> float:
        """Wait until something holds; gives the seconds it took. Raises AssertionError that says what never did."""
        began = time.monotonic()
        while not await condition():
            assert time.monotonic() - began < seconds, f"not within {seconds:.0f} s: {what}"
            await asyncio.sleep(0.05)
        return time.monotonic() - began

    async def says(self, query: str, *arguments: object) -> bool:
        """What a query of the database gives."""
        return bool(await self.pool.fetchval(query, *arguments))


async def act(seed: int, short: bool) -> Mapping[str, object]:
    """Bring the fleet up, kill, replace, count."""
    orders, again = (150, 60) if short else (2000, 2000)
    async with _fleet(orders, again) as fleet:
        await _come_up(fleet)
        await _let_in(fleet)
        async with asyncio.TaskGroup() as load:
            following = await _follow(fleet, load)
            ordering = load.create_task(fleet.starter.orders(range(orders), 8))
            delivering = load.create_task(_deliver(fleet, orders // 10))
            looking = load.create_task(_look(fleet))
            await _kill(fleet)
            fleet.receiver.opened.set()
            await asyncio.gather(ordering, delivering)
            ordering = load.create_task(fleet.starter.orders(range(orders, orders + again), 8))
            await _replace(fleet)
            await _answer(fleet)
            await ordering
            await _settle(fleet)
            for task in (looking, *following):
                task.cancel()
        counts = await counted(fleet)
        await _close(fleet)
    promises = kept(fleet.figures, counts, HEARTBEAT_SECONDS, GRACE_SECONDS, SLACK_SECONDS)
    broken = [name for name, is_kept in promises.items() if not is_kept]
    return {**fleet.figures, **counts, "broken": broken, "kept": not broken}


@asynccontextmanager
async def _fleet(orders: int, again: int) -> AsyncIterator[Fleet]:
    """A database, an outside to do things to, and no process yet."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="errands-fleet-")))
        server = await stack.enter_async_context(outside_postgres())
        pool = await asyncpg.create_pool(server.url, min_size=1, max_size=3)
        stack.push_async_callback(pool.close)
        receiver = await stack.enter_async_context(receiving())
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        client = await stack.enter_async_context(httpx.AsyncClient(limits=limits, timeout=60, trust_env=False))
        settings = {
            "ERRANDS_DATABASE_POOL": "8",
            "ERRANDS_HEARTBEAT": f"{HEARTBEAT_SECONDS:.0f}s",
            "ERRANDS_SHUTDOWN_GRACE": f"{GRACE_SECONDS:.0f}s",
            "ERRANDS_ALLOW_PRIVATE_HOSTS": f"127.0.0.1:{receiver.port}",
        }
        made = await stack.enter_async_context(machines(folder, server.url, pool, **settings))
        doors = Doors(client, [])
        yield Fleet(made, doors, receiver, pool, Starter(doors), orders, again)


async def _come_up(fleet: Fleet) -> None:
    """All five at once, on a database without a table."""
    began = time.monotonic()
    fleet.servers += await asyncio.gather(*(fleet.machines.server(f"server-{n}") for n in (1, 2)))
    fleet.workers += await asyncio.gather(*(fleet.machines.worker(f"worker-{n}") for n in (1, 2, 3)))
    fleet.doors.urls[:] = [server.url for server in fleet.servers]
    fleet.figures["seconds_to_come_up"] = round(time.monotonic() - began, 1)


async def _let_in(fleet: Fleet) -> None:
    """Make the administrator at one server, a token in the same session at the other, and the project's things."""
    client, (first, second) = fleet.doors.client, fleet.servers
    person = {"name": "root", "password": "correct horse battery staple"}
    session = ""
    for server in fleet.servers:  # Only the link that was printed last works, whichever server it was.
        body = {"link": server.link, **person}
        answer = await client.post(f"{first.url}/api/v1/setup", json=body, headers={"Origin": first.url})
        session = answer.cookies["errands"] if answer.status_code == 201 else session
    assert session, "one of the links works"
    client.cookies.clear()
    scopes = ["read", "run", "answer", "edit", "manage", "audit", "admin"]
    made = await client.post(
        f"{second.url}/api/v1/tokens",
        json={"name": "fleet", "scopes": scopes},
        headers={"Origin": second.url, "Cookie": f"errands={session}"},
    )
    assert made.status_code == 201, made.text
    fleet.doors.token = made.json()["text"]
    ask, port = fleet.doors.ask, fleet.receiver.port
    await ask("PUT", "/projects/default/secrets/SENDER", {"value": SECRET})
    await ask("PUT", "/projects/default/secrets/TEAM", {"value": f"json://127.0.0.1:{port}/team"})
    await ask("PUT", "/projects/default/channels/team", {"secret": "TEAM", "events": ["approval"]})
    for name, source in TASKS(port).items():
        await ask("PUT", f"/projects/default/tasks/{name}", {"source": source, "publish": True})


async def _follow(fleet: Fleet, load: asyncio.TaskGroup) -> "list[asyncio.Task[None]]":
    """Runs that will stand at the gate, with followers at both servers; gives the followers without an end."""
    for number in range(HELD):
        run = await fleet.starter.start("held", number)
        fleet.runs.append(RunFollower(fleet.doors, run, fleet.servers[number % 2].url))
    fleet.projects += [ProjectFollower(fleet.doors, server.url) for server in fleet.servers]
    for one in fleet.runs:
        load.create_task(one.follow())
    endless = [load.create_task(one.follow()) for one in fleet.projects]
    fleet.asked = [await fleet.starter.start("ask", number) for number in range(ASKING)]
    async with asyncio.timeout(30):
        for attached in [one.attached for one in fleet.runs] + [one.attached for one in fleet.projects]:
            await attached.wait()
    return endless


async def _deliver(fleet: Fleet, count: int) -> None:
    trigger = await fleet.doors.ask("GET", "/projects/default/tasks/hooked/triggers/call")
    path = "/hooks/" + trigger["address"].rpartition("/hooks/")[2]
    fleet.deliveries = await deliver(fleet.doors, path, SECRET, range(count))


async def _look(fleet: Fleet) -> None:
    """Read lists and single runs, as a page does that is open."""
    while True:
        for server in list(fleet.doors.urls):
            try:
                answer = await fleet.doors.client.get(
                    f"{server}/api/v1/projects/default/runs?limit=20", headers=fleet.doors.headers
                )
            except httpx.TransportError:
                fleet.figures["looks_away"] = fleet.figures.get("looks_away", 0) + 1
                continue
            name = "looks" if answer.is_success else f"looks_{answer.status_code}"
            fleet.figures[name] = fleet.figures.get(name, 0) + 1
        await asyncio.sleep(0.1)


async def _kill(fleet: Fleet) -> None:
    """A worker that holds runs at the gate, and a server that is followed, when a third of the orders is accepted."""
    holds = "select count(*) >= 1 from runs join tasks on tasks.id = task_id where name = 'held' and holder = $1"
    victim, server = fleet.workers[0], fleet.servers[0]

    async def due() -> bool:
        many = len(fleet.starter.accepted) > fleet.orders / 3
        return many and fleet.receiver.at_gate >= HELD and await fleet.says(holds, victim.worker)

    await fleet.until(due, 120, "a third of the orders accepted, and runs at the gate in the hands of the first worker")
    held = await fleet.pool.fetchval("select count(*) from runs where holder = $1", victim.worker)
    victim.kill()
    server.kill()
    fleet.doors.urls.remove(server.url)
    fleet.doors.urls.append(server.url)
    left = "select count(*) = 0 from runs where holder = $1 and status = 'running'"
    taken = await fleet.until(lambda: fleet.says(left, victim.worker), 60, "the killed worker's runs in other hands")
    fleet.figures |= {"held_at_the_kill": held, "takeover_seconds": round(taken, 2)}


async def _replace(fleet: Fleet) -> None:
    """New ones come, then old ones are told to stop, while orders go on; the servers' proxy learns it afterwards."""
    server, worker = await asyncio.gather(fleet.machines.server("server-3"), fleet.machines.worker("worker-4"))
    fleet.servers.append(server)
    fleet.workers.append(worker)
    fleet.doors.urls[:] = [server.url, fleet.servers[1].url]
    stopping = (fleet.servers[1], fleet.workers[1])
    seconds = await asyncio.gather(*(one.stop(GRACE_SECONDS + 30) for one in stopping))
    fleet.doors.urls[:] = [server.url]
    left = "select count(*) = 0 from runs where holder = $1 and status = 'running'"
    handed = await fleet.until(
        lambda: fleet.says(left, stopping[1].worker), 10, "the stopped worker's runs handed over"
    )
    fleet.figures |= {
        "stop_seconds": {one.name: round(taken, 2) for one, taken in zip(stopping, seconds, strict=True)},
        "stop_codes": [one.process.returncode for one in stopping],
        "handed_over_after_seconds": round(handed, 2),
    }


async def _answer(fleet: Fleet) -> None:
    """Answer what the runs ask, once the team's channel was told of each.

    What the killed server had in hand of messages comes again when its lease is over, in minutes: that is made now.
    """
    over = "update outbox set due_at = now() where status = 'pending'"
    fleet.figures["messages_in_hand_at_the_kill"] = int((await fleet.pool.execute(over)).split()[-1])

    async def told() -> bool:
        sent = await fleet.says("select count(*) = $1 from outbox where status = 'sent'", ASKING)
        return sent and len(fleet.receiver.told) == ASKING

    await fleet.until(told, 60, "the channel told of every question")
    for run in fleet.asked:
        await fleet.doors.ask("POST", f"/approvals/{run}/answer", {"choice": "yes"})


async def _settle(fleet: Fleet) -> None:
    """No schedule any more, and every run ended; then the followers of the project may hear of the last ones."""
    await fleet.doors.ask("POST", "/projects/default/tasks/beat/triggers/each/disable", {"note": "enough"})
    rest = "select not exists (select 1 from runs where status in ('queued', 'running', 'waiting'))"
    taken = await fleet.until(lambda: fleet.says(rest), 300, "every run ended")
    fleet.figures["seconds_to_settle"] = round(taken, 2)
    total = await fleet.pool.fetchval("select count(*) from runs")

    async def heard() -> bool:
        return all(one.lost or len(one.finals) >= total for one in fleet.projects)

    try:
        await fleet.until(heard, 15, "the followers heard of every run")
    except AssertionError:
        fleet.figures["unheard"] = [total - len(one.finals) for one in fleet.projects]


async def _close(fleet: Fleet) -> None:
    """The rest stops at rest; whoever was killed has left no process behind."""
    rest = [one for one in (*fleet.servers, *fleet.workers) if one.process.poll() is None]
    await asyncio.gather(*(one.stop(30) for one in rest))
    killed = [pid for one in (*fleet.servers, *fleet.workers) for pid in one.helpers]

    async def gone() -> bool:
        return not any(alive(pid) for pid in killed)

    await fleet.until(gone, 30, f"helpers of the killed processes gone, of {len(killed)}")
    fleet.figures["last_codes"] = [one.process.returncode for one in rest]
    complaints = Counter(line[:300] for one in fleet.machines.started for line in one.complaints())
    fleet.figures["complaints"] = dict(complaints)


if __name__ == "__main__":
    sys.exit(run_script(__doc__, act))
