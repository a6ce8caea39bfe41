"""The server itself."""

import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from errands.cli.client.connection import Connection, Query
from errands.cli.client.following import lines_of
from errands.services.people_views import AuditEntry, AuditVerdict
from errands.services.views import Check, Page


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

    async def audit(self, wanted: Query, *, cursor: str | None = None, limit: int = 100) -> Page[AuditEntry]:
        """What was done and refused, newest first."""
        return await self._connection.get(Page[AuditEntry], "audit", **wanted, cursor=cursor, limit=limit)

    async def verify_audit(self, expected_head: str | None) -> AuditVerdict:
        """Follow the log's chain from its beginning."""
        body = {"expected_head": expected_head}
        return await self._connection.post(AuditVerdict, "audit", "verify", body=body)

    async def export_audit(self, wanted: Query) -> AsyncIterator[str]:
        """The log line by line, signed."""
        async with self._connection.stream("audit", "export", query=wanted) as answer:
            async for line in lines_of(answer):
                yield line

    async def rotate_secrets(self) -> int:
        """Encrypt every stored secret anew with the newest key; how many were."""
        return (await self._connection.post(dict[str, int], "server", "secrets", "rotate"))["encrypted_anew"]
