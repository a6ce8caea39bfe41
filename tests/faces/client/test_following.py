"""Following over server-sent events: nobody notices that a connection was made again."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import httpx
import pytest

from errands.api.shapes import json_bytes
from errands.cli.client import following
from errands.cli.client.connection import Connection
from errands.cli.client.following import followed
from errands.cli.client.refusals import Missing, Unreachable
from errands.cli.versions import Versions
from errands.core.outcomes import RunStatus
from errands.services.views import (
    LineLogged,
    LogLine,
    RunChanged,
    RunEnded,
    RunEvent,
    RunSnapshot,
    RunView,
    StepChanged,
    TokenShown,
)
from tests.faces.made_up import NOW, RUN_ID, run, step

Answer = Callable[[httpx.Request], httpx.Response]


def event(kind: str, data: object, number: str = "0") -> bytes:
    return b"event: %s\nid: %s\ndata: %s\n\n" % (kind.encode(), number.encode(), json_bytes(data))


def stream(*events: bytes, broken: bool = False) -> Answer:
    """An answer whose events come in small pieces; `broken`: it is cut off at its end."""

    async def parts() -> AsyncIterator[bytes]:
        for one in events:
            yield one[:7]
            yield one[7:]
        if broken:
            raise httpx.ReadError("cut off")

    return lambda _: httpx.Response(200, content=parts())


def refused(status: int, kind: str) -> Answer:
    return lambda _: httpx.Response(status, json={"type": f"urn:errands:problem:{kind}", "detail": kind})


def away(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused")


async def followed_over(
    answers: Sequence[Answer], gone: Callable[[], None] = lambda: None
) -> tuple[list[RunEvent], list[str | None]]:
    """The events of a run whose connections are answered like this, and the last id that each of them named."""
    left, asked = list(answers), []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("last-event-id"))
        return left.pop(0)(request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://x") as http:
        connection = Connection(http, "http://x", Versions("0.1.0", lambda _: None))
        return [event async for event in followed(connection, RUN_ID, gone)], asked


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_RETRY_SECONDS", 0)


def running(*steps: Any) -> RunView:
    return run(RunStatus.RUNNING, list(steps))


async def test_all_kinds_of_events_arrive_as_services_tell_them() -> None:
    line = LogLine(3, NOW, "orders", "info", "a\u2028b\x85c")
    changed = RunChanged(RunStatus.WAITING, ())
    told, _ = await followed_over(
        [
            stream(
                b"retry: 1000\n\n",
                event("snapshot", running()),
                b": still here\n\n",
                event("step", step("orders")),
                event("log", line, "3"),
                event("token", {"path": "orders", "text": "Dear"}),
                event("run", {"status": "waiting", "waiting": []}),
                event("something-new", {"a": 1}),
                event("ended", run()),
            )
        ]
    )
    assert told == [
        RunSnapshot(running()),
        StepChanged(step("orders")),
        LineLogged(line),
        TokenShown("orders", "Dear"),
        changed,
        RunEnded(run()),
    ]


async def test_a_connection_that_breaks_is_made_again_and_only_what_is_new_is_told() -> None:
    told, asked = await followed_over(
        [
            stream(event("snapshot", running(step("orders"))), event("log", _line(4), "4"), broken=True),
            away,
            refused(503, "unavailable"),
            stream(event("snapshot", running(step("orders"), step("totals")), "4")),
            stream(event("snapshot", run()), event("ended", run(), "4")),
        ]
    )
    assert asked == [None, "4", "4", "4", "4"]
    assert told == [
        RunSnapshot(running(step("orders"))),
        LineLogged(_line(4)),
        StepChanged(step("totals")),
        RunChanged(RunStatus.RUNNING, ()),
        RunEnded(run()),
    ]


async def test_a_server_that_does_not_answer_is_told_of_once_each_time_that_it_goes_away() -> None:
    said: list[str] = []
    known = event("snapshot", running())
    restarted = [stream(known, broken=True), away, away, stream(known), stream(known, broken=True), away]
    await followed_over([*restarted, stream(event("ended", run()))], lambda: said.append("away"))
    assert said == ["away", "away"]


async def test_what_was_never_reached_or_is_gone_is_said_at_once() -> None:
    with pytest.raises(Unreachable, match="cannot be reached: connection refused"):
        await followed_over([away])
    with pytest.raises(Missing):
        await followed_over([stream(event("snapshot", running())), refused(404, "not-found")])


async def test_a_server_that_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PATIENCE_SECONDS", 0)
    with pytest.raises(Unreachable):
        await followed_over([stream(event("snapshot", running())), away])


def _line(number: int) -> LogLine:
    return LogLine(number, NOW, "orders", "info", "said")
