"""Follows a run, or a project's runs, over server-sent events.

A connection that breaks, or that a stopping server ends, is made again; what was missed meanwhile is told as the
changes that it is, so that nobody who follows notices.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json

from errands.cli.client.connection import Connection
from errands.cli.client.http import httpx
from errands.cli.client.reading import read
from errands.services.errors import Unavailable
from errands.services.views import (
    LineLogged,
    LogLine,
    RunChanged,
    RunEnded,
    RunEvent,
    RunLine,
    RunSnapshot,
    RunView,
    StepChanged,
    StepView,
    TokenShown,
)

PATIENCE_SECONDS = 60.0
"""How long a server may be away before a follower gives up."""
_RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Sent:
    """One server-sent event; without data it only tells where to go on after a break."""

    kind: str
    id: str
    data: str


@dataclass(slots=True)
class _Followed:
    """What was told so far."""

    view: RunView | None = None
    steps: dict[str, StepView] = field(default_factory=dict)
    last_id: str = ""
    ended: bool = False

    def take(self, sent: Sent) -> Iterator[RunEvent]:
        """The events to pass on."""
        self.last_id = sent.id or self.last_id
        if not sent.data:
            return
        event = _event(sent.kind, from_json(sent.data))
        match event:
            case None:
                return
            case RunSnapshot(view) if self.view is not None:
                yield from self._changes(view)
                return
            case RunSnapshot(view):
                self.view = view
                self.steps = {step.path: step for step in view.steps}
            case StepChanged(step):
                self.steps[step.path] = step
            case RunEnded():
                self.ended = True
            case _:
                pass
        yield event

    def _changes(self, view: RunView) -> Iterator[RunEvent]:
        """What a second snapshot tells that was not told yet."""
        self.view = view
        for step in view.steps:
            if self.steps.get(step.path) != step:
                self.steps[step.path] = step
                yield StepChanged(step)
        if not view.status.final:
            yield RunChanged(view.status, view.waiting)


async def followed(
    connection: Connection, run: str, away: Callable[[], None] = lambda: None
) -> AsyncIterator[RunEvent]:
    """The run as it is, then every change, until it ends. Raises what the service raises, and Unreachable.

    `away` is called once each time that the server is sought again and does not answer.
    """
    told = _Followed()
    heard, sought, said = time.monotonic(), False, False
    while not told.ended:
        try:
            async with aclosing(_sent(connection, told.last_id, "runs", run)) as stream:
                async for sent in stream:
                    heard, sought, said = time.monotonic(), False, False
                    for event in told.take(sent):
                        yield event
        except Unavailable:
            if told.view is None or time.monotonic() - heard > PATIENCE_SECONDS:
                raise
            if sought and not said:
                away()
                said = True
        sought = True
        if not told.ended:
            await asyncio.sleep(_RETRY_SECONDS)


async def followed_project(connection: Connection, project: str) -> AsyncIterator[RunLine | None]:
    """Each run of the project when it comes to be or changes its state, without end.

    None where whoever follows should read the list: at the beginning, and after more has happened than was told.
    Raises what the service raises, and Unreachable.
    """
    last_id, heard, begun = "", time.monotonic(), False
    while True:
        try:
            async with aclosing(_sent(connection, last_id, "projects", project)) as stream:
                async for sent in stream:
                    last_id, heard = sent.id or last_id, time.monotonic()
                    if sent.kind == "lost" or not begun:
                        begun = True  # Whatever happens from now on is told: the list that is read now is whole.
                        yield None
                    if sent.kind == "run":
                        yield read(RunLine, from_json(sent.data))
        except Unavailable:
            if not begun or time.monotonic() - heard > PATIENCE_SECONDS:
                raise
        await asyncio.sleep(_RETRY_SECONDS)


async def _sent(connection: Connection, last_id: str, *noun: str) -> AsyncGenerator[Sent]:
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
    async with connection.stream(*noun, "events", headers=headers) as answer, aclosing(_events(answer)) as events:
        async for sent in events:
            yield sent


async def _events(answer: httpx.Response) -> AsyncGenerator[Sent]:
    """The events of a stream (HTML standard, 9.2.6). Lines end with a line feed and nothing else: what httpx takes for
    one may stand within JSON.
    """
    fields: dict[str, list[str]] = {}
    async with aclosing(lines_of(answer)) as lines:
        async for line in lines:
            if line:
                name, _, value = line.partition(":")
                fields.setdefault(name, []).append(value.removeprefix(" "))
                continue
            if "data" in fields or "id" in fields:
                kind, number = (fields.get(name, [""])[-1] for name in ("event", "id"))
                yield Sent(kind, number, "\n".join(fields.get("data", [])))
            fields = {}


async def lines_of(answer: httpx.Response) -> AsyncGenerator[str]:
    """The lines of an answer, as they come."""
    rest = b""
    async for part in answer.aiter_bytes():
        *whole, rest = (rest + part).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r").decode()
    if rest:
        yield rest.decode()


def _event(kind: str, data: Mapping[str, Any]) -> RunEvent | None:
    """The event as services tell it; None for a kind that a newer server has."""
    match kind:
        case "snapshot":
            return RunSnapshot(read(RunView, data))
        case "ended":
            return RunEnded(read(RunView, data))
        case "run":
            return read(RunChanged, data)
        case "step":
            return StepChanged(read(StepView, data))
        case "log":
            return LineLogged(read(LogLine, data))
        case "token":
            return read(TokenShown, data)
        case _:
            return None
