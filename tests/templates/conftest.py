"""The stage of template journeys, and the servers around it."""

import asyncio
import functools
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from errands.agents import Script, models, scripted
from errands.api.serving import listening
from errands.bootstrap import make_api, open_services
from errands.engine import engine
from errands.settings import Settings
from errands.store.database import Database
from tests.templates.stage import PROJECT, ROOT, Clock, Stage, make_keeper
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
    async with open_services(settings, worker=False) as runtime:
        await runtime.services.projects.ensure(ROOT, PROJECT)
        told = asyncio.Event()
        runtime.engine.bus.listen(lambda event: told.set() if event.kind == "released" else None)
        worker = runtime.engine.worker(concurrency=8)
        running = asyncio.create_task(worker.run())
        await worker.ready.wait()
        yield Stage(runtime, database, clock, model, make_keeper(runtime, clock), told)
        await worker.stop()
        await running


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
    async with listening(make_api(stage.runtime), "127.0.0.1", 0, timedelta(seconds=5)) as there:
        yield there.url
