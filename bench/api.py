"""The API over a real socket: how soon runs are read and started, and whether followers miss nothing.

usage: api.py [RUNS] [FOLLOWERS]

On a history of RUNS (1,000,000) runs, made as in history.py: `GET` of a run and of a list (each on one connection,
beside an answer that asks nothing: /healthz), then 32 clients of which each starts a run every half second, while a
worker in this process advances them, then FOLLOWERS (500) that follow 50 live runs to their end. The clients are a
process of their own: what they cost is not the server's.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
from harness import fresh_folder, settle
from history import PROJECT, generate
from measuring import Figure, percentile, report

from errands.api.serving import listening, take_address
from errands.bootstrap import Runtime, make_api, open_services
from errands.bootstrap.memory import begin_loading
from errands.core.access import Scope, ServerRole
from errands.services.principals import operator
from errands.services.views import SourceFile
from errands.settings import Settings
from errands.store.database import Database

CALLS = 400
CLIENTS = 32
STARTS = 60
"""Runs that each client starts."""
BETWEEN_SECONDS = 0.5
LIVE_RUNS = 50
OPERATOR = operator("bench")
HELLO = "task: hello\ndescription: Says hello.\nsteps: [{id: say, python: \"'hello'\"}]\n"
TALKS = """
task: talks
description: Waits for an event, then does ten small steps.
steps:
  - {id: heard, wait_for: {event: go, timeout: 1h}}
  - {id: rounds, for_each: "range(10)", do: [{id: one, wait: 50ms}]}
"""


async def main(count: int, followers: int) -> list[Figure]:
    begin_loading()
    async with fresh_folder() as home, open_services(Settings.load(home=home), worker=True) as runtime:
        database = await Database.open(None, home, pool_size=2)
        try:
            project = await database.pool.fetchval("select id from projects where name = $1", PROJECT)
            await generate(database.pool, project, count)
            await settle(database.pool)
        finally:
            await database.close()
        await runtime.database.warm()
        files = [SourceFile("hello.yaml", HELLO), SourceFile("talks.yaml", TALKS)]
        await runtime.services.tasks.apply(OPERATOR, PROJECT, files)
        measured = await served(runtime, followers)
    return figures(measured, count, followers)


async def served(runtime: Runtime, followers: int) -> dict[str, list[float]]:
    """What the process of clients has measured against this one."""
    await runtime.services.people.create(OPERATOR, "bench", server_role=ServerRole.ADMIN)
    token = await runtime.services.tokens.make(OPERATOR, "bench", tuple(Scope), expires_in=None, person="bench")
    async with listening(make_api(runtime), take_address("127.0.0.1", 0), timedelta(seconds=5)) as server:
        command = [sys.executable, str(Path(__file__)), "--clients", server.url, str(followers)]
        clients = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=2**24
        )
        said, _ = await clients.communicate(token.text.encode())
        if clients.returncode:
            raise RuntimeError(f"the clients ended with {clients.returncode}")
    measured: dict[str, list[float]] = json.loads(said)
    return measured


def figures(measured: dict[str, list[float]], count: int, followers: int) -> list[Figure]:
    bare = percentile(measured["bare"], 0.95)

    def p95(what: str, name: str, target: float) -> Figure:
        return Figure(f"{what}, p95", percentile(measured[name], 0.95), "ms", target, bare, "lower", "value")

    return [
        p95(f"GET of a run, {count:,} runs", "run", 10),
        p95(f"GET of a list, {count:,} runs", "list", 25),
        p95(f"start of a run, {CLIENTS} clients", "start", 15),
        Figure(f"events that {followers} followers missed", sum(measured["missed"]), "events", 0, None, "lower"),
        Figure(
            f"end of a run told to {followers} followers, p95",
            percentile(measured["told"], 0.95),
            "s",
            2,
            None,
            "lower",
        ),
    ]


async def as_clients(url: str, token: str, followers: int) -> dict[str, list[float]]:
    """The clients' side: milliseconds of every call, what followers missed, and seconds until they knew of the end."""
    limits = httpx.Limits(max_connections=followers + CLIENTS, max_keepalive_connections=CLIENTS)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", headers=headers, limits=limits, timeout=60) as client:
        newest = (await client.get(f"/projects/{PROJECT}/runs?limit=50")).json()["items"]
        ids = [one["id"] for one in newest]
        measured = {
            "bare": [await timed(partial(client.get, f"{url}/healthz")) for _ in range(CALLS)],
            "run": [await timed(partial(client.get, f"/runs/{ids[n % len(ids)]}")) for n in range(CALLS)],
            "list": [await timed(partial(client.get, f"/projects/{PROJECT}/runs?limit=50")) for _ in range(CALLS)],
        }
        started = await asyncio.gather(*(starts(client, number) for number in range(CLIENTS)))
        measured["start"] = [one for taken in started for one in taken]
        return measured | await follow_all(client, followers)


async def starts(client: httpx.AsyncClient, number: int) -> list[float]:
    """Start runs at a steady pace, out of step with the other clients.

    By the clock, not so long after each answer: whom one halt of the disk has held up together would go on in step.
    """
    loop, address = asyncio.get_running_loop(), f"/projects/{PROJECT}/tasks/hello/runs"
    first = loop.time() + BETWEEN_SECONDS * number / CLIENTS
    taken = []
    for turn in range(STARTS):
        await asyncio.sleep(first + turn * BETWEEN_SECONDS - loop.time())
        taken.append(await timed(partial(client.post, address, json={})))
    return taken


async def follow_all(client: httpx.AsyncClient, followers: int) -> dict[str, list[float]]:
    """Follow live runs, let them go, and count the rounds of their loops that were not told."""
    address = f"/projects/{PROJECT}/tasks/talks/runs"
    runs = [(await client.post(address, json={})).json()["id"] for _ in range(LIVE_RUNS)]
    ready = asyncio.Semaphore(0)
    following = [asyncio.create_task(follow(client, runs[n % LIVE_RUNS], ready)) for n in range(followers)]
    for _ in range(followers):
        await ready.acquire()
    await client.post(f"/projects/{PROJECT}/events", json={"name": "go"})
    told = await asyncio.gather(*following)
    ended = {run: (await client.get(f"/runs/{run}")).json()["finished_at"] for run in runs}
    finished = {run: _moment(text) for run, text in ended.items()}
    late = [at - finished[runs[n % LIVE_RUNS]] for n, (_, at) in enumerate(told)]
    return {"missed": [float(missed) for missed, _ in told], "told": late}


async def follow(client: httpx.AsyncClient, run: str, ready: asyncio.Semaphore) -> tuple[int, float]:
    """How many of the ten rounds were not told before the end, and when the end was."""
    rounds: set[str] = set()
    kind, snapshots = "", 0
    async with client.stream("GET", f"/runs/{run}/events") as answer:
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            if kind == "ended":
                return 10 - len(rounds), time.time()
            if not line.startswith("data: "):
                continue
            if kind == "snapshot" and not snapshots:
                snapshots += 1
                ready.release()
            if kind == "step":
                step = json.loads(line.removeprefix("data: "))
                if step["status"] == "succeeded" and step["path"].endswith(".one"):
                    rounds.add(step["path"])
    raise RuntimeError("the stream ended before the run did")


async def timed(call: Callable[[], Awaitable[httpx.Response]]) -> float:
    """Milliseconds of one call."""
    began = time.perf_counter()
    (await call()).raise_for_status()
    return (time.perf_counter() - began) * 1000


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _clients(arguments: Sequence[str]) -> None:
    url, followers = arguments
    print(json.dumps(asyncio.run(as_clients(url, sys.stdin.read(), int(followers)))))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--clients"]:
        _clients(sys.argv[2:])
    else:
        given = [int(one) for one in sys.argv[1:]]
        report(asyncio.run(main(*[*given, *(1_000_000, 500)[len(given) :]])))
