"""A new colleague over the days, on a clock that is moved: accounts, mails in time, a manager's word."""

import json
from datetime import timedelta

import pytest

from errands.core.access import ProjectRole
from errands.core.outcomes import RunStatus
from errands.core.values import Json
from errands.services.errors import Denied
from tests.templates.stage import Stage, sent
from tests.tools.loopback import Request, Web, response
from tests.tools.mail_server import MailServer

_ANA = {"name": "Ana Li", "email": "ana@example.com", "first_day": "2026-03-05"}


class Directory:
    """A system that keeps accounts, made once however often it is asked."""

    def __init__(self) -> None:
        self.accounts: dict[str, str | None] = {}
        self.refusals = 0
        self.tokens: set[str] = set()

    def answer(self, request: Request) -> bytes:
        self.tokens.add(request.headers["authorization"])
        if request.method == "GET":
            login = self.accounts.get("ana@example.com")
            return response(json.dumps({"last_login": login}), content_type="application/json")
        if self.refusals:
            self.refusals -= 1
            return response("busy", 503)
        email = json.loads(request.body)["email"]
        status = 409 if email in self.accounts else 201
        self.accounts.setdefault(email, None)
        return response("{}", status, content_type="application/json")


@pytest.fixture
async def systems(stage: Stage, web: Web, mail: MailServer) -> dict[str, Directory]:
    made = {"wiki": Directory(), "shop": Directory()}
    for name, directory in made.items():
        web.routes[f"/{name}"] = directory.answer
    await stage.secret("DIRECTORY_TOKEN", "directory-token")
    listed: list[Json] = [{"name": name.title(), "url": web.url(f"/{name}")} for name in made]
    await stage.adopt("onboarding", systems=listed, managers=["group:managers"], people_office="people@example.com")
    return made


async def test_accounts_mails_a_check_after_three_days_and_the_word_of_a_manager(
    stage: Stage, systems: dict[str, Directory], mail: MailServer
) -> None:
    mia = await stage.person("mia", ProjectRole.OPERATOR, "managers")
    eve = await stage.person("eve", ProjectRole.OPERATOR)
    ran = await stage.run("onboarding", _ANA)
    assert ran.status is RunStatus.WAITING, ran.error
    assert [one.accounts for one in systems.values()] == [{"ana@example.com": None}] * 2
    assert systems["wiki"].tokens == {"Bearer directory-token"}
    assert sent(mail) == [("ana@example.com", "Welcome to our team, Ana Li")]

    await stage.forward(timedelta(days=2, hours=22))  # Thursday, 06:00 UTC
    assert len(mail.taken) == 1, "it is not yet eight in Berlin"
    await stage.forward(timedelta(hours=1))
    await stage.rests(ran.id)
    assert sent(mail)[1:] == [("ana@example.com", "Your first day, Ana Li")]

    systems["wiki"].accounts["ana@example.com"] = "2026-03-05T09:00:00Z"
    await stage.forward(timedelta(days=3))
    asked = await stage.rests(ran.id)
    assert sent(mail)[2:] == [("ana@example.com", "Not signed in yet: Shop")]
    (wait,) = asked.waiting
    assert wait.approval is not None
    question = await stage.services.approvals.get(mia, wait.approval)
    assert "Not used after three days: Shop." in question.question
    with pytest.raises(Denied):
        await stage.services.approvals.answer(eve, wait.approval, choice="settled", form={})
    await stage.services.approvals.answer(mia, wait.approval, choice="settled", form={"remark": "All well."})
    ended = await stage.ends(ran.id)
    assert ended.output == {"settled": True, "missing": [], "unused": ["Shop"]}
    assert sent(mail)[3:] == [("people@example.com", "Ana Li has settled in")]
    assert "Said by user:mia. All well." in str(mail.message().get_content())


async def test_a_system_that_is_busy_is_asked_again_and_makes_one_account(
    stage: Stage, systems: dict[str, Directory], mail: MailServer
) -> None:
    systems["shop"].refusals = 1
    started = await stage.start("onboarding", _ANA)
    await stage.rests(started)
    await stage.forward(timedelta(seconds=10))
    while not mail.taken:
        await stage.forward(timedelta(0))
        await stage.rests(started)
    assert systems["shop"].accounts == {"ana@example.com": None}
    body = mail.message().get_content()
    assert "accounts for: Wiki, Shop" in str(body)
