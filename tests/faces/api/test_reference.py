"""The commands of docs/api.md, copied from there and typed into a shell against a server on its first start."""

import asyncio
import os
import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI

from errands.api.serving import listening
from errands.services import Services

_PAGE = Path(__file__).resolve().parents[3] / "docs" / "api.md"
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.usefixtures("worker")
@pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl")
async def test_the_commands_of_the_reference_lead_from_nothing_to_a_run(
    app: FastAPI, services: Services, tmp_path: Path
) -> None:
    blocks = _BLOCK.findall(_PAGE.read_text())
    assert len(blocks) >= 5
    link = await services.sign_in.first_start_link()
    assert link is not None
    async with listening(app, "127.0.0.1", 0, timedelta(seconds=5)) as server:
        shell = await asyncio.create_subprocess_exec(
            *("bash", "-euo", "pipefail", "-c", "\n".join(blocks)),
            cwd=tmp_path,
            env={**os.environ, "ERRANDS": server.url, "LINK": link.secret, "no_proxy": "*"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await shell.communicate()
    assert shell.returncode == 0, said.decode()
    ended = said.decode().rpartition("event: ended")[2]
    assert '"output":"hello ana"' in ended
