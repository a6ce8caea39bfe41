"""Insight from Errands' own records, read over its own API: what is unusual is named and linked, and mailed."""

from errands.agents import Answer
from errands.core.access import ProjectRole, Scope
from errands.core.outcomes import RunStatus
from errands.services.views import SourceFile
from tests.templates.stage import PROJECT, ROOT, Stage
from tests.tools.mail_server import MailServer

_FINE = "task: fine\ndescription: Is fine.\nsteps: [{python: '1'}]\n"
_BROKEN = "task: broken\ndescription: Fails.\nsteps: [{id: bad, python: '1 / 0'}]\n"


async def test_a_week_is_read_from_the_records_and_a_task_that_fails_is_named_with_its_link(
    stage: Stage, mail: MailServer, server: str
) -> None:
    services = stage.services
    stage.clock.now = stage.real_now()
    await services.tasks.apply(ROOT, PROJECT, [SourceFile("fine.yaml", _FINE), SourceFile("broken.yaml", _BROKEN)])
    for task in ("fine", "fine", "broken", "broken", "broken"):
        await stage.run(task)
    await stage.person("rea", ProjectRole.VIEWER)
    token = await services.tokens.make(ROOT, "analytics", [Scope.READ], expires_in=None, person="rea")
    await stage.secret("ERRANDS_READER", token.text)
    await stage.adopt("usage-analytics", server=server, projects=[PROJECT], recipients=["ops@example.com"])
    stage.model.turns = (Answer({"headline": "One task fails", "text": "Look at broken first."}),)
    ran = await stage.run("usage-analytics")
    assert ran.status is RunStatus.SUCCEEDED, ran.error
    link = f"{server}/p/{PROJECT}/runs?task=broken&status=failed"
    assert isinstance(ran.output, dict)
    assert ran.output["unusual"] == [
        {"task": f"{PROJECT}/broken", "what": "fails more: 3 of 3 runs, 0 of 0 before", "link": link}
    ]
    assert (ran.output["runs"], ran.output["failed"]) == (5, 3)
    assert f"{PROJECT}/broken fails more" in stage.model.prompts[0]
    message = mail.message()
    assert message["Subject"] == "Errands: One task fails"
    body = message.get_body(("plain",))
    assert body is not None
    assert link in body.get_content()
    assert [one.name for one in ran.artifacts] == ["usage.html"]
