"""Slash commands and cards do their work without any model."""

from typing import Any

import httpx
import pytest

from errands.services import Services
from tests.chat.conversation import Conversation
from tests.faces.api.conftest import OPERATOR, apply

_GREET = """task: greet
description: Greets somebody.
params:
  name: {type: string, description: Whom}
grants: {tools: [log]}
steps:
  - {id: greeting, python: "f'Hello {name}'"}
  - {id: said, tool: log, with: {message: "{{ greeting }}"}}
output: "{{ greeting }}"
"""
_ASK = """task: ask
description: Asks.
steps:
  - {id: ok, approve: {question: "Go on?", choices: [go, stop]}}
output: "{{ ok['choice'] }}"
"""


async def ended(client: httpx.AsyncClient, run: str) -> dict[str, Any]:
    """The run, once it has ended."""
    async with client.stream("GET", f"/api/v1/runs/{run}/events") as events:
        async for _ in events.aiter_lines():
            pass
    found = (await client.get(f"/api/v1/runs/{run}")).json()
    assert isinstance(found, dict)
    return found


@pytest.mark.usefixtures("worker")
async def test_a_task_is_created_tried_published_scheduled_and_run_by_commands_and_clicks_alone(
    admin: httpx.AsyncClient, thread: Conversation
) -> None:
    drafted = (await thread.say(_GREET)).card("task")
    assert (drafted["change"], drafted["base"]) == ("created", None)
    assert (await admin.get("/api/v1/projects/default/tasks")).json()["items"] == []

    tried = (await thread.say("/try name=Ana")).card("rehearsal")
    assert (tried["status"], tried["output"]) == ("succeeded", "Hello Ana")

    assert await thread.confirm(drafted, "publish") == {"change": "created", "version": 1, "published": True}
    listed = (await thread.say("/tasks")).card("tasks")["tasks"]
    assert [(one["task"], one["published"]) for one in listed] == [("greet", 1)]

    planned = (await thread.say("/schedule greet daily 09:00 timezone=Europe/Berlin name=Ana")).card("task")
    assert "+triggers:" in planned["diff"]
    assert "09:00" in planned["triggers"][0]["sentence"]
    assert len(planned["triggers"][0]["lines"]) == 5
    assert await thread.confirm(planned, "publish") == {"change": "changed", "version": 2, "published": True}
    (trigger,) = (await admin.get("/api/v1/projects/default/triggers")).json()["items"]
    assert trigger["timezone"] == "Europe/Berlin"

    started = (await thread.say('/run greet "name=Ana Maria"')).card("run")
    assert (await ended(admin, started["run"]))["output"] == "Hello Ana Maria"
    explained = await thread.say("/explain")
    assert "Hello Ana Maria" in explained.text
    assert explained.card("run")["status"] == "succeeded"
    assert [one["run"] for one in (await thread.say("/runs")).card("runs")["runs"]] == [started["run"]]


async def test_a_draft_is_tried_by_its_name_until_it_is_published(
    admin: httpx.AsyncClient, thread: Conversation
) -> None:
    async def tried() -> object:
        return (await thread.say("/try greet name=7")).card("rehearsal")["output"]

    first = (await thread.say(_GREET)).card("task")
    await thread.say("/new other")
    assert await tried() == "Hello 7"
    await thread.confirm(first, "publish")
    changed = (await thread.say(_GREET.replace("Hello", "Good day,"))).card("task")
    assert await tried() == "Good day, 7"
    await thread.confirm(changed, "dismiss")
    assert await tried() == "Hello 7"


@pytest.mark.usefixtures("worker")
async def test_a_run_with_missing_arguments_asks_by_a_form(admin: httpx.AsyncClient, thread: Conversation) -> None:
    await apply(admin, _GREET)
    form = (await thread.say("/run greet")).card("form")
    assert form["schema"]["required"] == ["name"]
    started = await thread.confirm(form, "run", name="Bo")
    assert (await ended(admin, str(started["run"])))["output"] == "Hello Bo"


@pytest.mark.usefixtures("worker")
async def test_an_approval_is_answered_by_its_card(admin: httpx.AsyncClient, thread: Conversation) -> None:
    await apply(admin, _ASK)
    run = (await admin.post("/api/v1/projects/default/tasks/ask/runs?wait=1s", json={})).json()["id"]
    question = (await thread.say("/approve")).card("approval")
    assert (question["question"], question["choices"]) == ("Go on?", ["go", "stop"])
    assert (await thread.confirm(question, "answer", choice="go"))["closed"] is True
    assert (await ended(admin, run))["output"] == "go"


async def test_a_skeleton_of_each_kind_is_a_valid_draft(thread: Conversation) -> None:
    kinds = (await thread.say("/new")).text
    for kind in ("plain", "fetch", "ask", "agent"):
        assert f"`{kind}`" in kinds
        assert (await thread.say(f"/new {kind} {kind}-task what it does")).card("task")["name"] == f"{kind}-task"
    assert (await thread.say("/new quick")).card("task")["change"] == "created"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("/fly", "no command '/fly'"),
        ("/run", "Write /run TASK"),
        ("/run nothing", "no task 'nothing'"),
        ('/run "open', "cannot be read"),
        ("/schedule greet now and then", "is no schedule"),
        ("/schedule greet daily 25:61", "25:61"),
        ("/explain run_000000", "no run"),
        ("/new Bad Name", "cannot be the name of a task"),
        ("/try", "no draft"),
        ("/save mine", "No tool was called"),
        ("/cancel", "Write /cancel RUN"),
    ],
)
async def test_what_cannot_be_done_is_said_and_changes_nothing(
    admin: httpx.AsyncClient, services: Services, thread: Conversation, words: str, said: str
) -> None:
    await apply(admin, _GREET)
    answer = await thread.say(words)
    assert said in (answer.error or "")
    assert (await thread.messages())[-1]["status"] == "failed"
    assert (await services.runs.list(OPERATOR, "default")).items == ()
    assert [one.latest for one in (await services.tasks.list(OPERATOR, "default")).items] == [1]


async def test_a_bad_draft_names_every_problem_and_gives_no_card(thread: Conversation) -> None:
    answer = await thread.say("task: bad\ndescription: Bad.\nsteps: [{id: x, tool: nothing}, {id: x, python: y}]\n")
    assert "nothing" in answer.text
    assert "line 3" in answer.text
    assert not [one for one in answer.chunks if one["type"] == "data-task"]


async def test_a_card_is_confirmed_once_as_it_was_shown_and_by_its_owner(
    admin: httpx.AsyncClient, editor: httpx.AsyncClient, thread: Conversation
) -> None:
    card = (await thread.say(_GREET)).card("task")
    address, right = f"/api/v1/cards/{card['card']['id']}/confirm", card["card"]["digest"]
    other = {"digest": "0" * 32, "action": "publish"}
    assert (await admin.post(address, json=other)).status_code == 409
    assert (await admin.post(address, json={"digest": right, "action": "fly"})).status_code == 422
    assert (await editor.post(address, json={"digest": right, "action": "publish"})).status_code == 403
    assert (await admin.get("/api/v1/projects/default/tasks")).json()["items"] == []
    await thread.confirm(card, "publish")
    assert (await admin.post(address, json={"digest": right, "action": "publish"})).status_code == 409
    shown = next(part for part in (await thread.messages())[-1]["parts"] if part["type"] == "data-task")
    assert (shown["data"]["card"]["state"], shown["data"]["card"]["action"]) == ("done", "publish")


async def test_a_draft_of_what_was_changed_meanwhile_is_refused_and_stays_open(
    admin: httpx.AsyncClient, thread: Conversation
) -> None:
    card = (await thread.say(_GREET)).card("task")
    await apply(admin, _GREET.replace("Greets somebody.", "Greets people."))
    body = {"digest": card["card"]["digest"], "action": "publish"}
    refused = await admin.post(f"/api/v1/cards/{card['card']['id']}/confirm", json=body)
    assert (refused.status_code, refused.json()["type"]) == (412, "urn:errands:problem:changed-meanwhile")
    shown = next(part for part in (await thread.messages())[-1]["parts"] if part["type"] == "data-task")
    assert shown["data"]["card"]["state"] == "open"


async def test_the_rights_are_those_of_the_person_who_talks(
    admin: httpx.AsyncClient, viewer: httpx.AsyncClient, services: Services
) -> None:
    await apply(admin, _GREET)
    talk = await Conversation(viewer).begin()
    assert "greet" in (await talk.say("/tasks")).text
    for words in ("/run greet name=x", "/pause greet", _GREET):
        said = await talk.say(words)
        cards = [one["data"] for one in said.chunks if one["type"] == "data-act"]
        if cards:
            body = {"digest": cards[0]["card"]["digest"], "action": "do"}
            assert (await viewer.post(f"/api/v1/cards/{cards[0]['card']['id']}/confirm", json=body)).status_code == 403
        else:
            assert "was refused" in (said.error or "")
    assert (await services.runs.list(OPERATOR, "default")).items == ()


async def test_the_audit_names_the_person_through_the_chat(
    admin: httpx.AsyncClient, services: Services, thread: Conversation
) -> None:
    await apply(admin, _GREET)
    await thread.say("/run greet name=Ana")
    (entry,) = (await admin.get("/api/v1/audit?verb=task.run")).json()["items"]
    assert (entry["actor"], entry["detail"]["through"]) == ("user:root", "chat")
