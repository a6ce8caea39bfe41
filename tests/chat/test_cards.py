"""What cards offer happens by the click, with the rights of whoever clicks, and not before."""

from typing import Any

import httpx
import pytest

from errands.services import Services
from errands.services.publish_gates import PublishGate
from errands.store.database import Database
from tests.chat.conversation import Conversation
from tests.chat.scripted import ScriptedModel
from tests.faces.api.conftest import OPERATOR, apply

_TASK = "task: job\ndescription: Works.\nsteps: [{wait: 1d}]\n"
_WORDS = """
task: words
description: Counts words.
params: {text: {type: string}}
steps: [{id: count, python: "len(text.split())"}]
output: "{{ count }}"
"""
_AGENT = "agent: writer\nmodel: fake\ninstructions: Write well.\n"


@pytest.mark.parametrize(
    ("act", "column", "before", "after"),
    [
        ("pause", "paused_at is not null", False, True),
        ("archive", "archived_at is not null", False, True),
        ("delete", "remove_at is not null", False, True),
    ],
)
async def test_what_ends_a_tasks_work_is_offered_and_done_by_the_click(
    admin: httpx.AsyncClient,
    thread: Conversation,
    model: ScriptedModel,
    database: Database,
    act: str,
    column: str,
    before: bool,
    after: bool,
) -> None:
    await apply(admin, _TASK)
    model.then(model.uses("change_task_state", task="job", act=act, note="enough"), "Click, if you are sure.")
    card = (await thread.say(f"{act} it")).card("act")
    assert card["text"] == f"{act.capitalize()} the task job?"
    state = f"select {column} from tasks where name = 'job'"
    assert await database.pool.fetchval(state) is before
    assert await thread.confirm(card, "do") == {"done": True}
    assert await database.pool.fetchval(state) is after


async def test_an_older_version_is_published_again_by_the_click(
    admin: httpx.AsyncClient, services: Services, thread: Conversation, model: ScriptedModel
) -> None:
    await apply(admin, _TASK)
    await apply(admin, _TASK.replace("Works.", "Works more."))
    model.then(model.uses("change_task_state", task="job", act="publish", version=1), "Click.")
    card = (await thread.say("back to the first version")).card("act")
    assert await thread.confirm(card, "do") == {"published": 1}
    assert [one.published for one in (await services.tasks.list(OPERATOR, "default")).items] == [1]


async def test_a_gate_holds_a_card_back_until_the_person_says_why_it_is_passed(
    admin: httpx.AsyncClient,
    services: Services,
    thread: Conversation,
    model: ScriptedModel,
    database: Database,
    worker: None,
) -> None:
    await apply(admin, _WORDS)
    ran = await admin.post("/api/v1/projects/default/tasks/words/runs?wait=30s", json={"arguments": {"text": "a b-c"}})
    assert ran.json()["output"] == 2
    await services.publish_gates.set(OPERATOR, "default", gate=PublishGate(runs=1))
    model.then(model.uses("draft", source=_WORDS.replace("split()", "split('-')[:1]")), "Click.")
    card = (await thread.say("count otherwise")).card("task")
    click = {"digest": card["card"]["digest"], "action": "publish", "values": {}}
    path = f"/api/v1/cards/{card['card']['id']}/confirm"
    held = await admin.post(path, json=click)
    assert (held.status_code, held.json()["type"]) == (409, "urn:errands:problem:gate-closed")
    assert "expected 2, came 1" in held.json()["problems"][0]["message"]
    blank = await admin.post(path, json={**click, "values": {"overrule": " "}})
    assert blank.status_code == 409, "a reason says something"
    assert (await thread.confirm(card, "publish", overrule="One is enough."))["published"]
    kept = "select detail->>'overruled' from audit_entries where verb = 'task.publish' order by seq desc limit 1"
    assert await database.pool.fetchval(kept) == "One is enough."


async def test_a_run_is_ended_by_the_click(admin: httpx.AsyncClient, services: Services, thread: Conversation) -> None:
    await apply(admin, _TASK)
    run = (await services.runs.start(OPERATOR, "default", "job", {})).id
    card = (await thread.say(f"/cancel {run}")).card("act")
    assert (await services.runs.get(OPERATOR, run)).cancel_requested_at is None
    assert await thread.confirm(card, "do") == {"cancelled": True}


async def test_agents_are_shown_and_changed_by_a_card(
    admin: httpx.AsyncClient, thread: Conversation, model: ScriptedModel
) -> None:
    model.then(model.uses("draft", source=_AGENT), "Save it by a click.", model.uses("list_agents"), "One.")
    card = (await thread.say("make an agent")).card("agent")
    assert (card["name"], card["change"]) == ("writer", "created")
    assert (await thread.confirm(card, "save"))["change"] == "created"
    shown: list[Any] = [one for one in (await thread.say("which?")).chunks if one["type"] == "tool-output-available"]
    assert shown[0]["output"] == [{"agent": "writer", "source": _AGENT}]


async def test_a_dismissed_card_does_nothing_and_is_told_to_the_model(
    admin: httpx.AsyncClient, thread: Conversation, model: ScriptedModel
) -> None:
    await apply(admin, _TASK)
    card = (await thread.say("/pause job")).card("act")
    await thread.confirm(card, "dismiss")
    assert (await admin.get("/api/v1/projects/default/tasks/job")).json()["paused_at"] is None
    told = (await admin.get("/api/v1/audit?verb=chat.use")).json()["items"][0]["detail"]
    assert (told["act"], told["card"], told["action"]) == ("decide", card["card"]["id"], "dismiss")
    model.then("I see.")
    await thread.say("well?")
    assert "act job: dismiss by the person" in str(model.bodies[-1]["messages"][0])
