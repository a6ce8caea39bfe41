"""A model for the chat of a server in another process: scripted, in a thread of its own, behind a real connection."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.agents.fake_provider import Writer, provider, says
from tests.chat.scripted import MODEL, ScriptedModel
from tests.page.serving import Served

TALKING = {"ERRANDS_DEFAULT_MODEL": "fake", "ERRANDS_ALLOW_PRIVATE_HOSTS": "127.0.0.1"}
"""Settings of a server whose default model is the scripted one."""


@contextmanager
def scripted(served: Served) -> Iterator[ScriptedModel]:
    """The server's default model, until this is left."""
    ready, leave = threading.Event(), threading.Event()
    made: list[ScriptedModel] = []

    async def run() -> None:
        async with provider() as fake:
            made.append(ScriptedModel(fake))
            ready.set()
            await asyncio.to_thread(leave.wait)

    # The browser's event loop runs in the thread of the tests.
    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    files = [{"name": "models/fake.yaml", "source": MODEL.format(url=made[0].provider.url)}]
    served.ask("POST", "/projects/default/files", {"files": files})
    yield made[0]
    leave.set()
    thread.join(10)


class Held:
    """An answer that comes only when the test lets it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._go_on = threading.Event()
        self.asked = threading.Event()
        """The model has been asked for it."""

    def go_on(self) -> None:
        self._go_on.set()

    async def __call__(self, writer: Writer) -> None:
        self.asked.set()
        await asyncio.to_thread(self._go_on.wait, 60)
        await says(self._text)(writer)
