"""Signing in at a tool server from the command line, with a real server and a real authorization server."""

import asyncio
import itertools
import re
from pathlib import Path

import httpx

from tests.journeys.conftest import RunningServer
from tests.journeys.errands_command import Ended, Errands, client_of
from tests.tools.authorization_server import People, signing_in

_TASK = """
task: sums
description: Adds by way of a tool server.
grants: {tools: ["crm/*"]}
steps: [{id: total, tool: crm/add, with: {a: 2, b: 3}}]
output: "{{ total['sum'] }}"
"""
_projects = itertools.count(1)


async def _done(errands: Errands, *arguments: str, code: int = 0) -> Ended:
    ended = await asyncio.to_thread(errands, *arguments)
    assert ended.code == code, f"{ended.code}: {ended.out}\n{ended.err}"
    return ended


async def test_a_tool_server_is_connected_used_and_disconnected(server: RunningServer, tmp_path: Path) -> None:
    project = f"connecting-{next(_projects)}"
    server.ask("PUT", f"/projects/{project}", {})
    errands = client_of(tmp_path, server.url, server.token, project)
    async with signing_in(People()) as people:
        added = await _done(errands, "servers", "add", "crm", "--url", people.mcp, "--oauth")
        assert "not connected: errands servers connect crm" in added.out
        told = await _done(errands, "servers", "connect", "crm")
        address = re.search(r"^http\S+/authorize\S+$", told.out, re.MULTILINE)
        assert address is not None, told.out
        back = await people.visit(address[0])
        async with httpx.AsyncClient(base_url=server.url) as browser:
            page = await browser.get(back.pop("to"), params=back)
            assert "root asked to connect the tool server" in " ".join(page.text.split())
            sent = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
            agreed = await browser.post(page.url.path, data=sent, headers={"Origin": server.url})
        assert "is connected" in agreed.text
        shown = await _done(errands, "servers", "show", "crm")
        assert f"connected by user:root at {people.url}" in shown.out
        errands.write("tasks/sums.yaml", _TASK)
        await _done(errands, "apply", "tasks")
        people.end_tokens()
        ran = await _done(errands, "run", "sums")
        assert ran.out.splitlines()[-1] == "5"
        assert people.renewals == 1
        gone = await _done(errands, "servers", "disconnect", "crm")
        assert gone.out.strip() == "crm is disconnected."
        failed = await _done(errands, "run", "sums", code=1)
        assert "errands servers connect crm" in failed.out
        assert not any(token in failed.out + failed.err + ran.out for token in (*people.access, *people.refreshes))


async def test_options_of_a_sign_in_need_it(server: RunningServer, tmp_path: Path) -> None:
    errands = client_of(tmp_path, server.url, server.token, "default")
    refused = await _done(errands, "servers", "add", "crm", "--url", "https://crm.example", "--scope", "x", code=2)
    assert "Give --oauth as well." in refused.err
