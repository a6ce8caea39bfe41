"""A run as server-sent events: a snapshot, then changes. Every connection begins with a snapshot, so that nothing of
the run's state is missed between two; log lines go on after the one that Last-Event-ID names.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, TypeVar, assert_never

import structlog
from fastapi import Header
from fastapi.sse import EventSourceResponse, format_sse_event

from errands.api.chatting import ChatHere
from errands.api.problems import Translate, is_defect
from errands.api.shapes import json_bytes
from errands.core.access import Principal
from errands.services import Services
from errands.services.activity_views import ActivityBegun, ActivityEvent, RunMovedOn, ThingChanged
from errands.services.feeds import Told
from errands.services.leaving_out import event_without
from errands.services.views import (
    LineLogged,
    LogLine,
    RunChanged,
    RunEnded,
    RunEvent,
    RunSnapshot,
    StepChanged,
    TokenShown,
)

log = structlog.get_logger()

LastEventId = Annotated[
    str | None,
    Header(alias="Last-Event-ID", max_length=40, description="Id of the last event that was received."),
]
_QUIET_SECONDS = 15.0
"""Silence after which a comment tells proxies and clients that the connection lives."""
_LONGEST_SECONDS = 900.0
"""Then a stream ends, and the client comes back: whoever has lost the right to see the run is refused then."""
_RETRY_MS = 1000
Some = TypeVar("Some", Sequence[Told], ActivityEvent)
_LINES = 1000
_LINES_LATE_SECONDS = 1.0
_LARGEST_NUMBER = 2**63 - 1

events_response: dict[int | str, dict[str, Any]] = {
    200: {
        "description": (
            "Events `snapshot` and `ended` (the run), `run` (its state and what it waits for), `step`, `log`, `token`. "
            "Their data is JSON. `id` is that of the last log line; a line that was told live has the id 0, and may "
            "come again after a break, with its id."
        ),
        "content": {"text/event-stream": {}},
    }
}


activity_response: dict[int | str, dict[str, Any]] = {
    200: {
        "description": (
            "Events `run` (a run as lists show it), `changed` (noun, name and verb of a thing to read again) and "
            "`lost` (read everything again). Their data is JSON. `id` is the number of the last change of a run: a "
            "client that comes back with it as Last-Event-ID is told what runs did meanwhile. The first `id` comes at "
            "once, without data: whatever happens from then on is told."
        ),
        "content": {"text/event-stream": {}},
    }
}


class Followers:
    """The open streams of this process; `close` ends them all, those of the chat too, so that the server can stop."""

    def __init__(self, translate: Translate, chat: ChatHere) -> None:
        self._translate = translate
        self._chat = chat
        self._closing = asyncio.Event()
        self._open = 0

    @property
    def count(self) -> int:
        """How many follow now."""
        return self._open

    def close(self) -> None:
        """End every stream. Clients come back by themselves, elsewhere or later, and miss nothing."""
        self._closing.set()
        self._chat.close()

    async def follow(
        self, services: Services, caller: Principal, run: str, last_event_id: str | None, largest: int | None
    ) -> EventSourceResponse:
        """The answer, once it is sure that there is something to follow: refusals are still plain documents."""
        last_line = _line_of(last_event_id)
        told = services.runs.follow_together(caller, run, after=last_line)
        first = await anext(told)
        stream = self._told(_with_lines(services, caller, first, told, last_line), last_line, largest)
        return EventSourceResponse(stream, headers={"X-Accel-Buffering": "no"})

    async def follow_project(
        self, services: Services, caller: Principal, project: str, last_event_id: str | None
    ) -> EventSourceResponse:
        """The answer, once it is sure that the caller may follow."""
        await services.activity.check(caller, project)
        last = _number_of(last_event_id)
        events = services.activity.follow(caller, project, after=last)
        return EventSourceResponse(self._moved(events, last or 0), headers={"X-Accel-Buffering": "no"})

    async def _moved(self, events: AsyncGenerator[ActivityEvent], last: int) -> AsyncIterator[bytes]:
        async with aclosing(self._written(events)) as source:
            async for event in source:
                if isinstance(event, bytes):
                    yield event
                    continue
                if isinstance(event, ActivityBegun):
                    # No event for a listener, but where it goes on after a break, however soon that comes.
                    yield format_sse_event(id=str(event.number))
                    continue
                if not isinstance(event, ThingChanged):
                    last = max(last, event.number or 0)
                shown = event.run if isinstance(event, RunMovedOn) else event
                yield format_sse_event(event=event.kind, id=str(last), data_str=json_bytes(shown).decode())

    async def _told(
        self, batches: AsyncGenerator[Sequence[Told]], last_line: int, largest: int | None
    ) -> AsyncIterator[bytes]:
        """What was told since, in one piece: many events cost little more than one."""
        write = partial(_written_out, largest=largest)
        async with aclosing(self._written(batches)) as source:
            async for batch in source:
                if isinstance(batch, bytes):
                    yield batch
                    continue
                parts = []
                for told in batch:
                    if isinstance(told.event, LineLogged):
                        last_line = max(last_line, told.event.line.id)
                    parts.append(b"%sid: %d\n\n" % (told.written(largest, write), last_line))
                yield b"".join(parts)

    async def _written(self, events: AsyncGenerator[Some]) -> AsyncGenerator[Some | bytes]:
        """Events, and between them what the wire needs. A database that goes away ends it; the client comes back."""
        self._open += 1
        try:
            yield format_sse_event(retry=_RETRY_MS)
            async with aclosing(self._until_closing(events)) as source:
                async for event in source:
                    yield format_sse_event(comment="still here") if event is None else event
        except Exception as error:
            if is_defect(error, self._translate):
                raise
            log.warning("api.stream_ended", error=type(error).__name__)
        finally:
            self._open -= 1

    async def _closes(self) -> None:
        """Ends when the server stops, or a stream has lasted its longest."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_SECONDS):
                await self._closing.wait()

    async def _until_closing(self, events: AsyncGenerator[Some]) -> AsyncGenerator[Some | None]:
        """The events, and None where there was none for a while; ends early when the server stops."""
        closing = asyncio.create_task(self._closes())
        coming = asyncio.ensure_future(anext(events, _END))
        try:
            while True:
                await asyncio.wait({coming, closing}, timeout=_QUIET_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if closing.done():
                    return
                if not coming.done():
                    yield None
                    continue
                event = coming.result()
                if isinstance(event, _End):
                    return
                yield event
                coming = asyncio.ensure_future(anext(events, _END))
        finally:
            for task in (closing, coming):
                task.cancel()
            await asyncio.gather(closing, coming, return_exceptions=True)
            await events.aclose()


class _End:
    """No event comes any more."""


_END = _End()


async def _with_lines(
    services: Services, caller: Principal, first: Sequence[Told], told: AsyncGenerator[Sequence[Told]], last_line: int
) -> AsyncGenerator[Sequence[Told]]:
    """The events with every line of the log after `last_line`, also of a run that had ended before."""
    async with aclosing(told):
        yield first
        run = first[0].event.run if isinstance(first[0].event, RunSnapshot) else None
        if run is not None and run.finished_at is not None:
            # A worker writes its lines a moment after they were logged, and so perhaps after the run's end.
            ago = (datetime.now(UTC) - run.finished_at).total_seconds()
            await asyncio.sleep(max(_LINES_LATE_SECONDS - ago, 0))
            async for line in _lines(services, caller, run.id, last_line):
                yield [Told(LineLogged(line))]
        async for some in told:
            yield some


async def _lines(services: Services, caller: Principal, run: str, after: int) -> AsyncIterator[LogLine]:
    while lines := await services.runs.logs(caller, run, after=after, limit=_LINES):
        for line in lines:
            yield line
        after = lines[-1].id


def _written_out(event: RunEvent, largest: int | None) -> bytes:
    """An event as it goes over the wire, but for its id."""
    return b"event: %s\ndata: %s\n" % (event.kind.encode(), json_bytes(_shown(event_without(event, largest))))


def _shown(event: RunEvent) -> object:
    """What an event tells, without the name of its kind, which stands beside it."""
    match event:
        case RunSnapshot() | RunEnded():
            return event.run
        case LineLogged():
            return event.line
        case StepChanged():
            return event.step
        case RunChanged():
            return {"status": event.status, "waiting": event.waiting}
        case TokenShown():
            return {"path": event.path, "text": event.text}
        case _:
            assert_never(event)


def _line_of(last_event_id: str | None) -> int:
    """The log line that an id names; none of ours begins anew, as the standard has it for ids that are not known."""
    return _number_of(last_event_id) or 0


def _number_of(last_event_id: str | None) -> int | None:
    known = last_event_id is not None and last_event_id.isascii() and last_event_id.isdigit()
    return min(int(last_event_id or 0), _LARGEST_NUMBER) if known else None
