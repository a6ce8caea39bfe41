"""`http.request` against real servers that behave, misbehave and lie."""

import asyncio
import gzip
import json
import os
import socket
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from errands.core.outcomes import ErrorKind
from errands.tools.limits import ToolLimits
from tests.tools.bench import Bench, MakeBench
from tests.tools.loopback import Web, response, serving


async def test_a_json_answer_comes_back_as_value_and_text(bench: Bench, web: Web) -> None:
    web.answer("/orders", '{"n": [1, 2.5, null]}', content_type="application/json")
    output = await bench.call("http.request", url=web.url("/orders"), query={"region": "emea", "page": 2, "all": True})
    assert output["json"] == {"n": [1, 2.5, None]}
    assert output["text"] == '{"n": [1, 2.5, null]}'
    assert output["status"] == 200
    assert output["url"] == web.url("/orders")
    assert web.requests[0].target == "/orders?region=emea&page=2&all=true"
    assert web.requests[0].headers["host"] == web.host


async def test_bodies_of_each_kind_arrive(bench: Bench, web: Web) -> None:
    web.answer("/", "ok")
    await bench.call("http.request", method="POST", url=web.url(), json={"a": "ü"})
    await bench.call("http.request", method="PUT", url=web.url(), form={"a": "1 2"})
    await bench.call("http.request", method="PATCH", url=web.url(), text="hi", headers={"Content-Type": "text/x"})
    sent = [(each.method, each.headers["content-type"], each.body.decode()) for each in web.requests]
    assert sent == [
        ("POST", "application/json", '{"a":"ü"}'),
        ("PUT", "application/x-www-form-urlencoded", "a=1+2"),
        ("PATCH", "text/x", "hi"),
    ]


async def test_a_changing_call_carries_the_effect_key_and_a_reading_one_does_not(bench: Bench, web: Web) -> None:
    web.answer("/", "ok")
    await bench.call("http.request", method="POST", url=web.url())
    await bench.call("http.request", method="POST", url=web.url(), headers={"Idempotency-Key": "mine"})
    await bench.call("http.request", url=web.url())
    assert [each.headers.get("idempotency-key") for each in web.requests] == [bench.step.effect_key, "mine", None]


async def test_secrets_authenticate(bench: Bench, web: Web) -> None:
    web.answer("/", "ok")
    bench.give_secret("TOKEN", "t0ken")
    await bench.call("http.request", url=web.url(), auth={"bearer": "secret:TOKEN"})
    await bench.call("http.request", url=web.url(), auth={"basic": {"username": "ana", "password": "secret:TOKEN"}})
    await bench.call("http.request", url=web.url(), headers={"X-Api-Key": "secret:TOKEN"})
    assert web.requests[0].headers["authorization"] == "Bearer t0ken"
    assert web.requests[1].headers["authorization"] == "Basic YW5hOnQwa2Vu"
    assert web.requests[2].headers["x-api-key"] == "t0ken"


@pytest.mark.parametrize(
    "arguments",
    [
        {"headers": {"X": "a\r\nEvil: 1"}},
        {"headers": {"X\r\nEvil": "1"}},
        {"headers": {"X": "a\nb"}},
        {"headers": {"Host": "evil.example"}},
        {"headers": {"Content-Length": "5"}},
        {"auth": {"bearer": "a\r\nEvil: 1"}},
        {"headers": {"Authorization": "Bearer secret:TOKEN"}},
    ],
)
async def test_headers_that_could_smuggle_are_refused(bench: Bench, web: Web, arguments: dict[str, object]) -> None:
    error = await bench.refused("http.request", url=web.url(), **arguments)  # type: ignore[arg-type]
    assert error.kind is ErrorKind.INPUT
    assert web.requests == []


async def test_a_secret_with_a_line_break_cannot_smuggle_a_header(bench: Bench, web: Web) -> None:
    bench.give_secret("BAD", "value\r\nEvil: 1")
    error = await bench.refused("http.request", url=web.url(), headers={"X": "secret:BAD"})
    assert error.kind is ErrorKind.INPUT
    assert "Evil" not in repr(error)
    assert web.requests == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ErrorKind.INPUT),
        (401, ErrorKind.DENIED),
        (403, ErrorKind.DENIED),
        (404, ErrorKind.NOT_FOUND),
        (408, ErrorKind.TIMEOUT),
        (429, ErrorKind.RATE_LIMITED),
        (500, ErrorKind.UNAVAILABLE),
        (503, ErrorKind.UNAVAILABLE),
        (304, ErrorKind.TOOL),
    ],
)
async def test_an_unexpected_status_fails_the_step_in_its_kind(
    bench: Bench, web: Web, status: int, kind: ErrorKind
) -> None:
    web.answer("/", "sorry", status=status)
    error = await bench.refused("http.request", url=web.url("/?token=hidden"))
    assert error.kind is kind
    assert str(status) in error.message
    assert "hidden" not in error.message
    assert error.detail == {"status": status, "body": "" if status == 304 else "sorry"}


async def test_an_expected_status_is_an_answer(bench: Bench, web: Web) -> None:
    web.answer("/", "gone", status=404)
    assert (await bench.call("http.request", url=web.url(), expect_status=[200, "4xx"]))["status"] == 404
    web.answer("/ok", "fine")
    assert (await bench.refused("http.request", url=web.url("/ok"), expect_status=[201])).kind is ErrorKind.TOOL


async def test_retry_after_is_passed_on_in_both_forms(bench: Bench, web: Web) -> None:
    web.answer("/seconds", status=429, retry_after="17")
    assert (await bench.refused("http.request", url=web.url("/seconds"))).retry_after == 17
    later = datetime.now(UTC) + timedelta(seconds=90)
    web.answer("/date", status=503, retry_after=format_datetime(later, usegmt=True))
    after = (await bench.refused("http.request", url=web.url("/date"))).retry_after
    assert after is not None
    assert 60 < after <= 90
    web.answer("/odd", status=429, retry_after="soon")
    assert (await bench.refused("http.request", url=web.url("/odd"))).retry_after is None


async def test_a_host_that_was_not_granted_is_refused_with_the_grant_to_add(bench: Bench, web: Web) -> None:
    bench.grant(hosts=("api.example.com",))
    error = await bench.refused("http.request", url=web.url())
    assert error.kind is ErrorKind.DENIED
    assert error.hint == f"add `{web.host}` to grants.hosts"


async def test_a_private_address_is_refused_though_every_host_is_granted(make_bench: MakeBench, web: Web) -> None:
    bench = make_bench(allow_private=frozenset())
    for url in (web.url(), f"http://localhost:{web.port}/", f"http://[::ffff:127.0.0.1]:{web.port}/"):
        error = await bench.refused("http.request", url=url)
        assert error.kind is ErrorKind.DENIED, url
        assert "loopback" in error.message
    assert web.requests == []


async def test_a_redirect_to_a_private_address_is_refused(make_bench: MakeBench, web: Web) -> None:
    bench = make_bench(allow_private=frozenset({web.host}))
    async with serving() as inside:
        inside.answer("/", "private")
        web.answer("/", status=302, location=inside.url())
        error = await bench.refused("http.request", url=web.url())
        assert error.kind is ErrorKind.DENIED
        assert "loopback" in error.message
        assert inside.requests == []


async def test_a_redirect_to_a_host_that_was_not_granted_is_refused(bench: Bench, web: Web) -> None:
    bench.grant(hosts=(web.host,))
    web.answer("/", status=302, location="http://127.0.0.1:1/")
    error = await bench.refused("http.request", url=web.url())
    assert error.kind is ErrorKind.DENIED
    assert error.hint == "add `127.0.0.1:1` to grants.hosts"


async def test_a_redirect_to_another_scheme_is_refused(bench: Bench, web: Web) -> None:
    web.answer("/", status=302, location="file:///etc/passwd")
    assert (await bench.refused("http.request", url=web.url())).kind is ErrorKind.INPUT


async def test_a_name_that_changes_its_address_is_caught_at_the_connection(
    make_bench: MakeBench, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the name is public when first asked and private afterwards."""
    answers = iter(["8.8.8.8", "127.0.0.1"])
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: object, port: object, *rest: object, **options: object) -> object:
        if host == "rebind.example":
            asked.append(next(answers))
            host = asked[-1]
        return real(host, port, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    next(answers)
    bench = make_bench(allow_private=frozenset())
    error = await bench.refused("http.request", url=f"http://rebind.example:{web.port}/")
    assert error.kind is ErrorKind.DENIED
    assert "127.0.0.1" in error.message
    assert asked == ["127.0.0.1"], "the name is asked for once, and the connection goes to that answer"
    assert web.requests == []


async def test_redirects_change_method_and_drop_credentials_as_the_standard_says(bench: Bench, web: Web) -> None:
    bench.give_secret("TOKEN", "t0ken")
    async with serving() as other:
        other.answer("/end", "there")
        web.answer("/hop", status=303, location="/same")
        web.answer("/same", status=302, location=other.url("/end"))
        output = await bench.call(
            "http.request",
            method="POST",
            url=web.url("/hop"),
            json={"a": 1},
            auth={"bearer": "secret:TOKEN"},
            headers={"X-Api-Key": "secret:TOKEN", "Accept": "text/plain"},
        )
        assert output["url"] == other.url("/end")
        first, second = web.requests
        assert (first.method, first.body) == ("POST", b'{"a":1}')
        assert (second.method, second.body, second.headers["authorization"]) == ("GET", b"", "Bearer t0ken")
        last = other.requests[0]
        assert last.method == "GET"
        assert last.headers["accept"] == "text/plain"
        assert "t0ken" not in str(last.headers)


async def test_a_307_repeats_method_and_body(bench: Bench, web: Web) -> None:
    web.answer("/a", status=307, location="/b")
    web.answer("/b", "done")
    await bench.call("http.request", method="PUT", url=web.url("/a"), text="body")
    assert [(each.method, each.body) for each in web.requests] == [("PUT", b"body"), ("PUT", b"body")]


async def test_endless_redirects_end(bench: Bench, web: Web) -> None:
    web.answer("/", status=302, location="/")
    error = await bench.refused("http.request", url=web.url())
    assert error.kind is ErrorKind.LIMIT
    assert len(web.requests) == 11


async def test_a_huge_answer_is_cut_off_at_the_limit(make_bench: MakeBench, web: Web) -> None:
    bench = make_bench(ToolLimits(http_bytes=100_000))
    web.answer("/", b"x" * 100_001)
    assert (await bench.refused("http.request", url=web.url())).kind is ErrorKind.LIMIT
    assert (await bench.refused("http.request", url=web.url(), max_bytes=10)).message.endswith("more than 10 bytes")
    assert (await bench.refused("http.request", url=web.url(), max_bytes=10**9)).message.endswith("100000 bytes")
    web.answer("/", b"x" * 100_000)
    assert (await bench.call("http.request", url=web.url()))["bytes"] == 100_000


async def test_a_packed_bomb_is_cut_off_while_it_unpacks(bench: Bench, web: Web) -> None:
    bomb = gzip.compress(bytes(200 * 2**20), compresslevel=9)
    web.answer("/", bomb, content_encoding="gzip")
    error = await bench.refused("http.request", url=web.url(), max_bytes=1000)
    assert error.kind is ErrorKind.LIMIT


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"hello")),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", zlib.compress(b"hello")[2:-4]),
    ],
    ids=["gzip", "deflate", "deflate without a frame"],
)
async def test_packed_answers_are_unpacked(bench: Bench, web: Web, encoding: str, packed: bytes) -> None:
    web.answer("/", packed, content_encoding=encoding, content_type="text/plain")
    assert (await bench.call("http.request", url=web.url()))["text"] == "hello"


async def test_a_server_that_hangs_is_left_at_the_timeout(bench: Bench, web: Web) -> None:
    web.routes["/"] = lambda _: _never()
    error = await bench.refused("http.request", url=web.url(), timeout=0.3)
    assert error.kind is ErrorKind.TIMEOUT
    assert "0.3 s" in error.message
    await web.left.wait()


async def test_a_cancelled_request_closes_its_connection(bench: Bench, web: Web) -> None:
    web.routes["/"] = lambda _: _never()
    call = asyncio.ensure_future(bench.call("http.request", url=web.url()))
    await web.arrived.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    async with asyncio.timeout(5):
        await web.left.wait()


async def test_an_answer_cut_in_half_is_a_network_error(bench: Bench, web: Web) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        error = await bench.refused("http.request", url=f"http://127.0.0.1:{port}/")
    assert error.kind is ErrorKind.NETWORK


async def test_garbage_instead_of_http_and_a_closed_port_are_network_errors(bench: Bench, web: Web) -> None:
    web.routes["/"] = lambda _: b"\x00\x01 not http at all\r\n\r\n"
    assert (await bench.refused("http.request", url=web.url())).kind is ErrorKind.NETWORK
    error = await bench.refused("http.request", url="http://127.0.0.1:1/")
    assert error.kind is ErrorKind.NETWORK
    assert "127.0.0.1:1" in error.message


async def test_binary_data_goes_to_a_file(bench: Bench, web: Web) -> None:
    body = bytes(range(256))
    web.answer("/", body, content_type="image/png")
    assert (await bench.call("http.request", url=web.url()))["text"] == ""
    output = await bench.call("http.request", url=web.url(), save_to="pictures/a.png")
    assert (output["saved_to"], output["bytes"], output["text"]) == ("pictures/a.png", 256, "")
    assert (bench.step.workspace() / "pictures/a.png").read_bytes() == body
    error = await bench.refused("http.request", url=web.url(), save_to="../a.png")
    assert error.kind is ErrorKind.DENIED


async def test_the_body_is_read_in_its_own_charset(bench: Bench, web: Web) -> None:
    web.answer("/", "grün".encode("latin-1"), content_type="text/plain; charset=ISO-8859-1")
    assert (await bench.call("http.request", url=web.url()))["text"] == "grün"
    web.answer("/", b"caf\xff", content_type="text/plain; charset=nonsense")
    assert (await bench.call("http.request", url=web.url()))["text"] == "caf\ufffd"


async def test_a_url_that_is_not_ascii_is_encoded(bench: Bench, web: Web) -> None:
    web.answer("/gr%C3%BCn", "ok")
    assert (await bench.call("http.request", url=web.url("/grün")))["text"] == "ok"


async def test_connections_are_kept_for_the_next_request(bench: Bench, web: Web) -> None:
    web.answer("/", "ok")
    for _ in range(3):
        await bench.call("http.request", url=web.url())
    assert len(web.requests) == 3
    assert not web.left.is_set()


async def test_the_guarded_transport_serves_other_clients(bench: Bench, web: Web) -> None:
    web.answer("/", json.dumps({"ok": True}), content_type="application/json")
    async with httpx.AsyncClient(transport=bench.catalog.outbound.transport([web.host])) as client:
        assert (await client.get(web.url())).json() == {"ok": True}
        with pytest.raises(httpx.ConnectError, match="not granted"):
            await client.get("http://127.0.0.1:1/")


async def test_a_proxy_in_the_environment_is_not_used(bench: Bench, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "HTTP_PROXY", "http://127.0.0.1:1")
    web.answer("/", "ok")
    assert (await bench.call("http.request", url=web.url()))["text"] == "ok"


async def _never() -> bytes:
    await asyncio.Event().wait()
    return response()
