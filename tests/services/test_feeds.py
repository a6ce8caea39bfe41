"""Following a run together: told once for all, whole for whoever comes late, anew for whoever is too slow."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import pytest

from errands.core.outcomes import RunStatus
from errands.services import Services, feeds
from errands.services.feeds import Told
from errands.services.principals import operator
from errands.services.views import LineLogged, RunEnded, RunEvent, RunSnapshot, SourceFile, StepChanged

ANA = operator("ana")
_TALKS = """
task: talks
description: Logs, waits for an event, does rounds.
grants: {tools: [log]}
steps:
  - {id: one, tool: log, with: {message: first}}
  - {id: heard, wait_for: {event: go-on, timeout: 1d}}
  - {id: rounds, for_each: "range(4)", do: [{id: each, python: "1 + 1"}]}
  - {id: two, tool: log, with: {message: second}}
"""


async def _waiting(services: Services) -> str:
    """A run that has logged a line, with its number, and waits."""
    await services.tasks.apply(ANA, "default", [SourceFile("talks.yaml", _TALKS)])
    run = (await services.runs.start(ANA, "default", "talks", {})).id
    async for event in services.runs.follow(ANA, run):
        state = event.run if isinstance(event, RunSnapshot) else event
        if getattr(state, "status", None) is RunStatus.WAITING:
            break
    while not await services.runs.logs(ANA, run):
        continue
    return run


async def _told(services: Services, run: str, following: asyncio.Semaphore) -> list[Told]:
    told: list[Told] = []
    async for some in services.runs.follow_together(ANA, run):
        told += some
        if isinstance(some[0].event, RunSnapshot):
            following.release()
    return told


def _said(events: Sequence[RunEvent]) -> list[str]:
    return [event.line.message for event in events if isinstance(event, LineLogged)]


async def test_followers_are_told_the_very_same_events_each_written_once(working: Services) -> None:
    run, following = await _waiting(working), asyncio.Semaphore(0)
    tasks = [asyncio.create_task(_told(working, run, following)) for _ in range(5)]
    for _ in tasks:
        await following.acquire()
    await working.events.send(ANA, "default", "go-on")
    one, *others = [[event for event in told if _shared(event)] for told in await asyncio.gather(*tasks)]
    written: list[RunEvent] = []

    def write(event: RunEvent) -> bytes:
        written.append(event)
        return b"event"

    assert [type(one[-1].event), len(one) > 4] == [RunEnded, True]
    for other in others:
        assert all(mine is theirs for mine, theirs in zip(one, other, strict=True))
    for told in (one, *others):
        assert {event.written(None, write) for event in told} == {b"event"}
    assert len(written) == len(one)


def _shared(told: Told) -> bool:
    """Whether it is told to all: the snapshot and the log so far belong to those who came together."""
    return not isinstance(told.event, RunSnapshot | LineLogged)


async def test_whoever_comes_late_is_told_the_whole_log_once(working: Services) -> None:
    run, following = await _waiting(working), asyncio.Semaphore(0)
    early = asyncio.create_task(_told(working, run, following))
    await following.acquire()
    late = asyncio.create_task(_told(working, run, following))
    await following.acquire()
    await working.events.send(ANA, "default", "go-on")
    for told in await asyncio.gather(early, late):
        assert _said([one.event for one in told]) == ["first", "second"]


async def test_a_follower_that_is_too_slow_is_told_how_things_stand_and_the_end(
    working: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await _waiting(working)
    monkeypatch.setattr(feeds, "_LONGEST_INBOX", 3)
    events: list[RunEvent] = []
    async for some in working.runs.follow_together(ANA, run):
        if isinstance(some[0].event, RunSnapshot):
            await working.events.send(ANA, "default", "go-on")
            async for _ in working.runs.follow(ANA, run):
                pass
        events += [one.event for one in some]
    assert [type(event) for event in events].count(RunSnapshot) == 1
    assert isinstance(events[-1], RunEnded)
    assert {event.step.path for event in events if isinstance(event, StepChanged)} >= {"rounds[3].each", "two"}
    assert _said(events) == ["first", "second"]


async def test_a_feed_ends_when_the_last_follower_has_left(working: Services) -> None:
    run = await _waiting(working)
    async with aclosing(working.runs.follow(ANA, run)) as events:
        assert isinstance(await anext(events), RunSnapshot)
        assert "feed" in {task.get_name() for task in asyncio.all_tasks()}
    assert "feed" not in {task.get_name() for task in asyncio.all_tasks()}
