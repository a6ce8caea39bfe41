"""The API on a whole process: real database, engine and services; people of every role with a token each."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from errands.bootstrap import Runtime, make_api, open_services
from errands.core.access import ProjectRole, Scope, ServerRole, SystemPrincipal
from errands.services import Services
from errands.settings import Settings
from tests.services.work import at_work

OPERATOR = SystemPrincipal("operator", "operator", acts_as="user:root")
BASE = "http://errands.test"


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings.load(home=tmp_path / "home", database_url=database_url, default_project="default")


@pytest.fixture
async def runtime(settings: Settings) -> AsyncIterator[Runtime]:
    async with open_services(settings, worker=False) as opened:
        yield opened


@pytest.fixture
def services(runtime: Runtime) -> Services:
    return runtime.services


@pytest.fixture
def app(runtime: Runtime) -> FastAPI:
    return make_api(runtime)


@pytest.fixture
async def worker(runtime: Runtime) -> AsyncIterator[None]:
    """Runs are advanced meanwhile."""
    async with at_work(runtime):
        yield


@pytest.fixture
async def anonymous(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without a token."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield client


@pytest.fixture
async def admin(app: FastAPI, services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """An administrator with a token of every scope."""
    async with client_of(app, await token_of(services, "root", ServerRole.ADMIN)) as client:
        yield client


@pytest.fixture
async def viewer(app: FastAPI, services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who may look at the project."""
    async with client_of(app, await token_of(services, "vera", project=ProjectRole.VIEWER)) as client:
        yield client


@pytest.fixture
async def stranger(app: FastAPI, services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with an account and no right."""
    async with client_of(app, await token_of(services, "stan")) as client:
        yield client


def client_of(app: FastAPI, token: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=BASE, headers={"Authorization": f"Bearer {token}"})


async def token_of(
    services: Services,
    name: str,
    server_role: ServerRole = ServerRole.MEMBER,
    *,
    project: ProjectRole | None = None,
    scopes: Sequence[Scope] = tuple(Scope),
) -> str:
    """Make an account with this role, and a token for it."""
    await services.people.create(OPERATOR, name, server_role=server_role)
    if project is not None:
        await services.members.put(OPERATOR, "default", f"user:{name}", project)
    made = await services.tokens.make(OPERATOR, "tests", scopes, expires_in=None, person=name)
    return made.text


async def apply(client: httpx.AsyncClient, *sources: str) -> None:
    """Store and publish task files."""
    files = [{"name": f"{number}.yaml", "source": source} for number, source in enumerate(sources)]
    answer = await client.post("/api/v1/projects/default/files", json={"files": files})
    assert answer.status_code == 200, answer.text
