"""The command in both ways: on this machine's database with the API in its own process, and as a client of a server."""

import asyncio
import itertools
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.journeys.errands_command import EXECUTABLE, Errands, client_of, made

_PASSWORD = "correct horse battery staple"
_projects = itertools.count(1)


@dataclass(frozen=True)
class RunningServer:
    """`errands start` on a port of its own, with an administrator."""

    url: str
    token: str
    """The administrator's, of every scope."""
    reading: str
    """The same person's, for reading alone."""
    password: str = _PASSWORD
    """Of the administrator `root`."""

    def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        """A request of the administrator."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = httpx.request(method, f"{self.url}/api/v1{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer


@pytest.fixture(scope="session")
def server(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests of the session; each takes a project of its own."""
    home = tmp_path_factory.mktemp("server")
    asyncio.run(_make_database(postgres, "journeys"))
    outer = {name: value for name, value in os.environ.items() if not name.startswith("ERRANDS_")}
    process = subprocess.Popen(
        [EXECUTABLE, "start", "--port", "0", "--json"],
        cwd=home,
        env={
            **outer,
            "ERRANDS_HOME": str(home),
            "ERRANDS_DATABASE_URL": postgres.format("journeys"),
            "ERRANDS_ALLOW_PRIVATE_HOSTS": "*",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=(home / "server.log").open("w"),
        text=True,
    )
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield RunningServer(told["url"], *_first_tokens(told["url"], told["setup"].partition("link=")[2]))
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
async def mounted(tmp_path: Path, database_url: str) -> AsyncIterator[Errands]:
    """The command without a server."""
    yield made(tmp_path, database_url)


@pytest.fixture(params=["mounted", "server"])
def errands(request: pytest.FixtureRequest, tmp_path: Path) -> Errands:
    """The command, without a server and as a client of one."""
    if request.param == "mounted":
        alone: Errands = request.getfixturevalue("mounted")
        return alone
    running: RunningServer = request.getfixturevalue("server")
    project = f"journey-{next(_projects)}"
    running.ask("PUT", f"/projects/{project}", {})
    return client_of(tmp_path, running.url, running.token, project)


def _first_tokens(url: str, link: str) -> list[str]:
    """Make the administrator as the printed link lets one, and tokens of every scope and of one."""
    with httpx.Client(base_url=f"{url}/api/v1", headers={"Origin": url}) as browser:
        made_one = browser.post("/setup", json={"link": link, "name": "root", "password": _PASSWORD})
        assert made_one.status_code == 201, made_one.text
        every = ["read", "run", "answer", "edit", "manage", "audit", "admin"]
        bodies = [{"name": "journeys", "scopes": every}, {"name": "reading", "scopes": ["read"]}]
        return [browser.post("/tokens", json=body).json()["text"] for body in bodies]


async def _make_database(url: str, name: str) -> None:
    connection = await asyncpg.connect(url.format("postgres"))
    try:
        await connection.execute(f"create database {name} template errands_template strategy file_copy")
    finally:
        await connection.close()
