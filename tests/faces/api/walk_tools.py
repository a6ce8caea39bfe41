"""The part of the walk that is about what agents and steps reach."""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import httpx

_SCRIPT = Path(__file__).parents[2] / "tools" / "tool_server.py"


class Walks(Protocol):
    async def call(
        self, operation: str, *, json: object = None, headers: Mapping[str, str] | None = None, **given: Any
    ) -> httpx.Response: ...


async def walk_tools(walk: Walks) -> None:
    """Secrets of the installation, tools, tool servers of both owners."""
    await walk.call("setServerSecret", secret="KEY", json={"value": "s3cret"})
    assert "s3cret" not in (await walk.call("listServerSecrets")).text
    await walk.call("deleteServerSecret", secret="KEY")
    await _models_and_agents(walk)
    with tempfile.TemporaryDirectory() as folder:
        await _servers(walk, Path(folder) / "catalog.json", {"project": "default"}, "ToolServer", "Tool")
        await _servers(walk, Path(folder) / "catalog.json", {}, "SharedToolServer", "SharedTool")


async def _models_and_agents(walk: Walks) -> None:
    here: dict[str, Any] = {"project": "default"}
    away = "provider: openai-compatible\nname: tiny\nbase_url: https://llm.invalid/v1\n"
    files = [
        {"name": "m.yaml", "source": f"model: own\n{away}"},
        {"name": "a.yaml", "source": "agent: writer\nmodel: own\nexamples: [{prompt: Hi, answer: Hello}]\n"},
    ]
    await walk.call("applyFiles", **here, json={"files": files})
    shared = {"source": f"model: fast\n{away}", "projects": ["default"], "least_role": "owner"}
    assert (await walk.call("putSharedModel", json=shared)).json()["shared"] is True
    assert [one["name"] for one in (await walk.call("listModels", **here)).json()] == ["fast", "own"]
    assert [one["name"] for one in (await walk.call("listSharedModels")).json()] == ["fast"]
    await walk.call("getModel", **here, model="own")
    await walk.call("getSharedModel", model="fast")
    assert (await walk.call("tryModel", **here, model="own")).json()["ok"] is False
    assert (await walk.call("trySharedModel", model="fast")).json()["problem"]
    fields = {"provider": "openai-compatible", "name": "tiny", "base_url": "https://llm.invalid/v2"}
    changed = await walk.call("putModel", **here, model="own", headers={"If-Match": "*"}, json=fields)
    assert changed.json()["base_url"] == "https://llm.invalid/v2"
    whose = {"fallback": ["embedded"], "projects": None, "least_role": None}
    tag = _tag(await walk.call("getSharedModel", model="fast"))
    changed = await walk.call("editSharedModel", model="fast", headers={"If-Match": tag}, json={**fields, **whose})
    assert (changed.json()["fallback"], changed.json()["least_role"]) == (["embedded"], None)
    await walk.call("removeModel", **here, model="own")
    await walk.call("removeSharedModel", model="fast")
    (agent,) = (await walk.call("listAgents", **here)).json()
    assert agent["examples"] == [{"prompt": "Hi", "answer": "Hello"}]
    tag = _tag(await walk.call("getAgent", **here, agent="writer"))
    brief = {"instructions": "Be brief.", "budget": {"usd": 0.2}}
    changed = await walk.call("putAgent", **here, agent="writer", headers={"If-Match": tag}, json=brief)
    assert (changed.json()["instructions"], changed.json()["examples"]) == ("Be brief.", [])
    await walk.call("removeAgent", **here, agent="writer")


def _tag(answer: httpx.Response) -> str:
    """What an edit gives back to say what it began with."""
    tag = answer.headers["etag"]
    assert tag == f'"{answer.json()["digest"]}"'
    return str(tag)


async def _servers(walk: Walks, catalog: Path, whose: dict[str, Any], noun: str, tool: str) -> None:
    _describe(catalog, {})
    program = {"kind": "program", "command": sys.executable, "args": [str(_SCRIPT), "babble"]}
    here: dict[str, Any] = {**whose, "server": "crm"}
    put = await walk.call(f"put{noun}", **here, json={"connection": {**program, "env": {"CATALOG": str(catalog)}}})
    assert (put.json()["health"], [one["name"] for one in put.json()["tools"]]) == ("ok", ["crm/babble"])
    if whose:
        listed = (await walk.call("listTools", **whose)).json()
        assert {"http.request", "crm/babble"} <= {one["name"] for one in listed}
    _describe(catalog, {"babble": "Writes much."})
    looked = (await walk.call(f"lookAt{noun}", **here)).json()
    assert (looked["health"], looked["changes"][0]["parts"]) == ("changed", ["description"])
    assert (await walk.call(f"accept{tool}s", **here, json={})).json()["health"] == "ok"
    effect = (await walk.call(f"set{tool}Effect", **here, json={"tool": "babble", "effect": "reads"})).json()
    assert (effect["tools"][0]["effect"], effect["tools"][0]["effect_from"]) == ("reads", "person")
    await walk.call(f"get{noun}", **here)
    assert [one["name"] for one in (await walk.call(f"list{noun}s", **whose)).json()] == ["crm"]
    assert (await walk.call(f"disconnect{noun}", **here)).json()["sign_in"] is None
    await walk.call(f"remove{noun}", **here)


def _describe(catalog: Path, tools: dict[str, str]) -> None:
    catalog.write_text(json.dumps(tools))
