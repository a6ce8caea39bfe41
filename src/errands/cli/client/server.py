"""The server itself."""

from collections.abc import Sequence

from errands.cli.client.connection import Connection
from errands.services.views import Check


class ServerItself:
    """What is about no project."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def checks(self) -> Sequence[Check]:
        """Whether everything is in order, and what to do where not."""
        return await self._connection.get(list[Check], "server", "checks")

    async def rotate_secrets(self) -> int:
        """Encrypt every stored secret anew with the newest key; how many were."""
        return (await self._connection.post(dict[str, int], "server", "secrets", "rotate"))["encrypted_anew"]
