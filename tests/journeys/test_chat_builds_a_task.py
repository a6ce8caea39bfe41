"""Issue 4, Shows 1 and 2: a whole conversation creates, tests, publishes, schedules and runs a task."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from errands.services import Services
from errands.settings import Settings
from tests.agents.fake_provider import provider
from tests.chat.conversation import Conversation
from tests.chat.scripted import ScriptedModel
from tests.chat.test_slash_commands import ended
from tests.faces.api.conftest import admin, app, runtime, services, worker  # noqa: F401 (fixtures)

_FIRST = """task: order-count
description: Counts the orders of a region.
params:
  region: {type: string, description: Sales region}
grants: {tools: [log]}
steps:
  - {id: orders, python: "[1, 2, 3]"}
  - {id: said, tool: log, with: {message: "{{ len(orderz) }} in {{ region }}"}}
output: {region: "{{ region }}", count: "{{ len(orders) }}"}
"""
_MENDED = _FIRST.replace("orderz", "orders")


@pytest.fixture
def model_name() -> str:
    return "fake"


@pytest.fixture
def settings(database_url: str, tmp_path: Path, model_name: str) -> Settings:
    return Settings.load(
        home=tmp_path / "home",
        database_url=database_url,
        default_model=model_name,
        embedded_model=str(tmp_path / "none.gguf"),
        allow_private_hosts=("127.0.0.1",),
    )


@pytest.fixture
async def model(admin: httpx.AsyncClient) -> AsyncIterator[ScriptedModel]:  # noqa: F811
    async with provider() as fake:
        yield await ScriptedModel(fake).installed(admin)


@pytest.mark.usefixtures("worker")
async def test_a_conversation_with_a_model_builds_a_task_and_runs_it(
    admin: httpx.AsyncClient,  # noqa: F811
    model: ScriptedModel,
    services: Services,  # noqa: F811
    app: FastAPI,  # noqa: F811
) -> None:
    talk = await Conversation(admin).begin()

    model.then(
        model.uses("describe_tools", words="log"),
        model.uses("draft", source=_FIRST),
        model.uses("draft", source=_MENDED, message="First draft"),
        "Here is the draft; try it before you publish it.",
    )
    drafted = await talk.say("Count our orders by region, please")
    assert "did you mean" in str(model.bodies[2]["messages"][-1])
    card = drafted.card("task")
    assert (card["name"], card["change"]) == ("order-count", "created")
    assert (await admin.get("/api/v1/projects/default/tasks")).json()["items"] == []

    model.then(model.uses("dry_run", arguments={"region": "emea"}), "Three orders, nothing left the machine.")
    tried = (await talk.say("Try it for emea")).card("rehearsal")
    assert (tried["status"], tried["output"]) == ("succeeded", {"region": "emea", "count": 3})

    assert (await talk.confirm(card, "publish"))["version"] == 1
    model.then(
        model.uses(
            "set_trigger",
            task="order-count",
            id="morning",
            schedule={"daily": "07:00", "timezone": "Europe/Berlin"},
            arguments={"region": "apac"},
        ),
        "Every morning at seven, once you publish it.",
    )
    planned = (await talk.say("Every morning at seven for apac")).card("task")
    assert "publish by the person" in str(model.bodies[-1]["messages"][0])
    assert [one["id"] for one in planned["triggers"]] == ["morning"]
    assert (await talk.confirm(planned, "publish"))["version"] == 2
    (trigger,) = (await admin.get("/api/v1/projects/default/triggers")).json()["items"]
    assert (trigger["name"], trigger["enabled"]) == ("morning", True)

    model.then(model.uses("start_run", task="order-count"), "Which region?")
    form = (await talk.say("Run it now")).card("form")
    started = await talk.confirm(form, "run", region="amer")
    run = await ended(admin, str(started["run"]))
    assert (run["status"], run["output"], run["version"]) == ("succeeded", {"region": "amer", "count": 3}, 2)

    model.then(model.uses("explain_run", run=run["id"]), "It counted three orders.")
    explained = await talk.say("What did it do?")
    assert explained.text == "It counted three orders."
    assert explained.card("run")["status"] == "succeeded"

    audit = (await admin.get("/api/v1/audit?verb=task.publish")).json()["items"]
    assert {(one["actor"], one["outcome"]) for one in audit} == {("user:root", "done")}
    whole = (await admin.get(talk.path)).json()
    assert whole["title"] == "Count our orders by region, please"
    assert whole["usage"]["requests"] == 12


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("model_name", ["embedded"])
async def test_the_same_with_the_embedded_model_and_commands_alone(admin: httpx.AsyncClient) -> None:  # noqa: F811
    talk = await Conversation(admin).begin()
    hint = await talk.say("Count our orders by region, please")
    assert "calls no tools" in hint.text
    assert "/help" in hint.text
    assert hint.error is None

    card = (await talk.say(_MENDED)).card("task")
    assert (await talk.say("/try region=emea")).card("rehearsal")["output"] == {"region": "emea", "count": 3}
    assert (await talk.confirm(card, "publish"))["version"] == 1
    planned = (await talk.say("/schedule order-count daily 07:00 timezone=Europe/Berlin region=apac")).card("task")
    assert (await talk.confirm(planned, "publish"))["version"] == 2
    started = (await talk.say("/run order-count region=amer")).card("run")
    run = await ended(admin, started["run"])
    assert (run["status"], run["output"]) == ("succeeded", {"region": "amer", "count": 3})
    assert "amer" in (await talk.say(f"/explain {run['id']}")).text
