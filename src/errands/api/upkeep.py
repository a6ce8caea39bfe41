"""Looking after the server: backups."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

from fastapi import Response
from fastapi.responses import StreamingResponse

from errands.api.callers import Asked, Caller
from errands.api.routes import Routes

routes = Routes("upkeep")
_CHUNK = 2**20


@routes.get(
    "/server/backup",
    gives=Response,
    also={200: {"description": "The file, without the keys.", "content": {"application/x-tar": {}}}},
)
async def download_backup(caller: Caller, services: Asked) -> object:
    """Back up everything, and download it: the database at one moment, the artifacts, a manifest with digests.

    The keys that open the secrets are never sent; keep them apart. `errands restore` brings a backup back.
    """
    stack = AsyncExitStack()
    file, made = await stack.enter_async_context(await services.backups.passing(caller))
    name = f"errands-{made.made_at:%Y%m%d-%H%M%S}.tar"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(made.size)}
    return StreamingResponse(_sent(file, stack), headers=headers, media_type="application/x-tar")


async def _sent(file: Path, stack: AsyncExitStack) -> AsyncIterator[bytes]:
    async with stack:
        with file.open("rb") as content:
            while chunk := await asyncio.to_thread(content.read, _CHUNK):
                yield chunk
