"""The chat on a whole process, over its API."""

from collections.abc import AsyncIterator

import httpx
import pytest

from errands.services import Services
from tests.chat.conversation import Conversation
from tests.faces.api.conftest import (  # noqa: F401 (fixtures)
    admin,
    anonymous,
    app,
    client_of,
    runtime,
    services,
    settings,
    stranger,
    token_of,
    viewer,
    worker,
)


@pytest.fixture
async def thread(admin: httpx.AsyncClient) -> Conversation:  # noqa: F811
    """A new thread of the administrator's."""
    return await Conversation(admin).begin()


@pytest.fixture
async def editor(app: object, services: Services) -> AsyncIterator[httpx.AsyncClient]:  # noqa: F811
    """Somebody who may edit and publish tasks."""
    from errands.core.access import ProjectRole

    async with client_of(app, await token_of(services, "ed", project=ProjectRole.EDITOR)) as client:  # type: ignore[arg-type]
        yield client
