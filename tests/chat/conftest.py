"""The chat on a whole process, over its API; the model is a scripted one behind a real connection."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from errands.core.access import ProjectRole
from errands.services import Services
from errands.settings import Settings
from tests.agents.fake_provider import provider
from tests.chat.conversation import Conversation
from tests.chat.scripted import ScriptedModel
from tests.faces.api.conftest import (  # noqa: F401 (fixtures)
    admin,
    anonymous,
    app,
    client_of,
    runtime,
    services,
    stranger,
    token_of,
    viewer,
    worker,
)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings.load(
        home=tmp_path / "home",
        database_url=database_url,
        default_project="default",
        default_model="fake",
        allow_private_hosts=("127.0.0.1",),
    )


@pytest.fixture
async def thread(admin: httpx.AsyncClient) -> Conversation:  # noqa: F811
    """A new thread of the administrator's."""
    return await Conversation(admin).begin()


@pytest.fixture
async def editor(app: FastAPI, services: Services) -> AsyncIterator[httpx.AsyncClient]:  # noqa: F811
    """Somebody who may edit and publish tasks."""
    async with client_of(app, await token_of(services, "ed", project=ProjectRole.EDITOR)) as client:
        yield client


@pytest.fixture
async def model(admin: httpx.AsyncClient) -> AsyncIterator[ScriptedModel]:  # noqa: F811
    """The project's model `fake`, which is the server's default."""
    async with provider() as fake:
        yield await ScriptedModel(fake).installed(admin)
