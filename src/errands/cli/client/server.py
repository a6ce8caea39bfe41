"""The server itself."""

import os
from collections.abc import Sequence
from pathlib import Path

from errands.cli.client.connection import Connection
from errands.services.views import Check


class ServerItself:
    """What is about no project."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def checks(self) -> Sequence[Check]:
        """Whether everything is in order, and what to do where not."""
        return await self._connection.get(list[Check], "server", "checks")

    async def download_backup(self, target: Path) -> int:
        """Write a backup without keys to a new file, readable by its owner alone; gives its bytes."""
        size = 0
        async with self._connection.stream("server", "backup") as answer:
            file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "wb") as content:
                async for chunk in answer.aiter_bytes():
                    size += content.write(chunk)
        return size

    async def rotate_secrets(self) -> int:
        """Encrypt every stored secret anew with the newest key; how many were."""
        return (await self._connection.post(dict[str, int], "server", "secrets", "rotate"))["encrypted_anew"]
