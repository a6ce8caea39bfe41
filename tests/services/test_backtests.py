"""Backtests: the record answers what is asked as before, and what it cannot answer makes the rest unknown."""

from collections.abc import AsyncIterator

import pytest

from errands.services import Services
from errands.services.backtest_views import BacktestedRun
from errands.services.errors import Invalid, NotFound
from errands.services.principals import operator
from errands.services.views import RunEnded, SourceFile
from tests.tools.loopback import serving

ANA = operator("ana")
_TASK = """
task: pages
description: Sends a page, reads it back and counts its words.
params:
  name: {type: string, default: world}
  at: {type: string, default: "127.0.0.1:1"}
grants: {tools: [http.request], hosts: [127.0.0.1]}
steps:
  - {id: page, tool: http.request, with: {method: POST, url: "http://{{ at }}/pages", text: "hello {{ name }}"}}
  - {id: read, tool: http.request, with: {url: "http://{{ at }}/page"}}
  - {id: words, python: "len(read['text'].split())"}
output: {words: "{{ words }}", name: "{{ name }}"}
"""


@pytest.fixture
async def ran(working: Services) -> AsyncIterator[list[str]]:
    """Two runs of the task that succeeded, the newer first; what they asked is gone since."""
    await working.tasks.apply(ANA, "default", [_file(_TASK)])
    ids = []
    async with serving() as web:
        web.answer("/pages", "taken")
        web.answer("/page", "hello you")
        for name in ("ana", "berta"):
            started = await working.runs.start(ANA, "default", "pages", {"name": name, "at": web.host})
            ids.append(started.id)
            ended = [event async for event in working.runs.follow(ANA, started.id)][-1]
            assert isinstance(ended, RunEnded)
            assert ended.run.status == "succeeded", ended.run.error
    yield ids[::-1]


def _file(source: str) -> SourceFile:
    return SourceFile("pages.yaml", source)


async def _tried(services: Services, source: str) -> list[BacktestedRun]:
    found = await services.backtests.backtest(ANA, "default", _file(source))
    return list(found.runs)


async def test_a_definition_that_says_the_same_comes_out_the_same_and_asks_nothing(
    services: Services, ran: list[str]
) -> None:
    found = await services.backtests.backtest(ANA, "default", "pages")
    assert [run.run for run in found.runs] == ran
    assert {run.verdict for run in found.runs} == {"same"}
    assert {run.same for run in found.runs} == {("page", "read")}
    assert (found.clean, found.version) == (True, 1)


async def test_a_changed_computation_shows_what_differs_in_the_output(services: Services, ran: list[str]) -> None:
    newer, older = await _tried(services, _TASK.replace("len(read['text'].split())", "len(read['text'])"))
    assert (newer.verdict, newer.unanswered) == ("changed", ())
    assert newer.differences == ("output.words: expected 2, came 9",)
    assert older.differences == ("output.words: expected 2, came 9",)


async def test_a_changed_argument_is_unanswered_and_what_follows_is_unknown(services: Services, ran: list[str]) -> None:
    for run in await _tried(services, _TASK.replace('/page"', '/other"')):
        assert (run.verdict, run.status, run.output) == ("unknown", None, None)
        assert (run.same, run.unanswered, run.dropped) == (("page",), ("read",), ("read",))


async def test_what_nothing_follows_from_may_be_unanswered_without_doubt_about_the_rest(
    services: Services, ran: list[str]
) -> None:
    for run in await _tried(services, _TASK.replace("hello {{ name }}", "good day {{ name }}")):
        assert (run.verdict, run.unanswered) == ("same", ("page",))


async def test_calls_in_another_order_are_still_answered(services: Services, ran: list[str]) -> None:
    lines = _TASK.splitlines()
    page, read = (next(line for line in lines if f"id: {name}" in line) for name in ("page", "read"))
    turned = _TASK.replace(page, "@").replace(read, page).replace("@", read)
    assert {(run.verdict, run.unanswered) for run in await _tried(services, turned)} == {("same", ())}


async def test_a_step_that_is_gone_is_told_as_not_called_any_more(services: Services, ran: list[str]) -> None:
    source = "\n".join(line for line in _TASK.splitlines() if "id: page" not in line)
    assert {(run.verdict, run.dropped) for run in await _tried(services, source)} == {("same", ("page",))}


async def test_a_run_whose_arguments_do_not_fit_any_more_is_told_so(services: Services, ran: list[str]) -> None:
    stricter = _TASK.replace("{type: string, default: world}", "{type: string, maxLength: 3, default: you}")
    newer, older = await _tried(services, stricter)
    assert (newer.verdict, older.verdict) == ("refused", "same")
    assert newer.error is not None


async def test_a_task_without_runs_and_a_count_of_none_are_told_apart(services: Services) -> None:
    with pytest.raises(NotFound):
        await services.backtests.backtest(ANA, "default", "pages")
    await services.tasks.apply(ANA, "default", [_file(_TASK)])
    assert (await services.backtests.backtest(ANA, "default", "pages")).runs == ()
    with pytest.raises(Invalid):
        await services.backtests.backtest(ANA, "default", "pages", count=0)
