"""A real PostgreSQL for all tests: one server for the session, a fresh migrated database for each test that asks."""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from errands.store.database import Database
from errands.store.embedded import EmbeddedServer
from errands.store.migrations import upgrade
from tests.distribution import Distribution, longest_first

if TYPE_CHECKING:
    from xdist.remote import Producer

# A change must not fail for what another example would have found before it; off CI every run looks elsewhere.
# How long an example takes says how busy the machine is: figures have targets in `bench`.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("project"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "project")

_TEMPLATE = "errands_template"
_numbers = itertools.count(1)
_MEMORY, _ROOM = Path("/dev/shm"), 4 * 2**30


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = longest_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> Distribution:
    return Distribution(config, log)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of the session's server, with `{}` in the place of the database's name."""
    with tempfile.TemporaryDirectory(prefix="errands-tests-", dir=_memory()) as folder:
        server = EmbeddedServer(Path(folder))
        url = server.acquire().replace("/errands?", "/{}?")
        try:
            asyncio.run(_make_template(url))
            yield url
        finally:
            server.release()


@pytest.fixture
async def database_url(postgres: str) -> AsyncIterator[str]:
    """URL of a database with all tables and no rows, dropped after the test."""
    name = f"test_{next(_numbers)}"
    await _execute(postgres, f"create database {name} template {_TEMPLATE} strategy file_copy")
    yield postgres.format(name)
    await _execute(postgres, f"drop database {name} with (force)")


@pytest.fixture
async def database(database_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    """An open database with all tables and no rows."""
    opened = await Database.open(database_url, tmp_path, pool_size=20)
    yield opened
    await opened.close()


def _memory() -> Path | None:
    """A folder that is in memory and has room: there a database is made in half the time. None: there is none."""
    usable = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM
    return _MEMORY if usable else None


async def _make_template(url: str) -> None:
    # No test cuts the machine's power: commits need not reach the disk.
    await _execute(url, "alter system set fsync = off", "select pg_reload_conf()", f"create database {_TEMPLATE}")
    template = await Database.open(url.format(_TEMPLATE), Path())
    await upgrade(template)
    await template.close()


async def _execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url.format("postgres"))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
