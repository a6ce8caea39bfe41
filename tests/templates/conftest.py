"""The stage of template journeys, and the servers around it."""

import functools
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from errands.agents import Script, models, scripted
from errands.api.serving import listening, take_address
from errands.bootstrap import make_api, open_services
from errands.engine import engine
from errands.settings import Settings
from errands.store.database import Database
from tests.templates.stage import Clock, Outside, Stage, opened
from tests.tools.loopback import Web, serving
from tests.tools.mail_server import MailServer, mail_server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def model() -> Script:
    """Answers in place of every model."""
    return scripted("nothing to say")


@pytest.fixture
async def stage(
    database_url: str,
    database: Database,
    tmp_path: Path,
    clock: Clock,
    model: Script,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Stage]:
    """A process with a worker, on the test's clock and its scripted model."""
    monkeypatch.setattr(engine, "Parts", functools.partial(engine.Parts, clock=clock))
    monkeypatch.setattr(models, "Models", functools.partial(models.Models, extra={"embedded": model}))
    settings = Settings.load(home=tmp_path / "home", database_url=database_url, allow_private_hosts=("127.0.0.1",))
    async with (
        open_services(settings, worker=False) as runtime,
        opened(runtime, database, clock, model) as made,
        made.working(),
    ):
        yield made


@pytest.fixture
async def idle(database_url: str, database: Database, tmp_path: Path, model: Script) -> AsyncIterator[Stage]:
    """A process by the real clock, for tests with workers of other processes; its own works when it is told to."""
    settings = Settings.load(
        home=tmp_path / "home",
        database_url=database_url,
        allow_private_hosts=("127.0.0.1",),
        heartbeat=timedelta(seconds=1),
    )
    async with open_services(settings, worker=False) as runtime, opened(runtime, database, Clock(), model) as made:
        yield made


@pytest.fixture
async def mail(stage: Stage) -> AsyncIterator[MailServer]:
    """A real SMTP server, whose address is the secret SMTP."""
    async with mail_server() as server:
        await stage.secret("SMTP", f"smtp://127.0.0.1:{server.port}?from=errands@example.com")
        yield server


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    """A real HTTP server."""
    async with serving() as server:
        yield server


@pytest.fixture
async def server(stage: Stage) -> AsyncIterator[str]:
    """The API of the same process on a socket: its address."""
    async with listening(make_api(stage.runtime), take_address("127.0.0.1", 0), timedelta(seconds=5)) as there:
        yield there.url


@pytest.fixture
async def two_databases(postgres: str, database: Database) -> AsyncIterator[tuple[Outside, Outside]]:
    """Two databases that are none of ours."""
    name: str = await database.pool.fetchval("select current_database()")
    opened = []
    for which in ("one", "other"):
        await database.pool.execute(f"create database {name}_{which}")
        url = postgres.format(f"{name}_{which}")
        opened.append(Outside(url, await asyncpg.connect(url)))
    yield opened[0], opened[1]
    for which, outside in zip(("one", "other"), opened, strict=True):
        await outside.connection.close()
        await database.pool.execute(f"drop database {name}_{which} with (force)")
