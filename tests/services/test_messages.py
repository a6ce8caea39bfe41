"""Messages to people: asked, reminded, escalated; to mail and channels; again where it failed, once in any case."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from errands.bootstrap import Runtime, open_services
from errands.bootstrap.messages import _means, make_messaging
from errands.core.access import ProjectRole
from errands.core.messages import Post
from errands.services import Services
from errands.services.asking import Asking
from errands.services.courier import DELAYS, Courier
from errands.services.errors import Conflict, Denied, Invalid, NotFound
from errands.services.vault import Vault
from errands.settings import Settings
from errands.store.database import Database
from errands.store.outbox import ALL_MEANS, Means
from errands.tools.delivery import Delivery
from errands.tools.hosts import HostPolicy
from errands.tools.limits import ToolLimits
from tests.services.approvals_bench import ROOT, Crowd, apply, asked
from tests.services.people_bench import Moved
from tests.tools.loopback import Web, serving
from tests.tools.mail_server import MailServer, mail_server

_ASK = """
task: ask
description: Asks.
steps:
  - id: ok
    approve:
      question: "Send the report?\\n\\nIt is long."
      choices: [send, drop]
      approvers: [role:owner]
      remind: 4h
      escalate: {after: 1d, to: ["user:bo", role:admin]}
"""
_PLAIN = "task: plain\ndescription: Asks.\nsteps: [{id: ok, approve: {question: Go on?, not: [starter]}}]\n"


@pytest.fixture
async def mails() -> AsyncIterator[MailServer]:
    async with mail_server() as server:
        yield server


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving() as server:
        server.answer("/hook")
        yield server


@pytest.fixture
def settings(database_url: str, tmp_path: Path, mails: MailServer) -> Settings:
    return Settings.load(
        home=tmp_path / "home",
        database_url=database_url,
        allow_private_hosts=("127.0.0.1",),
        smtp_url=f"smtp://127.0.0.1:{mails.port}?from=errands@example.com",
        public_url="https://errands.example.com",
    )


class Desk:
    """Rounds and a courier, on a clock that the test moves."""

    def __init__(self, runtime: Runtime, database: Database, clock: Moved) -> None:
        from errands.bootstrap.parts import key_source

        self.clock = clock
        self.database = database
        vault = Vault(database, key_source(runtime.settings))
        messaging = make_messaging(runtime.settings, database, vault, runtime.engine)
        self.asking = Asking(database, clock)
        self._parts = (database, vault, messaging.post, messaging.links, clock)
        self.courier = Courier(*self._parts)

    def another_courier(self, means: Means, post: Post | None = None) -> Courier:
        """That of a process which is set up to send no more than this."""
        database, vault, own, links, clock = self._parts
        return Courier(database, vault, post or own, links, clock, means=means)

    async def round(self) -> tuple[int, int]:
        """Look, then deliver: how many questions, how many attempts."""
        return await self.asking.look(), await self.courier.deliver()

    async def sent(self) -> list[tuple[str, str]]:
        """Who got what title, in order."""
        rows = await self.database.pool.fetch(
            "select coalesce(users.name, '#' || channels.name) as name, outbox.title from outbox "
            "left join users on users.id = user_id left join channels on channels.id = channel_id "
            "where outbox.status = 'sent' order by outbox.created_at, 1"
        )
        return [(row["name"], row["title"]) for row in rows]


@pytest.fixture
def clock() -> Moved:
    return Moved()


@pytest.fixture
def desk(runtime: Runtime, database: Database, clock: Moved) -> Desk:
    return Desk(runtime, database, clock)


@pytest.fixture
def crowd(working: Services, database: Database) -> Crowd:
    return Crowd(working, database)


async def test_a_question_goes_to_those_who_are_asked_and_to_channels(
    working: Services, crowd: Crowd, desk: Desk, mails: MailServer, web: Web
) -> None:
    await apply(working, _ASK)
    olga = await crowd.person("olga", ProjectRole.OWNER)
    await crowd.person("otto", ProjectRole.OWNER, mail=False)
    await crowd.person("eddy", ProjectRole.EDITOR)
    await crowd.admin("root2")
    await working.secrets.set(ROOT, "default", "HOOK", f"json://127.0.0.1:{web.port}/hook")
    await working.channels.put(ROOT, "default", "ops", secret="HOOK")
    await working.channels.put(ROOT, "default", "quiet", secret="HOOK", events=["failed"])
    question = await asked(working, "ask")
    desk.clock.on(seconds=5)
    assert await desk.round() == (1, 2)
    assert await desk.round() == (0, 0)
    assert await desk.sent() == [("#ops", "ask asks: Send the report?"), ("olga", "ask asks: Send the report?")]
    mail = mails.message()
    assert (mail["To"], mail["From"], mail["Auto-Submitted"]) == (
        "olga@example.com",
        "errands@example.com",
        "auto-generated",
    )
    text = mail.get_content()
    assert "It is long." in text
    assert question in text
    assert "https://errands.example.com/a/" in text
    assert "do not pass it on" in text
    (posted,) = web.requests
    said = json.loads(posted.body)
    assert said["title"] == "ask asks: Send the report?"
    assert "Sign in to answer" in said["message"]
    assert len(posted.headers["idempotency-key"]) == 32
    tokens = {line.rpartition("/a/")[2] for line in text.splitlines() if "/a/" in line}
    stored = await desk.database.pool.fetch("select body from outbox")
    assert not any(token in row["body"] for token in tokens for row in stored), "a link lies in the database"
    assert olga.projects == {"default": ProjectRole.OWNER}


async def test_reminders_come_once_each_round_and_end_with_the_answer(
    working: Services, crowd: Crowd, desk: Desk
) -> None:
    await apply(working, _ASK)
    olga = await crowd.person("olga", ProjectRole.OWNER)
    question = await asked(working, "ask")
    desk.clock.on(seconds=5)
    await desk.round()
    desk.clock.on(hours=4)
    assert await desk.round() == (1, 1)
    desk.clock.on(hours=13)
    assert await desk.round() == (1, 1), "those that fell due while nobody was there are one"
    view = await working.approvals.get(ROOT, question)
    assert view.reminders == 2
    desk.clock.on(hours=4)
    assert await desk.asking.look() == 1
    await working.approvals.answer(olga, question, choice="send", form={})
    assert await desk.courier.deliver() == 1
    desk.clock.on(days=9)
    assert await desk.round() == (0, 0)
    titles = [title for _, title in await desk.sent()]
    assert titles == ["ask asks: Send the report?"] + ["Reminder: ask asks: Send the report?"] * 2
    (page,) = [(await working.channels.notices(ROOT, "default")).items]
    assert [one.status for one in page] == ["withdrawn", "sent", "sent", "sent"]


async def test_nobody_is_written_to_who_has_answered_or_may_not_answer(
    working: Services, crowd: Crowd, desk: Desk
) -> None:
    await apply(working, _PLAIN)
    ann, bea = [await crowd.person(name, ProjectRole.OPERATOR) for name in ("ann", "bea")]
    await crowd.person("vera", ProjectRole.VIEWER)
    await crowd.person("dora", ProjectRole.OPERATOR)
    await working.people.disable(ROOT, "dora")
    await asked(working, "plain", starter=ann)
    desk.clock.on(seconds=5)
    await desk.round()
    assert [name for name, _ in await desk.sent()] == [bea.name]


async def test_when_nobody_answers_others_may_and_it_is_recorded(
    working: Services, crowd: Crowd, desk: Desk, mails: MailServer
) -> None:
    await apply(working, _ASK)
    await crowd.person("olga", ProjectRole.OWNER)
    bo = await crowd.person("bo", ProjectRole.VIEWER)
    await crowd.admin("root2")
    question = await asked(working, "ask")
    desk.clock.on(hours=23)
    await desk.round()
    with pytest.raises(Denied, match="asks only role:owner"):
        await working.approvals.answer(bo, question, choice="send", form={})
    desk.clock.on(hours=2)
    await desk.round()
    view = await working.approvals.get(ROOT, question)
    assert view.escalated_at == desk.clock.now
    assert [one.id for one in (await working.approvals.inbox(bo)).items] == [question]
    told = [name for name, title in await desk.sent() if title.startswith("Nobody has answered yet")]
    assert told == ["bo", "root2"]
    (entry,) = await desk.database.pool.fetch("select actor, detail from audit_entries where actor = 'system:keeper'")
    assert json.loads(entry["detail"]) == {"act": "escalate", "to": ["user:bo", "role:admin"]}
    await working.approvals.answer(bo, question, choice="send", form={})


async def test_many_servers_that_look_at_once_tell_each_thing_once(
    working: Services, crowd: Crowd, desk: Desk, runtime: Runtime, database: Database, mails: MailServer
) -> None:
    await apply(working, _ASK)
    await crowd.person("olga", ProjectRole.OWNER)
    for _ in range(3):
        await asked(working, "ask")
    desks = [Desk(runtime, database, desk.clock) for _ in range(4)]
    for hours in (1, 4, 4):
        desk.clock.on(hours=hours)
        await asyncio.gather(*(one.asking.look() for one in desks))
        await asyncio.gather(*(one.courier.deliver() for one in desks))
    assert len(mails.taken) == 9
    assert len({mails_id(envelope.content) for envelope in mails.taken}) == 9


async def test_a_worker_alone_sends_what_is_to_be_sent(runtime: Runtime, database: Database, mails: MailServer) -> None:
    work = runtime.make_worker(concurrency=4)
    running = asyncio.create_task(work.run())
    await apply(runtime.services, _PLAIN)
    await Crowd(runtime.services, database).person("ann", ProjectRole.OPERATOR)
    await asked(runtime.services, "plain")
    async with asyncio.timeout(20):
        await mails.arrived.wait()
    await work.stop(timedelta(seconds=5))
    await running
    assert "plain asks: Go on?" in mails.message()["Subject"]
    assert await database.pool.fetchval("select count(*) from audit_unsealed") == 0, "and it chains the audit log"


@pytest.mark.parametrize("lacking", [Means(mails=False), Means(links=False)])
async def test_a_process_leaves_to_others_what_it_is_not_set_up_to_send_and_tries_when_nobody_takes_it(
    working: Services, crowd: Crowd, desk: Desk, mails: MailServer, web: Web, lacking: Means
) -> None:
    await apply(working, _PLAIN)
    await crowd.person("ann", ProjectRole.OPERATOR)
    await asked(working, "plain")
    poor = desk.another_courier(lacking)
    desk.clock.on(seconds=5)
    await desk.asking.look()
    desk.clock.on(seconds=55)
    assert (await poor.deliver(), len(mails.taken)) == (0, 0)
    assert await desk.courier.deliver() == 1
    await asked(working, "plain")
    desk.clock.on(seconds=5)
    await desk.asking.look()
    desk.clock.on(minutes=1, seconds=5)
    assert await poor.deliver() == 1, "nobody else has taken it"


async def test_a_process_without_a_mail_account_sends_to_channels_at_once(
    working: Services, desk: Desk, web: Web
) -> None:
    await apply(working, _PLAIN)
    await working.secrets.set(ROOT, "default", "HOOK", f"json://127.0.0.1:{web.port}/hook")
    await working.channels.put(ROOT, "default", "ops", secret="HOOK")
    await asked(working, "plain")
    desk.clock.on(seconds=5)
    await desk.asking.look()
    assert await desk.another_courier(Means(mails=False)).deliver() == 1


async def test_a_machine_by_itself_says_when_a_channel_is_made_that_it_has_no_mail_account(
    runtime: Runtime, desk: Desk, database: Database, clock: Moved
) -> None:
    channels, delivery = runtime.services.channels, Delivery(HostPolicy(), ToolLimits(), None)
    channels._courier = desk.another_courier(ALL_MEANS, delivery)
    made = await channels.put(ROOT, "default", "ops", addresses=["ops@example.com"])
    assert made.problem == "this server has no mail account; the administrator sets one: ERRANDS_SMTP_URL"
    assert (await channels.list(ROOT, "default"))[0].problem == made.problem
    channels._courier = desk.another_courier(Means(mails=False), delivery)
    assert (await channels.put(ROOT, "default", "ops", addresses=["ops@example.com"])).problem is None


def test_only_a_fleet_leaves_mail_to_others(tmp_path: Path, settings: Settings) -> None:
    alone = Settings.load(home=tmp_path, database_url=None, smtp_url=None)
    fleet = settings.model_copy(update={"smtp_url": None})
    assert (_means(alone).mails, _means(fleet).mails) == (True, False)


def mails_id(content: bytes | str | None) -> str:
    assert isinstance(content, bytes)
    return next(line for line in content.decode().splitlines() if line.startswith("Message-ID"))


async def test_what_does_not_get_through_is_tried_again_later_each_time_and_seen_meanwhile(
    working: Services, crowd: Crowd, desk: Desk, web: Web
) -> None:
    await apply(working, _PLAIN)
    web.answer("/hook", status=503)
    await working.secrets.set(ROOT, "default", "HOOK", f"json://127.0.0.1:{web.port}/hook")
    await working.channels.put(ROOT, "default", "ops", secret="HOOK")
    await asked(working, "plain")
    desk.clock.on(seconds=5)
    assert await desk.round() == (1, 1)
    assert await desk.courier.deliver() == 0
    desk.clock.on(seconds=29)
    assert await desk.courier.deliver() == 0
    desk.clock.on(seconds=1)
    assert await desk.courier.deliver() == 1
    (stuck,) = (await working.channels.notices(ROOT, "default", failing=True)).items
    assert (stuck.status, stuck.attempts, stuck.channel) == ("pending", 2, "ops")
    assert stuck.problem is not None
    assert str(web.port) not in stuck.problem
    (channel,) = await working.channels.list(ROOT, "default")
    assert channel.failing_since is not None
    web.answer("/hook")
    desk.clock.on(seconds=120)
    assert await desk.courier.deliver() == 1
    assert (await working.channels.notices(ROOT, "default", failing=True)).items == ()
    (channel,) = await working.channels.list(ROOT, "default")
    assert (channel.failing_since, channel.problem, channel.sent_at) == (None, None, desk.clock.now)
    keys = {request.headers["idempotency-key"] for request in web.requests}
    assert len(keys) == 1, "the receiver can tell a repetition"


async def test_a_message_that_never_gets_through_is_given_up_and_can_be_sent_again(
    working: Services, crowd: Crowd, desk: Desk, web: Web
) -> None:
    await apply(working, _PLAIN)
    await working.secrets.set(ROOT, "default", "HOOK", f"json://127.0.0.1:{web.port}/nowhere")
    await working.channels.put(ROOT, "default", "ops", secret="HOOK")
    await asked(working, "plain")
    desk.clock.on(seconds=5)
    await desk.round()
    for delay in DELAYS:
        desk.clock.on(seconds=delay.total_seconds())
        assert await desk.courier.deliver() == 1
    desk.clock.on(days=10)
    assert await desk.courier.deliver() == 0
    (lost,) = (await working.channels.notices(ROOT, "default", failing=True)).items
    assert (lost.status, lost.attempts) == ("failed", len(DELAYS) + 1)
    web.answer("/nowhere")
    again = await working.channels.send_again(ROOT, lost.id)
    assert (again.status, again.attempts) == ("pending", 0)
    assert await desk.courier.deliver() == 1
    assert (await working.channels.notices(ROOT, "default", failing=True)).items == ()
    with pytest.raises(NotFound):
        await working.channels.send_again(ROOT, "ntc_" + "0" * 32)


async def test_a_message_whose_sender_died_is_sent_by_another(
    working: Services, crowd: Crowd, desk: Desk, mails: MailServer
) -> None:
    from errands.store import outbox

    await apply(working, _PLAIN)
    await crowd.person("ann", ProjectRole.OPERATOR)
    await asked(working, "plain")
    desk.clock.on(seconds=5)
    await desk.asking.look()
    now = desk.clock.now
    (taken,) = await outbox.take(desk.database.pool, now, now + timedelta(minutes=5), 10)
    assert await desk.courier.deliver() == 0
    desk.clock.on(minutes=5)
    assert await desk.courier.deliver() == 1
    assert len(mails.taken) == 1
    async with desk.database.pool.acquire() as connection:
        await outbox.settle(connection, taken, "pending", "too late", now, now)
    assert [one.status for one in (await working.channels.notices(ROOT, "default")).items] == ["sent"]


async def test_a_channel_is_tried_and_says_what_is_wrong(
    working: Services, crowd: Crowd, mails: MailServer, web: Web
) -> None:
    await working.secrets.set(ROOT, "default", "HOOK", f"json://127.0.0.1:{web.port}/hook")
    await working.channels.put(ROOT, "default", "ops", secret="HOOK")
    await working.channels.put(ROOT, "default", "post", addresses=["ops@example.com", "nobody@example.com"])
    assert (await working.channels.test(ROOT, "default", "ops")).delivered
    assert json.loads(web.requests[0].body)["title"] == "Errands: trial of the channel ops"
    tried = await working.channels.test(ROOT, "default", "post")
    assert (tried.delivered, tried.problem) == (False, "nobody@example.com: 550 no such person")
    assert mails.message()["Subject"] == "Errands: trial of the channel post"
    await working.secrets.delete(ROOT, "default", "HOOK")
    tried = await working.channels.test(ROOT, "default", "ops")
    assert tried.problem == "there is no secret HOOK; store it: errands secrets set HOOK"
    await working.channels.remove(ROOT, "default", "ops")
    with pytest.raises(NotFound, match="no channel of project default 'ops'"):
        await working.channels.test(ROOT, "default", "ops")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({}, "either a secret or addresses"),
        ({"secret": "A", "addresses": ["a@example.com"]}, "either a secret or addresses"),
        ({"secret": "NONE"}, "no secret 'NONE'"),
        ({"secret": "FILE"}, "is not a channel that may be used"),
        ({"secret": "PLAIN"}, "is not a channel that may be used"),
        ({"addresses": ["ana"]}, "'ana' is not a mail address"),
        ({"addresses": ["a@example.com\nBcc: b@example.com"]}, "is not a mail address"),
        ({"addresses": ["a@example.com"], "events": ["boom"]}, "'boom' is no event"),
        ({"addresses": ["a@example.com"], "events": []}, "told nothing"),
    ],
)
async def test_a_channel_that_cannot_work_is_refused_and_not_kept(
    services: Services, how: dict[str, object], said: str
) -> None:
    await services.secrets.set(ROOT, "default", "FILE", "file:///etc/passwd")
    await services.secrets.set(ROOT, "default", "PLAIN", "hunter2hunter2")
    with pytest.raises(Invalid, match=said) as refused:
        await services.channels.put(ROOT, "default", "ops", **how)  # type: ignore[arg-type]
    assert "hunter2" not in str(refused.value)
    assert await services.channels.list(ROOT, "default") == []
    with pytest.raises(Invalid, match="cannot be the name of a channel"):
        await services.channels.put(ROOT, "default", "Ops!", addresses=["a@example.com"])


async def test_a_server_without_a_mail_account_says_so(database_url: str, tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path / "home", database_url=database_url)
    async with open_services(settings, worker=False) as opened:
        await opened.services.channels.put(ROOT, "default", "post", addresses=["ops@example.com"])
        tried = await opened.services.channels.test(ROOT, "default", "post")
    assert tried.problem is not None
    assert tried.problem.endswith("ERRANDS_SMTP_URL")


async def test_a_message_that_was_sent_is_not_sent_again(working: Services, crowd: Crowd, desk: Desk) -> None:
    await apply(working, _PLAIN)
    await crowd.person("ann", ProjectRole.OPERATOR)
    await asked(working, "plain")
    desk.clock.on(seconds=5)
    await desk.round()
    (sent,) = (await working.channels.notices(ROOT, "default")).items
    with pytest.raises(Conflict, match="is sent already"):
        await working.channels.send_again(ROOT, sent.id)
