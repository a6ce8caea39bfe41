"""Tickets by a signed webhook: answered from a folder of knowledge or escalated, and never both."""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from errands.agents import Answer, Call, Calls, Fail, Script
from errands.bootstrap import make_api
from errands.core.outcomes import ErrorKind, RunStatus
from errands.core.values import Json
from errands.services.views import RunView
from tests.templates.stage import PROJECT, ROOT, ByText, Stage
from tests.tools.loopback import Request, Web, response

_TASK = "resolve-ticket"
_HOOK = "secret of the desk"


@dataclass
class Desk:
    """The tickets' API: takes each key once."""

    first: list[bytes] = field(default_factory=list)
    """What is answered first, although the call has been taken."""
    taken: dict[str, tuple[str, Any]] = field(default_factory=dict)
    asked: int = 0

    def take(self, what: str) -> Callable[[Request], bytes]:
        def handler(request: Request) -> bytes:
            self.asked += 1
            self.taken.setdefault(request.headers["idempotency-key"], (what, json.loads(request.body)))
            return self.first.pop(0) if self.first else response("{}", 201, content_type="application/json")

        return handler


def _found(sources: list[Json], confidence: float = 0.95) -> Answer:
    answer: dict[str, Json] = {"answered": True, "answer": "Look under Orders.", "why": "the notes say so"}
    return Answer({**answer, "sources": sources, "confidence": confidence})


@pytest.fixture
def knowledge(tmp_path: Path) -> Path:
    folder = tmp_path / "knowledge"
    folder.mkdir()
    (folder / "invoices.md").write_text("Invoices are in your account under Orders.")
    return folder


@pytest.fixture
def model(knowledge: Path) -> Script:
    file = str(knowledge / "invoices.md")
    looks = Calls((Call("files.read", {"path": file}),))
    return ByText(
        {
            "Where is my invoice": (looks, _found([file])),
            "Perhaps": (looks, _found([file], 0.4)),
            "Made up": (looks, _found([str(knowledge / "secret.md")])),
            "Model away": (Fail(ErrorKind.DENIED, "no credit"),),
        }
    )


@pytest.fixture
async def desk(stage: Stage, web: Web, knowledge: Path) -> Desk:
    made = Desk()
    for number in range(1, 5):
        web.routes[f"/tickets/T-{number}/replies"] = made.take("reply")
        web.routes[f"/tickets/T-{number}/escalations"] = made.take("escalation")
    await stage.secret("TICKETS_TOKEN", "token-of-the-desk")
    await stage.secret("TICKET_HOOK", _HOOK)
    await stage.adopt("issue-resolution", tickets=web.url("/tickets"), knowledge=str(knowledge))
    return made


async def post(stage: Stage, number: int, subject: str, secret: str = _HOOK) -> httpx.Response:
    (trigger,) = (await stage.services.triggers.list(ROOT, PROJECT, [_TASK])).items
    assert trigger.address is not None
    body = json.dumps({"ticket": f"T-{number}", "subject": subject, "body": "I ordered tea."}).encode()
    signed = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    transport = httpx.ASGITransport(make_api(stage.runtime))
    async with httpx.AsyncClient(transport=transport, base_url="http://errands.test") as client:
        headers = {"X-Signature": signed, "Idempotency-Key": f"ticket-{number}"}
        return await client.post(httpx.URL(trigger.address).path, content=body, headers=headers)


async def last_run(stage: Stage) -> RunView:
    ran = await stage.rests((await stage.runs_of(_TASK))[-1].id)
    while not ran.status.final:
        await stage.forward(timedelta(minutes=15))
        ran = await stage.rests(ran.id)
    return ran


async def test_a_ticket_is_answered_from_the_knowledge_and_one_that_is_sent_twice_once(
    stage: Stage, desk: Desk
) -> None:
    assert (await post(stage, 1, "Where is my invoice?", "guessed")).status_code == 401
    assert (await post(stage, 1, "Where is my invoice?")).status_code == 202
    ran = await last_run(stage)
    assert ran.status is RunStatus.SUCCEEDED, ran.error
    assert isinstance(ran.output, dict)
    assert (ran.output["outcome"], len(ran.output["sources"])) == ("answered", 1)
    assert (await post(stage, 1, "Where is my invoice?")).status_code == 200
    assert len(await stage.runs_of(_TASK)) == 1
    (what, said) = desk.taken["T-1-outcome"]
    assert (what, said["text"], desk.asked) == ("reply", "Look under Orders.", 1)


@pytest.mark.parametrize(
    ("subject", "why"),
    [
        ("Perhaps", "the notes say so"),
        ("Made up", "it names files that are not there"),
        ("Model away", "no credit"),
    ],
)
async def test_what_the_knowledge_does_not_hold_goes_to_a_person(
    stage: Stage, desk: Desk, subject: str, why: str
) -> None:
    await post(stage, 2, subject)
    ran = await last_run(stage)
    assert ran.status is RunStatus.SUCCEEDED, ran.error
    assert desk.taken == {"T-2-outcome": ("escalation", {"team": "support", "why": why})}


async def test_a_reply_whose_answer_is_lost_is_repeated_under_its_key_and_never_escalated(
    stage: Stage, desk: Desk
) -> None:
    desk.first = [response("lost", 502)] * 2
    await post(stage, 3, "Where is my invoice?")
    assert (await last_run(stage)).status is RunStatus.SUCCEEDED
    assert [what for what, _ in desk.taken.values()] == ["reply"]
    assert desk.asked == 3


async def test_a_reply_that_cannot_be_given_fails_the_run_and_a_rerun_replies(stage: Stage, desk: Desk) -> None:
    desk.first = [response("broken", 500)] * 6
    await post(stage, 4, "Where is my invoice?")
    failed = await last_run(stage)
    assert failed.status is RunStatus.FAILED
    await stage.services.runs.rerun(ROOT, failed.id, from_step="@failed")
    assert (await last_run(stage)).status is RunStatus.SUCCEEDED
    assert [(key, what) for key, (what, _) in desk.taken.items()] == [("T-4-outcome", "reply")]
