"""The page behind a signed link: it shows, it asks before it acts, and it lets in nobody else."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from errands.api.answer_form import read_fields
from errands.core import ids
from errands.core.access import ProjectRole
from errands.services import Services
from errands.services.sessions import cookie_name
from errands.store.database import Database
from tests.faces.api.conftest import OPERATOR, apply, token_of

_ASK = """
task: ask
description: Asks.
steps:
  - id: ok
    approve:
      question: "Send <b>this</b>?\\n\\nDear all"
      choices: [send, drop]
      form:
        type: object
        properties:
          text: {type: string, default: 'Dear "all"', format: textarea, title: The text}
          copies: {type: integer, minimum: 1, maximum: 5}
          tone: {enum: [warm, cool], default: cool}
          urgent: {type: boolean}
        required: [copies]
      not: [starter]
  - {id: said, python: "ok"}
"""


class Asked:
    """A run that asks Ann and Bea, and links to its question."""

    def __init__(self, services: Services, database: Database, approval: str, run: str) -> None:
        self.services, self.database, self.approval, self.run = services, database, approval, run

    async def link(self, person: str | None, *, until: datetime | None = None) -> str:
        """The path of a link for a person; None: for a channel."""
        user: UUID | None = None
        if person is not None:
            user = await self.database.pool.fetchval("select id from users where name = $1", person)
        address = self.services.links.address(ids.decode("approval", self.approval), user, until)
        return address.partition("127.0.0.1:8420")[2]

    async def answers(self) -> list[tuple[str, str]]:
        view = await self.services.approvals.get(OPERATOR, self.approval)
        return [(one.person, one.choice) for one in view.answers]


@pytest.fixture
async def question(worker: None, services: Services, database: Database, admin: httpx.AsyncClient) -> Asked:
    await apply(admin, _ASK)
    for name in ("ann", "bea"):
        await token_of(services, name, project=ProjectRole.OPERATOR)
    run = (await admin.post("/api/v1/projects/default/tasks/ask/runs?wait=1s", json={})).json()["id"]
    (asked,) = (await admin.get("/api/v1/projects/default/approvals")).json()["items"]
    return Asked(services, database, asked["id"], run)


GOOD = {
    "choice": "send",
    "form.text": "Hello",
    "form.copies": "2",
    "form.tone": "warm",
    "note": "fine",
    "act": "answer",
}


async def test_the_page_shows_the_question_as_text_and_nothing_that_could_run(
    question: Asked, anonymous: httpx.AsyncClient
) -> None:
    shown = await anonymous.get(await question.link("ann"))
    assert shown.status_code == 200
    assert "Send &lt;b&gt;this&lt;/b&gt;?" in shown.text
    assert "Dear &quot;all&quot;</textarea>" in shown.text
    assert "You answer as user:ann" in shown.text
    assert "<script" not in shown.text
    assert " style=" not in shown.text
    policy = shown.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert (shown.headers["cache-control"], shown.headers["referrer-policy"]) == ("no-store", "no-referrer")


async def test_reading_a_link_however_often_answers_nothing(question: Asked, anonymous: httpx.AsyncClient) -> None:
    link = await question.link("ann")
    before = await question.database.pool.fetchval("select count(*) from audit_entries")
    for _ in range(3):
        assert (await anonymous.get(link)).status_code == 200
        assert (await anonymous.get(f"{link}?choice=send&act=answer")).status_code == 200
    assert (await anonymous.head(link)).status_code == 405
    assert await question.answers() == []
    assert await question.database.pool.fetchval("select count(*) from audit_entries") == before


async def test_the_form_that_is_sent_answers_in_the_name_of_the_link(
    question: Asked, anonymous: httpx.AsyncClient
) -> None:
    link = await question.link("ann")
    sent = await anonymous.post(link, data=GOOD)
    assert (sent.status_code, "Your answer is <strong>send</strong>. The run goes on." in sent.text) == (200, True)
    view = await question.services.approvals.get(OPERATOR, question.approval)
    (answer,) = view.answers
    assert (answer.person, answer.note) == ("user:ann", "fine")
    assert answer.form == {"text": "Hello", "copies": 2, "tone": "warm", "urgent": False}
    entries = await question.services.audit.list(OPERATOR)
    told = next(one for one in entries.items if one.verb == "approval.answer")
    assert told.actor == "user:ann"
    assert isinstance(told.detail, dict)
    assert told.detail["by"] == "link"
    again = await anonymous.post(link, data=GOOD)
    assert again.status_code == 409
    assert "user:ann answered &#x27;send&#x27;, the last at" in again.text
    closed = await anonymous.get(await question.link("bea"))
    assert closed.status_code == 200
    assert "It was answered: <strong>send</strong>" in closed.text
    assert "<form" not in closed.text


async def test_what_misfits_is_said_and_stays_filled_in(question: Asked, anonymous: httpx.AsyncClient) -> None:
    link = await question.link("ann")
    for wrong, said in (
        ({"form.copies": "9"}, "copies"),
        ({"form.copies": "many"}, "copies"),
        ({"form.tone": "hot"}, "tone"),
        ({"choice": "burn"}, "not a choice here"),
        ({"choice": ""}, "not a choice here"),
    ):
        sent = await anonymous.post(link, data={**GOOD, **wrong})
        assert (sent.status_code, said in sent.text) == (422, True), wrong
        assert "Hello</textarea>" in sent.text
    assert await question.answers() == []


async def test_a_begun_answer_is_saved_and_comes_back(question: Asked, anonymous: httpx.AsyncClient) -> None:
    link = await question.link("ann")
    saved = await anonymous.post(link, data={"form.text": "Half a", "choice": "drop", "act": "save"})
    assert (saved.status_code, "Nothing is answered yet" in saved.text) == (200, True)
    assert "Half a</textarea>" in (await anonymous.get(link)).text
    assert 'value="drop" required checked' in (await anonymous.get(link)).text
    assert "Half a" not in (await anonymous.get(await question.link("bea"))).text
    assert await question.answers() == []


async def test_a_link_that_is_changed_or_cut_lets_nobody_in(question: Asked, anonymous: httpx.AsyncClient) -> None:
    link = await question.link("ann")
    token = link.removeprefix("/a/")
    for place in range(0, len(token), 7):
        letter = "A" if token[place] != "A" else "B"
        for path in (f"/a/{token[:place]}{letter}{token[place + 1 :]}", f"/a/{token[: place + 1]}"):
            if path.removeprefix("/a/").rstrip("=") == token:
                continue
            for answer in (await anonymous.get(path), await anonymous.post(path, data=GOOD)):
                assert answer.status_code == 404, path
                assert "leads nowhere" in answer.text
                assert question.approval not in answer.text
    assert await question.answers() == []


async def test_an_expired_link_says_so(question: Asked, anonymous: httpx.AsyncClient) -> None:
    link = await question.link("ann", until=datetime.now(UTC) - timedelta(seconds=1))
    for answer in (await anonymous.get(link), await anonymous.post(link, data=GOOD)):
        assert (answer.status_code, "This link has expired" in answer.text) == (410, True)
    assert await question.answers() == []


async def test_a_right_that_was_taken_away_since_counts(question: Asked, anonymous: httpx.AsyncClient) -> None:
    ann, bea = await question.link("ann"), await question.link("bea")
    await question.services.members.remove(OPERATOR, "default", "user:ann")
    await question.services.people.disable(OPERATOR, "bea")
    assert (await anonymous.get(ann)).status_code == (await anonymous.post(ann, data=GOOD)).status_code == 403
    assert (await anonymous.get(bea)).status_code == (await anonymous.post(bea, data=GOOD)).status_code == 401
    assert await question.answers() == []


async def test_who_started_the_run_cannot_approve_it_by_a_link(question: Asked, anonymous: httpx.AsyncClient) -> None:
    sent = await anonymous.post(await question.link("root"), data=GOOD)
    assert (sent.status_code, "excludes user:root from answering" in sent.text) == (403, True)


async def test_the_link_of_a_channel_shows_the_question_and_wants_somebody_signed_in(
    app: FastAPI, question: Asked, anonymous: httpx.AsyncClient
) -> None:
    link = await question.link(None)
    shown = await anonymous.get(link)
    assert (shown.status_code, "Sign in to answer" in shown.text, "<form" in shown.text) == (200, True, False)
    assert (await anonymous.post(link, data=GOOD)).status_code == 401
    made = await question.services.people.password_link(OPERATOR, "ann")
    ann = await question.services.sign_in.choose_password(
        made.secret, "correct horse battery staple", address="192.0.2.1"
    )
    cookies = {cookie_name(secure=False): ann.cookie}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://errands.test", cookies=cookies) as browser:
        assert "You answer as user:ann" in (await browser.get(link)).text
        assert (await browser.post(link, data=GOOD, headers={"Origin": "https://evil.test"})).status_code == 403
        assert await question.answers() == []
        assert (await browser.post(link, data=GOOD, headers={"Origin": "http://errands.test"})).status_code == 200
    assert await question.answers() == [("user:ann", "send")]


@pytest.mark.parametrize(
    ("described", "sent", "read"),
    [
        ({"type": "string"}, "x\r\ny", "x\ny"),
        ({"type": "string"}, "", None),
        ({"type": "string", "default": "a"}, "", ""),
        ({"type": "integer"}, "7", 7),
        ({"type": "integer"}, "7x", "7x"),
        ({"type": "number"}, "", None),
        ({"type": "boolean"}, "on", True),
        ({"type": "boolean"}, None, False),
        ({"enum": [1, 2]}, "2", 2),
        ({"enum": [1, 2]}, "3", "3"),
        ({"type": "array"}, '["a"]', ["a"]),
        ({"type": "object"}, "{", "{"),
    ],
)
def test_what_a_browser_sends_becomes_what_the_field_wants(
    described: dict[str, object], sent: str | None, read: object
) -> None:
    schema = {"type": "object", "properties": {"f": described}}
    found = read_fields(schema, {} if sent is None else {"form.f": sent})  # type: ignore[arg-type]
    assert found.get("f") == read
    assert re.fullmatch("f?", "".join(found))
