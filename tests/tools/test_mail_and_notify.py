"""`mail.send` and `notify.send` against a real SMTP server and real webhooks on loopback."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from errands.core.outcomes import ErrorKind
from errands.core.values import Json
from tests.tools.bench import Bench, MakeBench, left_behind
from tests.tools.loopback import Request, Web, response
from tests.tools.mail_server import MailServer, mail_server


@pytest.fixture
async def mails(bench: Bench) -> AsyncIterator[MailServer]:
    """A mail server, and its address in the secret SMTP."""
    async with mail_server() as server:
        bench.give_secret("SMTP", f"smtp://127.0.0.1:{server.port}?from=errands@example.com")
        yield server


async def test_a_mail_with_everything_arrives(bench: Bench, mails: MailServer) -> None:
    bench.file("out/report.csv", "a,b\n")
    output = await bench.call(
        "mail.send",
        to=["Ana Li <ana@example.com>", "bo@example.com"],
        cc=["cy@example.com"],
        bcc=["di@example.com"],
        reply_to="desk@example.com",
        subject="Größe",
        text="Hello\n",
        html="<p>Hello</p>",
        attachments=["out/report.csv", {"path": "out/report.csv", "name": "copy.txt"}],
    )
    assert output["accepted"] == ["ana@example.com", "bo@example.com", "cy@example.com", "di@example.com"]
    assert output["refused"] == {}
    message = mails.message()
    assert message["Subject"] == "Größe"
    assert message["To"] == "Ana Li <ana@example.com>, bo@example.com"
    assert message["From"] == "errands@example.com"
    assert message["Message-ID"] == output["message_id"]
    assert "di@example.com" not in str(message)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content() == "Hello\r\n"
    assert [(each.get_filename(), each.get_payload(decode=True)) for each in message.iter_attachments()] == [
        ("report.csv", b"a,b\n"),
        ("copy.txt", b"a,b\n"),
    ]


async def test_a_repeated_mail_is_recognisable_by_its_id(bench: Bench, mails: MailServer) -> None:
    mail: dict[str, Json] = {"to": ["ana@example.com"], "subject": "s", "text": "t"}
    first = (await bench.call("mail.send", **mail))["message_id"]
    assert (await bench.call("mail.send", **mail))["message_id"] == first
    bench.step.effect_key = "run_2/step/1"
    assert (await bench.call("mail.send", **mail))["message_id"] != first


async def test_the_secret_authenticates_and_never_shows(bench: Bench, mails: MailServer) -> None:
    mail: dict[str, Json] = {"to": ["ana@example.com"], "subject": "s", "text": "t", "connection": "secret:BOX"}
    bench.give_secret("BOX", f"smtp://ana%40example.com:p%3Aw%40rd@127.0.0.1:{mails.port}?tls=none")
    await bench.call("mail.send", **mail)
    assert mails.logins == [(b"ana@example.com", b"p:w@rd")]
    assert mails.message()["From"] == "ana@example.com"
    bench.step.secrets = {
        **bench.step.secrets,
        "BOX": f"smtp://ana%40example.com:wr0ng@127.0.0.1:{mails.port}?tls=none",
    }
    error = await bench.refused("mail.send", **mail)
    assert error.kind is ErrorKind.DENIED
    assert "wr0ng" not in repr(error)


async def test_a_password_does_not_travel_in_the_clear(bench: Bench, mails: MailServer) -> None:
    bench.give_secret("BOX", f"smtp://ana%40example.com:pw@127.0.0.1:{mails.port}")
    error = await bench.refused("mail.send", to=["a@example.com"], subject="s", text="t", connection="secret:BOX")
    assert error.kind is ErrorKind.DENIED
    assert "no TLS" in error.message
    assert mails.logins == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"subject": "s\r\nBcc: evil@example.com"},
        {"subject": "s\nX: 1"},
        {"to": ["ana@example.com\r\nBcc: evil@example.com"]},
        {"to": ["ana@example.com, evil@example.com"]},
        {"to": ["Ana\r\nBcc: e@example.com <ana@example.com>"]},
        {"to": ["not an address"]},
        {"to": []},
        {"reply_to": "a@b.c\n"},
        {"from": "x\r\n@example.com"},
        {"attachments": [{"path": "a", "name": "a\r\nX: 1"}]},
    ],
)
async def test_headers_cannot_be_injected(bench: Bench, mails: MailServer, arguments: dict[str, Json]) -> None:
    mail: dict[str, Json] = {"to": ["ana@example.com"], "subject": "s", "text": "t"} | arguments
    bench.file("a")
    assert (await bench.refused("mail.send", **mail)).kind is ErrorKind.INPUT
    assert mails.taken == []


async def test_refused_recipients_are_listed_and_all_refused_is_a_failure(bench: Bench, mails: MailServer) -> None:
    output = await bench.call("mail.send", to=["ana@example.com", "nobody@example.com"], subject="s", text="t")
    assert output["accepted"] == ["ana@example.com"]
    assert output["refused"] == {"nobody@example.com": "550 no such person"}
    error = await bench.refused("mail.send", to=["nobody@example.com"], subject="s", text="t")
    assert error.kind is ErrorKind.INPUT
    assert "550 no such person" in error.message
    later = await bench.refused("mail.send", to=["later@example.com"], subject="s", text="t")
    assert later.kind is ErrorKind.UNAVAILABLE


async def test_a_mail_server_that_is_away_is_a_network_error(bench: Bench) -> None:
    bench.give_secret("SMTP", "smtp://ana:pw@127.0.0.1:1?from=a@b.example")
    error = await bench.refused("mail.send", to=["a@example.com"], subject="s", text="t")
    assert error.kind is ErrorKind.NETWORK


async def test_a_cancelled_mail_leaves_no_child_behind(bench: Bench) -> None:
    connected = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        bench.give_secret("SMTP", f"smtp://127.0.0.1:{port}?from=a@b.example")
        call = asyncio.ensure_future(bench.call("mail.send", to=["a@example.com"], subject="s", text="t"))
        await connected.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert left_behind() == set()


@pytest.mark.parametrize("connection", ["smtp://evil.example", "nonsense"])
async def test_a_mail_server_is_named_only_by_a_secret(bench: Bench, connection: str) -> None:
    error = await bench.refused("mail.send", to=["a@b.example"], subject="s", text="t", connection=connection)
    assert error.kind is ErrorKind.INPUT


async def test_a_message_reaches_its_channels(bench: Bench, web: Web) -> None:
    web.answer("/hook", "ok")
    bench.give_secret("OPS", f"json://{web.host}/hook")
    bench.give_secret("GONE", f"json://{web.host}/missing")
    output = await bench.call("notify.send", to=["secret:OPS", "secret:GONE"], title="Disk", body="is full")
    assert output["delivered"] == [{"channel": "secret:OPS"}]
    (failed,) = output["failed"]
    assert failed["channel"] == "secret:GONE"
    assert b'"message": "is full"' in web.requests[0].body
    assert web.host not in str(output)


async def test_a_granted_secret_is_grant_enough_for_its_channel(bench: Bench, web: Web) -> None:
    web.answer("/hook", "ok")
    bench.give_secret("OPS", f"json://{web.host}/hook")
    bench.grant(tools=())
    assert (await bench.call("notify.send", to="secret:OPS", title=None, body="x"))["failed"] == []
    assert (await bench.refused("notify.send", to="secret:OTHER", body="x")).kind is ErrorKind.DENIED
    assert (await bench.refused("log", message="x")).kind is ErrorKind.DENIED


async def test_no_channel_at_all_is_a_failure_that_shows_no_url(bench: Bench, web: Web) -> None:
    bench.give_secret("OPS", f"json://user:t0ps3cret@{web.host}/h00k")
    error = await bench.refused("notify.send", to="secret:OPS", body="x")
    assert error.kind is ErrorKind.UNAVAILABLE
    assert "t0ps3cret" not in repr(error)
    assert "h00k" not in repr(error)


async def test_a_channel_at_a_private_address_is_refused(make_bench: MakeBench, web: Web) -> None:
    bench = make_bench(allow_private=frozenset())
    web.answer("/", "ok")
    bench.give_secret("A", f"json://{web.host}/")
    bench.give_secret("B", f"form://localhost:{web.port}/")
    bench.give_secret("C", f"ntfy://127.0.0.1:{web.port}/topic")
    error = await bench.refused("notify.send", to=["secret:A", "secret:B", "secret:C"], body="x")
    assert error.kind is ErrorKind.DENIED
    assert error.message.count("loopback") == 3
    assert web.requests == []


async def test_a_channel_that_redirects_to_a_private_address_is_refused(make_bench: MakeBench, web: Web) -> None:
    bench = make_bench(allow_private=frozenset({web.host}))
    web.answer("/", status=307, location=f"http://localhost:{web.port}/inside")
    bench.give_secret("OPS", f"json://{web.host}/")
    await bench.refused("notify.send", to="secret:OPS", body="x")
    assert [each.target for each in web.requests] == ["/"]


@pytest.mark.parametrize(
    "url",
    [
        "syslog://",
        "file:///etc/passwd",
        "dbus://",
        "exec://rm",
        "http://127.0.0.1/",
        "msteams://a/b/c/?template=/etc/passwd",
        "json://127.0.0.1/?attach=/etc/passwd",
        "json://127.0.0.1/?verify=no",
        "nonsense",
        "",
    ],
)
async def test_other_kinds_of_channel_are_refused(bench: Bench, url: str) -> None:
    bench.give_secret("OPS", url)
    error = await bench.refused("notify.send", to="secret:OPS", body="x")
    assert error.kind is ErrorKind.SECRET
    assert "passwd" not in repr(error)


async def test_a_channel_is_named_only_by_a_secret(bench: Bench, web: Web) -> None:
    assert (await bench.refused("notify.send", to=f"json://{web.host}/", body="x")).kind is ErrorKind.INPUT
    assert (await bench.refused("notify.send", to=[], body="x")).kind is ErrorKind.INPUT
    assert web.requests == []


async def test_a_cancelled_notification_leaves_no_child_behind(bench: Bench, web: Web) -> None:
    async def never(request: Request) -> bytes:
        await asyncio.Event().wait()
        return response()

    web.routes["/"] = never
    bench.give_secret("OPS", f"json://{web.host}/")
    call = asyncio.ensure_future(bench.call("notify.send", to="secret:OPS", body="x"))
    await web.arrived.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert left_behind() == set()
