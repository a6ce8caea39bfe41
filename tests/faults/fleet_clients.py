"""Those who use the fleet: they start runs, look, follow, deliver and answer, through whichever server answers.

They do what clients behind a reverse proxy do: what fails because a server has gone is asked again at another one, a
start with the same key, a stream from the last event that came.
"""

import asyncio
import hashlib
import hmac
import itertools
import json
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx

AWAY = (httpx.TransportError,)
"""What a client sees of a server that has gone."""
_AGAIN_SECONDS = 0.1
_MOST_TRIES = 200
FINAL = ("succeeded", "failed", "timed_out", "cancelled", "skipped")


@dataclass
class Doors:
    """The addresses of the servers, and one client for all of them."""

    client: httpx.AsyncClient
    urls: list[str]
    token: str = ""
    retried: Counter[str] = field(default_factory=Counter)
    """How often something was asked again, by why."""
    _turn: "itertools.count[int]" = field(default_factory=itertools.count)

    def next(self) -> str:
        """The next server's address, in turn."""
        return self.urls[next(self._turn) % len(self.urls)]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}

    async def ask(
        self, method: str, path: str, body: object = None, *, key: str | None = None, at: str | None = None
    ) -> Any:
        """A request that may be repeated; gives the answer's document. Raises AssertionError for a refusal."""
        headers = self.headers | ({"Idempotency-Key": key} if key is not None else {})
        content = None if body is None else json.dumps(body).encode()
        for _ in range(_MOST_TRIES):
            url = at or self.next()
            try:
                answer = await self.client.request(method, f"{url}/api/v1{path}", content=content, headers=headers)
            except AWAY as error:
                self.retried[type(error).__name__] += 1
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            if answer.status_code == 503:
                self.retried["503"] += 1
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
            return answer.json() if answer.content else None
        raise AssertionError(f"{method} {path}: nobody answers")


@dataclass
class Starter:
    """Starts orders under keys of its own, and remembers which run each key was answered with."""

    doors: Doors
    accepted: dict[str, str] = field(default_factory=dict)

    async def start(self, task: str, number: int, *, wide: bool = False) -> str:
        """One accepted start."""
        key = f"{task}-{number}"
        arguments = {"n": number, "wide": wide} if task == "order" else {}
        path = f"/projects/default/tasks/{task}/runs"
        run = str((await self.doors.ask("POST", path, {"arguments": arguments}, key=key))["id"])
        self.accepted[key] = run
        return run

    async def orders(self, numbers: Sequence[int], at_once: int) -> None:
        """Orders, so many at a time; every tenth has an output that goes to the artifact store."""
        left = iter(numbers)

        async def some() -> None:
            for number in left:
                await self.start("order", number, wide=number % 10 == 0)

        await asyncio.gather(*(some() for _ in range(at_once)))


async def deliver(doors: Doors, path: str, secret: str, numbers: Sequence[int]) -> dict[int, set[str]]:
    """Deliver each webhook at every server, as a sender does that had no answer; gives the runs by delivery."""
    started: dict[int, set[str]] = {number: set() for number in numbers}
    for number in numbers:
        body = json.dumps({"n": number}).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "X-Signature": signature,
            "Idempotency-Key": f"delivery-{number}",
            "Content-Type": "application/json",
        }
        for _ in range(2):
            for _ in range(_MOST_TRIES):
                try:
                    answer = await doors.client.post(f"{doors.next()}{path}", content=body, headers=headers)
                except AWAY as error:
                    doors.retried[type(error).__name__] += 1
                    await asyncio.sleep(_AGAIN_SECONDS)
                    continue
                assert answer.status_code in (200, 202), answer.text
                started[number].add(answer.json()["run"])
                break
    return started


@dataclass
class RunFollower:
    """Follows a run to its end, from server to server."""

    doors: Doors
    run: str
    first: str
    """The server that it begins at."""
    attached: asyncio.Event = field(default_factory=asyncio.Event)
    steps: set[str] = field(default_factory=set)
    """Paths of the steps that it was told had succeeded."""
    lines: set[str] = field(default_factory=set)
    """Log messages that it was told."""
    connections: int = 0
    ended: str | None = None

    async def follow(self) -> None:
        """Until the run has ended."""
        last = ""
        while self.ended is None:
            url = self.first if self.connections == 0 else self.doors.next()
            self.connections += 1
            try:
                async with aclosing(events(self.doors, url, f"/runs/{self.run}/events", last)) as told:
                    async for kind, given, data in told:
                        last = given or last
                        self._told(kind, data)
            except AWAY:
                await asyncio.sleep(_AGAIN_SECONDS)

    def _told(self, kind: str, data: Any) -> None:
        match kind:
            case "snapshot" | "ended":
                self.steps |= {step["path"] for step in data["steps"] if step["status"] == "succeeded"}
                self.attached.set()
                self.ended = data["status"] if kind == "ended" else None
            case "step" if data["status"] == "succeeded":
                self.steps.add(data["path"])
            case "log":
                self.lines.add(data["message"])
            case _:
                pass


@dataclass
class ProjectFollower:
    """Follows all runs of the project, from server to server, until it is cancelled."""

    doors: Doors
    first: str
    attached: asyncio.Event = field(default_factory=asyncio.Event)
    finals: dict[str, str] = field(default_factory=dict)
    """The final state of each run that it was told of."""
    connections: int = 0
    lost: int = 0
    """How often it was told that there was more than can be told."""

    async def follow(self) -> None:
        """Until it is cancelled."""
        last = ""
        while True:
            url = self.first if self.connections == 0 else self.doors.next()
            self.connections += 1
            try:
                async with aclosing(events(self.doors, url, "/projects/default/events", last)) as told:
                    async for kind, given, data in told:
                        last = given or last
                        if kind == "lost":
                            self.lost += 1
                        if kind == "run" and data["status"] in FINAL:
                            self.finals[data["id"]] = data["status"]
                        self.attached.set()
            except AWAY:
                await asyncio.sleep(_AGAIN_SECONDS)


async def events(doors: Doors, url: str, path: str, last: str) -> AsyncGenerator[tuple[str, str, Any], None]:
    """Server-sent events: kind, id, document. Ends when the server ends the stream; raises AWAY when it is cut."""
    headers = doors.headers | ({"Last-Event-ID": last} if last else {})
    async with doors.client.stream("GET", f"{url}/api/v1{path}", headers=headers) as answer:
        if answer.status_code == 503:
            return
        assert answer.is_success, f"{path}: {answer.status_code}"
        kind, number = "", ""
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "id":
                number = value
            elif name == "data":
                yield kind, number, json.loads(value)
