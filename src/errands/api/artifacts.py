"""Downloads of files that runs made. A browser never shows one as a page of ours: it could hold a script."""

from typing import Annotated
from urllib.parse import quote

from fastapi import Path, Response
from fastapi.responses import StreamingResponse

from errands.api.callers import Asked, Caller
from errands.api.routes import Routes

routes = Routes("runs")
Artifact = Annotated[str, Path(max_length=64, examples=["art_0192f3c4a1b27c3e8d5f6a7b8c9d0e1f"])]


@routes.get(
    "/artifacts/{artifact}",
    gives=Response,
    also={200: {"description": "The file.", "content": {"application/octet-stream": {}}}},
)
async def download_artifact(caller: Caller, services: Asked, artifact: Artifact) -> object:
    """A file that a run made, always as a download."""
    opened = await services.artifacts.open(caller, artifact)
    headers = download_headers(opened.view.name, opened.view.size, opened.view.sha256)
    return StreamingResponse(opened.content, headers=headers, media_type="application/octet-stream")


def download_headers(shown_name: str, size: int, sha256: str) -> dict[str, str]:
    """Headers of a download under this name."""
    name = shown_name.rpartition("/")[2]
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_. ") else "_" for letter in name)
    return {
        "Content-Length": str(size),
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "ETag": f'"{sha256}"',
        "X-Content-Type-Options": "nosniff",
    }
