"""Expense requests by form and webhook: the amount decides who is asked, silence asks others, and both sides hear."""

from datetime import timedelta

import httpx
import pytest

from errands.bootstrap import make_api
from errands.core.access import ProjectRole
from errands.core.outcomes import RunStatus
from errands.services.asking import Asking
from errands.services.errors import Denied
from errands.services.views import RunView
from tests.templates.stage import PROJECT, ROOT, Stage, sent
from tests.tools.mail_server import MailServer

_TASK = "expense-approval"


@pytest.fixture
async def adopted(stage: Stage, mail: MailServer) -> MailServer:
    await stage.secret("EXPENSES_TOKEN", "let-me-in-please")
    await stage.adopt(
        "approval-workflow",
        managers=["group:managers"],
        directors=["group:directors"],
        stand_ins=["user:sam"],
        accounting="pay@example.com",
    )
    return mail


def _request(amount: float) -> dict[str, str | float]:
    return {"employee": "eve@example.com", "purpose": "A machine", "amount": amount}


def _asked(ran: RunView) -> str:
    (wait,) = ran.waiting
    assert wait.approval is not None
    return wait.approval


async def test_a_small_request_needs_nobody(stage: Stage, adopted: MailServer) -> None:
    ran = await stage.run(_TASK, _request(50))
    assert ran.output == {"approved": True, "how": "without asking: up to 50 EUR"}
    assert sent(adopted) == [
        ("eve@example.com", "Approved: 50 EUR"),
        ("pay@example.com", "To pay: 50 EUR to eve@example.com"),
    ]


async def test_a_manager_decides_on_a_middle_one_and_nobody_on_his_own(stage: Stage, adopted: MailServer) -> None:
    max_ = await stage.person("max", ProjectRole.OPERATOR, "managers")
    mia = await stage.person("mia", ProjectRole.OPERATOR, "managers")
    started = await stage.services.runs.start(max_, PROJECT, _TASK, _request(400))
    approval = _asked(await stage.rests(started.id))
    with pytest.raises(Denied):
        await stage.services.approvals.answer(max_, approval, choice="approve", form={})
    await stage.services.approvals.answer(mia, approval, choice="reject", form={"remark": "Take one from the store"})
    ran = await stage.ends(started.id)
    assert ran.output == {"approved": False, "how": "last word: user:mia"}
    assert sent(adopted) == [("eve@example.com", "Not approved: 400 EUR")]
    assert "Take one from the store" in str(adopted.message().get_content())


async def test_a_large_one_by_webhook_needs_two_of_three_directors(stage: Stage, adopted: MailServer) -> None:
    people = [await stage.person(name, ProjectRole.OPERATOR, "directors") for name in ("dan", "dea", "don")]
    (trigger,) = (await stage.services.triggers.list(ROOT, PROJECT, [_TASK])).items
    assert trigger.address is not None
    address = httpx.URL(trigger.address).path
    transport = httpx.ASGITransport(make_api(stage.runtime))
    async with httpx.AsyncClient(transport=transport, base_url="http://errands.test") as client:
        stranger = await client.post(address, json=_request(12000), headers={"Authorization": "Bearer guessed"})
        bad = await client.post(address, json={}, headers={"Authorization": "Bearer let-me-in-please"})
        good = await client.post(address, json=_request(12000), headers={"Authorization": "Bearer let-me-in-please"})
    assert (stranger.status_code, bad.status_code, good.status_code) == (401, 422, 202)
    (run,) = await stage.runs_of(_TASK)
    approval = _asked(await stage.rests(run.id))
    for person, choice in zip(people, ("approve", "reject", "approve"), strict=True):
        await stage.services.approvals.answer(person, approval, choice=choice, form={})
    ran = await stage.ends(run.id)
    assert ran.output == {"approved": True, "how": "last word: user:don"}
    assert len(sent(adopted)) == 2


async def test_silence_asks_a_stand_in_and_in_the_end_rejects(stage: Stage, adopted: MailServer) -> None:
    mia = await stage.person("mia", ProjectRole.OPERATOR, "managers")
    sam = await stage.person("sam", ProjectRole.OPERATOR)
    asking = Asking(stage.database, stage.clock)
    runs = [await stage.run(_TASK, _request(400)) for _ in range(2)]
    first, second = [_asked(run) for run in runs]
    with pytest.raises(Denied):
        await stage.services.approvals.answer(sam, first, choice="approve", form={})
    await stage.forward(timedelta(days=2, minutes=1))
    await asking.look()
    assert (await stage.services.approvals.get(mia, first)).escalated_at is not None
    await stage.services.approvals.answer(sam, first, choice="approve", form={})
    assert (await stage.ends(runs[0].id)).output == {"approved": True, "how": "last word: user:sam"}
    await stage.forward(timedelta(days=12))
    ran = await stage.ends(runs[1].id)
    assert (ran.status, ran.output) == (RunStatus.SUCCEEDED, {"approved": False, "how": "nobody answered in time"})
    assert (await stage.services.approvals.get(mia, second)).status == "expired"
