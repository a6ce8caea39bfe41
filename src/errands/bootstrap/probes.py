"""What the doctor looks at beyond the database: the embedded model, the page, the port for mail."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from errands.bootstrap.parts import look_at_model
from errands.services.views import Check

if TYPE_CHECKING:
    from collections.abc import Sequence

    from errands.services.doctor import Probe
    from errands.settings import Settings

_PATIENCE_SECONDS = 3.0


def probes(settings: "Settings") -> "Sequence[Probe]":
    """Each gives one finding."""

    async def page() -> Check:
        from errands.api.page import page_folder

        return look_at_page(page_folder())

    return [lambda: look_at_model(settings), page, lambda: look_at_mail(settings)]


def look_at_page(folder: Path) -> Check:
    """Whether a server would have a page to show."""
    if (folder / "index.html").is_file():
        return Check("page", True, "built")
    hint = "Build it: make setup, or python scripts/page.py build. The API works without it."
    return Check("page", False, f"there is none in {folder}", hint)


async def look_at_mail(settings: "Settings") -> Check:
    """Whether mail for triggers is taken where the settings say."""
    name, host, port = "mail for triggers", settings.mail_host, settings.mail_port
    if port is None:
        return Check(name, True, "not taken (ERRANDS_MAIL_PORT is not set)")
    if port == 0:
        return Check(name, True, "taken at whatever port was free when the server began")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    greeting = await _greeting(host, port)
    if greeting.startswith(b"220"):
        return Check(name, True, f"taken at {host}:{port}")
    hint = "`errands start` or `errands serve` takes it while it runs, with the same ERRANDS_MAIL_PORT."
    return Check(name, False, f"nothing takes mail at {host}:{port}", hint)


async def _greeting(host: str, port: int) -> bytes:
    """The first line of a mail server; empty where there is none."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                return await reader.readline()
            finally:
                writer.close()
    return b""
