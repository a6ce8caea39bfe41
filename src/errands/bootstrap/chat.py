"""Makes the chat of a process when somebody first talks, and what turns attached documents into text."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from errands.agents import Agents
    from errands.chat.chat import Chat
    from errands.engine.loose import LooseContext
    from errands.services import Services
    from errands.services.attachments import Read
    from errands.services.vault import Vault
    from errands.settings import Settings
    from errands.tools.toolbox import Toolbox


class LateChat:
    """The chat, made by the first call."""

    def __init__(self, make: "Callable[[], Chat]") -> None:
        self._make = make
        self._made: Chat | None = None

    def __call__(self) -> "Chat":
        """The chat of this process."""
        if self._made is None:
            self._made = self._make()
        return self._made

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        if self._made is not None:
            self._made.close()

    async def aclose(self) -> None:
        """End every answer; what there is of them is kept."""
        if self._made is not None:
            await self._made.aclose()


def make_chat(
    services: "Services", toolbox: "Toolbox", agents: "Agents", vault: "Vault", settings: "Settings"
) -> LateChat:
    def make() -> "Chat":
        from errands.chat.chat import Chat
        from errands.chat.free_talk import FreeTalk

        return Chat(
            services, toolbox, FreeTalk(agents.talks(), vault, settings.home / "chats", settings.transform_memory)
        )

    return LateChat(make)


def chat_folders(settings: "Settings") -> Path:
    """Where each thread has the folder that its tools work in."""
    return settings.home / "chats"


def document_reader(settings: "Settings", toolbox: "Toolbox") -> "Read":
    """Reads a document by the tool that steps read documents by: in a child process, within the same limits."""

    async def read(name: str, data: bytes) -> str:
        from errands.core.outcomes import StepFailed
        from errands.services.errors import Invalid

        with tempfile.TemporaryDirectory(prefix="errands-attachment-") as folder:
            await asyncio.to_thread((Path(folder) / name).write_bytes, data)
            try:
                performed = await toolbox.call("documents.read", {"path": name}, _alone(Path(folder), settings))
            except StepFailed as failure:
                raise Invalid(f"{failure.error.message}.", failure.error.hint) from None
        output = performed.output
        return str(output["markdown"]) if isinstance(output, dict) else ""

    return read


def _alone(folder: Path, settings: "Settings") -> "LooseContext":
    """A context with a folder and nothing else."""
    from datetime import UTC, datetime

    from errands.core.definition.policies import Grants
    from errands.core.ports import RunIdentity
    from errands.engine.loose import LooseContext

    run = RunIdentity("run_" + "0" * 32, "chat", "", "", 0, datetime.now(UTC))
    grants = Grants(tools=("documents.read",))
    return LooseContext(run, grants, "attachment", folder, settings.transform_memory)
