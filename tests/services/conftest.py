"""A whole process for each test: real database, tools, engine and services."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from errands.bootstrap import Runtime, open_services
from errands.services import Services
from errands.settings import Settings
from errands.store.database import Database
from tests.services.people_bench import Bench
from tests.services.work import at_work


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of a process of the test's own."""
    return Settings.load(home=tmp_path / "home", database_url=database_url, allow_private_hosts=("127.0.0.1",))


@pytest.fixture
async def runtime(settings: Settings) -> AsyncIterator[Runtime]:
    """Put together, with nobody who advances runs."""
    async with open_services(settings, worker=False) as opened:
        yield opened


@pytest.fixture
def services(runtime: Runtime) -> Services:
    """The services of that process."""
    return runtime.services


@pytest.fixture
async def working(runtime: Runtime) -> AsyncIterator[Services]:
    """The services, with a worker at work."""
    async with at_work(runtime):
        yield runtime.services


@pytest.fixture
def bench(database: Database, tmp_path: Path) -> Bench:
    """The services of people."""
    return Bench(database, tmp_path)
