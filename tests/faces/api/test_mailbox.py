"""Mail as a trigger: the real listener, driven with smtplib as mail servers drive it."""

import asyncio
import smtplib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from typing import Any

import httpx
import pytest

from errands.bootstrap import Runtime, open_services
from errands.bootstrap.doors import mail_listener
from errands.settings import Settings
from tests.faces.api.conftest import apply

_TASK = """
task: take-mail
description: Reads what is mailed to it.
grants: {{tools: [files.read]}}
params:
  subject: {{type: string}}
  files: {{type: array, items: {{type: string, format: file}}, default: []}}
steps:
  - for_each: files
    as: file
    do: [{{id: one, tool: files.read, with: {{path: "{{{{ file }}}}"}}}}]
triggers:
  - id: box
    email: {email}
    arguments:
      subject: "{{{{ payload['subject'] }}}}"
      files: "{{{{ [a['path'] for a in payload['attachments']] }}}}"
"""
_RESULTS = "mx.example.com; spf={spf} smtp.mailfrom=ana@example.com; dkim={dkim} header.d=example.com"


Letter = EmailMessage


@pytest.fixture
def settings(settings: Settings) -> Settings:
    relays = ("127.0.0.1=mx.example.com",)
    return settings.model_copy(
        update={"mail_port": 0, "mail_domain": "in.example", "mail_relays": relays, "mail_max_size": 3 * 2**20}
    )


@pytest.fixture
async def runtime(settings: Settings) -> AsyncIterator[Runtime]:
    async with open_services(settings, worker=False) as opened:
        yield opened


@dataclass
class Box:
    """A published mail trigger, and somebody who mails to it."""

    admin: httpx.AsyncClient
    port: int
    address: str

    async def send(self, message: EmailMessage, *, sender: str = "ana@example.com", to: str | None = None) -> str:
        """Deliver it; gives `250`, or the answer that refused it."""
        return await asyncio.to_thread(self._deliver, message.as_bytes(policy=SMTP), sender, [to or self.address])

    def _deliver(self, content: bytes, sender: str, to: Sequence[str], *, sized: bool = True) -> str:
        with smtplib.SMTP("127.0.0.1", self.port, timeout=60) as server:
            server.ehlo()
            if not sized:
                server.esmtp_features.pop("size", None)
            try:
                server.sendmail(sender, to, content)
            except smtplib.SMTPRecipientsRefused as refused:
                code, said = next(iter(refused.recipients.values()))
                return f"{code} {said.decode()}"
            except smtplib.SMTPResponseException as refused:
                answer = refused.smtp_error
                return f"{refused.smtp_code} {answer if isinstance(answer, str) else answer.decode()}"
            return "250"

    async def runs(self) -> list[dict[str, Any]]:
        listed = await self.admin.get("/api/v1/projects/default/runs")
        return [(await self.admin.get(f"/api/v1/runs/{run['id']}")).json() for run in listed.json()["items"]]

    async def deliveries(self) -> list[tuple[str, str | None, int]]:
        found = await self.admin.get("/api/v1/projects/default/tasks/take-mail/triggers/box/deliveries")
        return [(one["outcome"], one["code"], one["count"]) for one in found.json()["items"]]


@pytest.fixture
async def publish(runtime: Runtime, settings: Settings, admin: httpx.AsyncClient) -> AsyncIterator[Callable[..., Any]]:
    async with mail_listener(settings, runtime.services) as place:
        assert place is not None

        async def published(email: str = "{}") -> Box:
            await apply(admin, _TASK.format(email=email))
            (view,) = (await admin.get("/api/v1/projects/default/triggers")).json()["items"]
            return Box(admin, int(place.rpartition(":")[2]), view["address"])

        yield published


def letter(
    text: str = "Dear team", *, subject: str = "Invoice 7", sender: str = "Ana <ana@example.com>"
) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["Subject"], message["Message-ID"] = sender, subject, make_msgid()
    message["To"] = "bob@example.com"
    message.set_content(text)
    return message


async def test_a_mail_starts_one_run_with_its_text_files_and_origin(publish: Any) -> None:
    box = await publish()
    message = letter("Grüße\n")
    message.add_alternative("<p>Grüße</p><script>alert(1)</script>", subtype="html")
    message.add_attachment(b"a,b\n1,2\n", maintype="text", subtype="csv", filename="../../Ü report.csv")
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="logo.png")
    message["Authentication-Results"] = _RESULTS.format(spf="pass", dkim="pass")
    message["X-Original-To"] = box.address
    del message["To"]
    message["To"] = f"{box.address}, bob@example.com"
    assert await box.send(message) == "250"
    (run,) = await box.runs()
    assert (run["untrusted"], run["starter"], run["trigger"]["kind"]) == (True, "trigger:box", "email")
    assert run["arguments"] == {"subject": "Invoice 7", "files": ["inputs/Ü report.csv", "inputs/logo.png"]}
    payload = run["trigger"]["payload"]
    assert (payload["from"], payload["envelope_from"], payload["to"]) == ("ana@example.com",) * 2 + (
        ["bob@example.com"],
    )
    assert payload["text"] == "Grüße\n"
    assert [one["media_type"] for one in payload["attachments"]] == ["text/csv", "image/png"]
    assert payload["auth"] == {"by": "mx.example.com", "spf": "pass", "dkim": "pass", "dmarc": None, "verified": True}
    assert box.address not in str(run), "the secret address is in no record"
    content = await box.admin.get(f"/api/v1/artifacts/{run['artifacts'][0]['id']}")
    assert content.content == b"a,b\n1,2\n"
    assert await box.send(message) == "250"
    assert len(await box.runs()) == 1
    assert await box.deliveries() == [("repeated", "repeated", 1), ("started", None, 1)]


@pytest.mark.usefixtures("worker")
async def test_steps_read_the_attachments_as_files_of_their_workspace(publish: Any, admin: httpx.AsyncClient) -> None:
    box = await publish()
    message = letter()
    message.add_attachment(b"one", maintype="text", subtype="plain", filename="a.txt")
    message.add_attachment(b"two", maintype="text", subtype="plain", filename="a.txt")
    assert await box.send(message) == "250"
    (run,) = await box.runs()
    events = await admin.get(f"/api/v1/runs/{run['id']}/events")
    assert "event: ended" in events.text
    output = (await admin.get(f"/api/v1/runs/{run['id']}/output")).json()
    assert [one["content"] for one in output] == ["one", "two"]


async def test_an_unknown_address_and_another_domain_are_refused(publish: Any) -> None:
    box = await publish()
    for to in ("0" * 32 + "@in.example", "bob@in.example", box.address.replace("in.example", "out.example")):
        assert (await box.send(letter(), to=to)).startswith("550 5.1.1")
    assert await box.runs() == []


async def test_a_forged_sender_is_refused_in_every_disguise(publish: Any) -> None:
    box = await publish("{senders: [ana@example.com]}")
    forged = letter(sender="Mallory <mallory@evil.example>")
    assert (await box.send(forged)).startswith("550 5.7.1")
    envelope = letter()
    assert (await box.send(envelope, sender="mallory@evil.example")).startswith("550 5.7.1")
    hidden = letter(sender='"ana@example.com" <mallory@evil.example>')
    assert (await box.send(hidden)).startswith("550 5.7.1")
    two = letter()
    content = two.as_bytes(policy=SMTP).replace(b"From: ", b"From: mallory@evil.example\r\nFrom: ", 1)
    assert (await asyncio.to_thread(box._deliver, content, "ana@example.com", [box.address])).startswith("550 5.7.1")
    failed = letter()
    failed["Authentication-Results"] = _RESULTS.format(spf="fail", dkim="none")
    assert (await box.send(failed)).startswith("550 5.7.1")
    other = letter()
    other["Authentication-Results"] = (
        "mx.example.com; dkim=pass header.d=evil.example; spf=pass smtp.mailfrom=x@evil.example"
    )
    assert (await box.send(other)).startswith("550 5.7.1")
    assert await box.runs() == []
    assert sum(count for _, _, count in await box.deliveries()) == 6
    assert await box.send(letter()) == "250"


async def test_a_trigger_may_demand_what_only_a_trusted_server_can_say(publish: Any) -> None:
    box = await publish("{senders: ['*@example.com'], authenticated: true}")
    assert (await box.send(letter())).startswith("550 5.7.1")
    believed = letter()
    believed["Authentication-Results"] = _RESULTS.format(spf="fail", dkim="pass")
    assert await box.send(believed) == "250"
    made_up = letter()
    made_up["Authentication-Results"] = _RESULTS.format(spf="pass", dkim="pass").replace("mx.", "mx2.")
    assert (await box.send(made_up)).startswith("550 5.7.1")


@pytest.mark.parametrize("sized", [True, False])
async def test_a_mail_over_the_servers_limit_is_refused_and_the_connection_lives(publish: Any, sized: bool) -> None:
    box = await publish()
    message = letter()
    message.add_attachment(b"\0" * (30 * 2**20), maintype="application", subtype="zip", filename="a.zip")

    content = message.as_bytes(policy=SMTP)
    answer = await asyncio.to_thread(box._deliver, content, "ana@example.com", [box.address], sized=sized)
    assert answer.startswith("552"), answer
    assert await box.send(letter()) == "250"
    assert len(await box.runs()) == 1


async def test_a_mail_over_the_triggers_limit_is_refused_and_counted(publish: Any) -> None:
    box = await publish("{max_size: 10KiB}")
    assert (await box.send(letter("x" * 70 + "\n" + "y" * 11_000))).startswith("552 5.3.4")
    assert await box.deliveries() == [("refused", "too_large", 1)]


async def test_a_thousand_attachments_are_refused_and_none_is_kept(publish: Any, settings: Settings) -> None:
    box = await publish()
    message = letter()
    for number in range(1000):
        message.add_attachment(b"x", maintype="text", subtype="plain", filename=f"{number}.txt")
    answer = await box.send(message)
    assert answer.startswith("550 5.7.1"), answer
    assert "1000 attachments, more than 50" in answer
    assert await box.runs() == []
    assert await box.deliveries() == [("refused", "unreadable", 1)]


async def test_answers_of_programs_and_bounces_start_nothing(publish: Any) -> None:
    box = await publish()
    answer = letter()
    answer["Auto-Submitted"] = "auto-replied (vacation)"
    assert (await box.send(answer)).startswith("550 5.7.1")
    assert (await box.send(letter(), sender="")).startswith("550 5.7.1")


async def test_a_paused_task_lets_mail_servers_try_again(publish: Any) -> None:
    box = await publish()
    message = letter()
    await box.admin.post("/api/v1/projects/default/tasks/take-mail/pause", json={"note": "holidays"})
    assert (await box.send(message)).startswith("450")
    await box.admin.post("/api/v1/projects/default/tasks/take-mail/resume", json={})
    assert await box.send(message) == "250"


async def test_only_the_wanted_subjects_and_so_many_in_a_minute(publish: Any) -> None:
    box = await publish("{subject: 'Invoice *', max_per_minute: 1}")
    assert (await box.send(letter(subject="Hello"))).startswith("550 5.7.1")
    assert await box.send(letter(subject="invoice 8")) == "250"
    assert (await box.send(letter(subject="invoice 9"))).startswith("450")


async def test_a_viewer_does_not_see_the_secret_address_and_a_new_one_shuts_the_old(
    publish: Any, viewer: httpx.AsyncClient
) -> None:
    box = await publish()
    seen = (await viewer.get("/api/v1/projects/default/tasks/take-mail/triggers/box")).json()
    assert (seen["kind"], seen["address"]) == ("email", None)
    assert (await viewer.post("/api/v1/projects/default/tasks/take-mail/triggers/box/address")).status_code == 403
    renewed = (await box.admin.post("/api/v1/projects/default/tasks/take-mail/triggers/box/address")).json()
    assert (await box.send(letter())).startswith("550 5.1.1")
    assert await box.send(letter(), to=renewed["address"].upper()) == "250"
    audit = await box.admin.get("/api/v1/audit")
    assert renewed["address"].partition("@")[0] not in audit.text
