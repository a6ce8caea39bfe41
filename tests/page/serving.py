"""A real server for the page, in a process of its own, with an administrator and what a project of some weeks holds."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ADMIN, PASSWORD = "ana", "correct horse battery staple"
_ERRANDS = str(Path(sys.executable).parent / "errands")


@dataclass(frozen=True)
class Served:
    """A server that listens, and its administrator's session."""

    url: str
    client: httpx.Client
    setup: str | None = None
    """Where the first administrator is made, while there is none."""

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What the API answers; a refusal fails the test."""
        answer = self.client.request(method, f"/api/v1{path}", json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def start(self, task: str, arguments: Mapping[str, object] | None = None, wait: str = "0s") -> str:
        """Start a run; its id."""
        path = f"/projects/default/tasks/{task}/runs?wait={wait}"
        return str(self.ask("POST", path, {"arguments": arguments or {}})["id"])

    def until(self, run: str, *states: str) -> str:
        """Wait until the run is in one of these states; asks the server to wait, as a program would."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with self.client.stream("GET", f"/api/v1/runs/{run}/events", timeout=30) as events:
                for line in events.iter_lines():
                    if line.startswith("data: "):
                        told = json.loads(line.removeprefix("data: "))
                        if isinstance(told, dict) and told.get("status") in states and "path" not in told:
                            return str(told["status"])
        raise AssertionError(f"{run} did not become {' or '.join(states)}")


@contextmanager
def serve(
    database_url: str | None,
    home: Path,
    *,
    administrator: bool = True,
    settings: Mapping[str, str] | None = None,
    port: int = 0,
) -> Iterator[Served]:
    """`errands start` on a port of its own, until this is left. None: with the database that it brings along.

    `settings`: variables of its environment. `port`: where it listens; 0: where there is room.
    """
    # Models and services of tests listen on loopback.
    places = (Path(__file__).with_name("programs"), Path(sys.executable).parent, os.environ.get("PATH", ""))
    path = os.pathsep.join(str(place) for place in places)
    own = {"ERRANDS_HOME": str(home), "ERRANDS_ALLOW_PRIVATE_HOSTS": "127.0.0.1", "PATH": path}
    environment = {**os.environ, **own, **(settings or {})}
    if database_url is not None:
        environment["ERRANDS_DATABASE_URL"] = database_url
    process = subprocess.Popen(
        [_ERRANDS, "start", "--port", str(port), "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=(home / "server.log").open("wb"),
        text=True,
    )
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        with httpx.Client(base_url=told["url"], headers={"Origin": told["url"]}, timeout=60) as client:
            if not administrator:
                yield Served(told["url"], client, told["setup"])
                return
            link = told["setup"].partition("link=")[2]
            made = client.post("/api/v1/setup", json={"link": link, "name": ADMIN, "password": PASSWORD})
            assert made.status_code == 201, made.text
            yield Served(told["url"], client)
    finally:
        process.terminate()
        process.wait(20)
