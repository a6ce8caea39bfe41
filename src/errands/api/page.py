"""Serves the page that `scripts/page.py` has built: hashed files for a year, and index.html for every other address.

The page is a program in the browser that has no right of its own: it asks the API like any client. Its policy allows
nothing from elsewhere and nothing inline; the few style elements that it makes itself carry the answer's nonce.
"""

import mimetypes
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

NONCE = "ERRANDS_NONCE"
"""What the build leaves in index.html where each answer has a nonce of its own."""
_OTHERS = ("/api/", "/hooks/", "/metrics", "/healthz", "/readyz", "/mcp", "/.well-known/")
"""Addresses that belong to programs; whatever is not found there stays not found."""
_MISSING = (
    "The page is not built. `make setup` builds it, or `python scripts/page.py build` (needs Node 20.19 or newer,\n"
    "or a Python package registry to get it from). The API works without it: see docs/reference/api.md.\n"
)
_FOREVER = "public, max-age=31536000, immutable"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; frame-src blob:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def page_folder() -> Path:
    """Where a built page lies, in a wheel as in a checkout."""
    return Path(__file__).resolve().parent.parent / "page"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the page, kept in memory."""

    content: bytes
    compressed: bytes | None
    media_type: str
    hashed: bool
    """Its name changes with its content."""


class Page:
    """The page of one folder, read once. An ASGI app; `otherwise` answers what is not the page's."""

    def __init__(self, folder: Path | None, otherwise: ASGIApp) -> None:
        self._otherwise = otherwise
        self._assets = {} if folder is None else _read(folder)
        index = self._assets.pop("index.html", None)
        self._index = None if index is None else index.content.decode()

    @property
    def built(self) -> bool:
        """Whether there is a page to serve."""
        return self._index is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        if request.method not in ("GET", "HEAD") or request.url.path.startswith(_OTHERS):
            await self._otherwise(scope, receive, send)
            return
        asset = self._assets.get(request.url.path.lstrip("/"))
        if asset is not None:
            await _file(asset, request)(scope, receive, send)
        elif _wants_html(request):
            await self.index()(scope, receive, send)
        else:
            await self._otherwise(scope, receive, send)

    def index(self) -> Response:
        """What every address of the page begins with; the page itself reads where it is."""
        if self._index is None:
            return PlainTextResponse(_MISSING, HTTPStatus.SERVICE_UNAVAILABLE)
        nonce = secrets.token_urlsafe(16)
        headers = {
            "Content-Security-Policy": _POLICY.format(nonce=nonce),
            "Cache-Control": "no-cache",
            "Cross-Origin-Opener-Policy": "same-origin",
        }
        return Response(self._index.replace(NONCE, nonce), headers=headers, media_type="text/html")


def _read(folder: Path) -> dict[str, Asset]:
    if not (folder / "index.html").is_file():
        return {}
    files = [
        file for file in folder.rglob("*") if file.is_file() and file.suffix != ".gz" and file.parent.name != ".vite"
    ]
    return {file.relative_to(folder).as_posix(): _asset(file, folder) for file in files}


def _asset(file: Path, folder: Path) -> Asset:
    shrunk = file.with_name(f"{file.name}.gz")
    return Asset(
        content=file.read_bytes(),
        compressed=shrunk.read_bytes() if shrunk.is_file() else None,
        media_type={".js": "text/javascript", ".woff2": "font/woff2"}.get(
            file.suffix, mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        ),
        hashed=file.relative_to(folder).parts[0] == "assets",
    )


def _file(asset: Asset, request: Request) -> Response:
    shrunk = asset.compressed is not None and "gzip" in request.headers.get("accept-encoding", "")
    headers = {"Cache-Control": _FOREVER if asset.hashed else "no-cache", "Vary": "Accept-Encoding"}
    if shrunk:
        headers["Content-Encoding"] = "gzip"
    content = asset.compressed if shrunk and asset.compressed is not None else asset.content
    return Response(content, headers=headers, media_type=asset.media_type)


def _wants_html(request: Request) -> bool:
    """Whether a person's browser asks for a screen, rather than a program for a file."""
    return request.url.path == "/" or "text/html" in request.headers.get("accept", "")
