"""The commands of docs/reference/api.md, typed into a shell as they stand against a server on its first start."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from errands.api.serving import listening, take_address
from errands.bootstrap import make_api, open_services
from errands.settings import Settings

_PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "api.md"
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@asynccontextmanager
async def _channel() -> AsyncIterator[tuple[str, list[str]]]:
    """A receiver of notifications: its apprise address, and what it was sent."""
    heard: list[str] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))  # type: ignore[union-attr]
        heard.append((await reader.readexactly(length)).decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield f"json://127.0.0.1:{server.sockets[0].getsockname()[1]}/", heard


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl")
async def test_the_commands_of_the_reference_lead_from_nothing_to_a_notified_run(
    database_url: str, tmp_path: Path
) -> None:
    blocks = _BLOCK.findall(_PAGE.read_text())
    assert len(blocks) >= 7
    settings = Settings.load(
        home=tmp_path / "home",
        database_url=database_url,
        default_project="default",
        allow_private_hosts=("127.0.0.1",),
    )
    async with open_services(settings, worker=False) as runtime, _channel() as (channel, heard):
        link = await runtime.services.sign_in.first_start_link()
        assert link is not None
        work = runtime.make_worker(concurrency=4)
        working = asyncio.create_task(work.run())
        async with listening(make_api(runtime), take_address("127.0.0.1", 0), timedelta(seconds=5)) as server:
            shell = await asyncio.create_subprocess_exec(
                *("bash", "-euo", "pipefail", "-c", "\n".join(blocks)),
                cwd=tmp_path,
                env={**os.environ, "ERRANDS": server.url, "LINK": link.secret, "CHANNEL": channel, "no_proxy": "*"},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await shell.communicate()
        await work.stop(timedelta(seconds=5))
        await working
    assert shell.returncode == 0, said.decode()
    ends = said.decode().split("event: ended")[1:]
    assert ['"output":"hello ana"' in ends[0], '"output":"hello berta"' in ends[1]] == [True, True]
    assert sorted("hello ana" in sent for sent in heard) == [False, True], heard
    assert channel not in said.decode()
