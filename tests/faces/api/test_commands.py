"""`errands start` and `errands serve` as people run them."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import httpx
import pytest

_ERRANDS = str(Path(sys.executable).parent / "errands")


@pytest.mark.parametrize("command", ["start", "serve"])
async def test_it_says_where_it_listens_and_stops_in_good_order(
    command: str, database_url: str, tmp_path: Path
) -> None:
    server = await asyncio.create_subprocess_exec(
        *(_ERRANDS, command, "--port", "0", "--json"),
        env={**os.environ, "ERRANDS_HOME": str(tmp_path), "ERRANDS_DATABASE_URL": database_url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert server.stdout is not None
    told = json.loads(await server.stdout.readline())
    assert told["setup"].startswith(f"{told['url']}/setup?link=")
    async with httpx.AsyncClient(base_url=told["url"]) as client:
        assert (await client.get("/readyz")).json()["status"] == "ready"
        shown = await client.get(told["setup"], headers={"Accept": "text/html"})
        assert (shown.status_code, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
        server.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            _, said = await server.communicate()
    assert server.returncode == 0, said.decode()
    assert "Stopped." in said.decode()
    assert "Traceback" not in said.decode()


async def test_a_port_that_is_taken_is_told_in_one_line(database_url: str, tmp_path: Path) -> None:
    held = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = held.sockets[0].getsockname()[1]
    server = await asyncio.create_subprocess_exec(
        *(_ERRANDS, "serve", "--port", str(port)),
        env={**os.environ, "ERRANDS_HOME": str(tmp_path), "ERRANDS_DATABASE_URL": database_url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        _, said = await server.communicate()
    held.close()
    assert server.returncode == 1
    assert f"127.0.0.1:{port} cannot be listened on" in said.decode()
    assert "--port" in said.decode()
