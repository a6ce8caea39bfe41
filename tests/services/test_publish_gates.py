"""Gates before a publication: what is held back, what passes, who sets and who overrules them."""

import json
from typing import Any

import pytest

from errands.core.access import Person, ProjectRole
from errands.services import Services
from errands.services.errors import ChangedMeanwhile, Denied, GateClosed
from errands.services.principals import operator
from errands.services.publish_gates import PublishGate
from errands.services.views import RunEnded, SourceFile
from errands.store.database import Database

ANA = operator("ana")
EDITOR = Person("p-1", "ed", projects={"default": ProjectRole.EDITOR})
OWNER = Person("p-2", "olga", projects={"default": ProjectRole.OWNER})
_TASK = """
task: words
description: Counts words.
params: {text: {type: string}}
grants: {tools: [log]}
steps:
  - {id: count, python: "len(text.split())"}
output: "{{ count }}"
"""
_SAME = _TASK.replace("text.split()", "[one for one in text.split()]")
_OTHER = _TASK.replace("text.split()", "text.split('-')")
_LETTERS = _TASK.replace("len(text.split())", "len(text)")


def _file(source: str) -> SourceFile:
    return SourceFile("words.yaml", source)


@pytest.fixture
async def ran(working: Services) -> list[str]:
    """Three runs of the published version; the newest first. Only the first text holds a dash."""
    await working.tasks.apply(ANA, "default", [_file(_TASK)])
    ids = []
    for text in ("a b-c", "one two", "x"):
        started = await working.runs.start(ANA, "default", "words", {"text": text})
        ended = [event async for event in working.runs.follow(ANA, started.id)][-1]
        assert isinstance(ended, RunEnded)
        ids.append(started.id)
    return ids[::-1]


async def _published(services: Services) -> int | None:
    return (await services.tasks.get(ANA, "default", "words")).published


async def _draft(services: Services, source: str) -> int:
    (applied,) = await services.tasks.apply(EDITOR, "default", [_file(source)], publish=False)
    assert applied.version is not None
    return applied.version


async def _audited(database: Database) -> list[Any]:
    rows = await database.pool.fetch(
        "select detail::text as told from audit_entries where verb = 'task.publish' and outcome = 'done' order by seq"
    )
    return [json.loads(row["told"]) for row in rows]


async def test_a_version_that_changes_past_outcomes_is_held_back_and_the_refusal_names_the_runs(
    services: Services, ran: list[str]
) -> None:
    await services.publish_gates.set(OWNER, "default", gate=PublishGate())
    number = await _draft(services, _LETTERS)
    with pytest.raises(GateClosed) as closed:
        await services.tasks.publish(EDITOR, "default", "words", number)
    assert [run for run, _ in closed.value.runs] == ran[1:], "the text `x` has one word and one letter"
    assert "Version 2 of words is held back: 2 of its last 3 runs would not come out the same" in closed.value.message
    assert "(output: expected 2, came 7)" in closed.value.message
    assert closed.value.hint is not None
    assert "errands backtest words --version 2 --runs 20" in closed.value.hint
    assert await _published(services) == 1


async def test_a_version_that_changes_nothing_passes(services: Services, ran: list[str], database: Database) -> None:
    await services.publish_gates.set(OWNER, "default", gate=PublishGate(runs=2))
    await services.tasks.publish(EDITOR, "default", "words", await _draft(services, _SAME))
    assert await _published(services) == 2
    assert (await _audited(database))[-1]["gate"] == {"runs": 2, "differing": 0}


async def test_applying_and_publishing_at_once_is_held_back_as_a_whole(services: Services, ran: list[str]) -> None:
    await services.publish_gates.set(OWNER, "default", "words", gate=PublishGate())
    other = SourceFile("new.yaml", _TASK.replace("task: words", "task: new"))
    with pytest.raises(GateClosed):
        await services.tasks.apply(EDITOR, "default", [_file(_OTHER), other])
    assert len((await services.tasks.versions(ANA, "default", "words")).items) == 1
    assert [task.name for task in (await services.tasks.list(ANA, "default")).items] == ["words"]
    await services.tasks.apply(EDITOR, "default", [_file(_OTHER), other], overrule="Dashes join words.")
    assert await _published(services) == 2


async def test_as_many_may_differ_as_the_gate_lets(services: Services, ran: list[str]) -> None:
    number = await _draft(services, _LETTERS)
    await services.publish_gates.set(OWNER, "default", gate=PublishGate(may_differ=1))
    with pytest.raises(GateClosed, match="and the gate lets 1"):
        await services.tasks.publish(EDITOR, "default", "words", number)
    await services.publish_gates.set(OWNER, "default", gate=PublishGate(may_differ=2))
    await services.tasks.publish(EDITOR, "default", "words", number)


async def test_what_is_unknown_differs_unless_the_gate_lets_it_pass(services: Services, ran: list[str]) -> None:
    asking = _TASK.replace(
        "steps:\n", "steps:\n  - {id: page, tool: http.request, with: {url: 'https://a.example/'}}\n"
    )
    asking = asking.replace("tools: [log]", "tools: [http.request], hosts: [a.example]")
    number = await _draft(services, asking.replace("len(text.split())", "len(page['text'])"))
    await services.publish_gates.set(OWNER, "default", gate=PublishGate())
    with pytest.raises(GateClosed, match=r"\(page: changed, unanswered\)"):
        await services.tasks.publish(EDITOR, "default", "words", number)
    await services.publish_gates.set(OWNER, "default", gate=PublishGate(unknown="passes"))
    await services.tasks.publish(EDITOR, "default", "words", number)


async def test_whoever_publishes_may_overrule_it_with_a_note_that_is_kept(
    services: Services, ran: list[str], database: Database
) -> None:
    await services.publish_gates.set(OWNER, "default", gate=PublishGate())
    number = await _draft(services, _LETTERS)
    for empty in ("", "  "):
        with pytest.raises(GateClosed):
            await services.tasks.publish(EDITOR, "default", "words", number, overrule=empty)
    await services.tasks.publish(EDITOR, "default", "words", number, overrule="Letters are wanted now.")
    told = (await _audited(database))[-1]
    assert told["overruled"] == "Letters are wanted now."
    assert told["gate"] == {"runs": 3, "differing": ran[1:]}
    operator_ = Person("p-5", "otto", projects={"default": ProjectRole.OPERATOR})
    with pytest.raises(Denied):
        await services.tasks.publish(operator_, "default", "words", 1, overrule="I may not.")


async def test_a_roll_back_passes_the_gate_too_or_is_overruled(services: Services, ran: list[str]) -> None:
    await services.tasks.apply(ANA, "default", [_file(_LETTERS)])
    await services.publish_gates.set(OWNER, "default", gate=PublishGate())
    await services.tasks.publish(EDITOR, "default", "words", 1)
    await services.tasks.publish(EDITOR, "default", "words", 1)
    with pytest.raises(GateClosed):
        await services.tasks.publish(EDITOR, "default", "words", 2)


async def test_a_task_s_own_gate_counts_in_place_of_its_project_s(services: Services, ran: list[str]) -> None:
    await services.publish_gates.set(OWNER, "default", gate=PublishGate())
    view = await services.publish_gates.set(OWNER, "default", "words", gate=PublishGate(runs=0))
    assert (view.whose, view.runs) == ("task", 0)
    await services.tasks.apply(EDITOR, "default", [_file(_LETTERS)])
    view = await services.publish_gates.set(OWNER, "default", "words", gate=None)
    assert (view.whose, view.runs) == ("project", 20)
    assert (await services.publish_gates.set(OWNER, "default", gate=None)).whose is None


async def test_a_task_without_runs_and_a_dry_run_ask_nothing(services: Services) -> None:
    await services.projects.ensure(ANA, "default")
    await services.publish_gates.set(OWNER, "default", gate=PublishGate())
    await services.tasks.apply(EDITOR, "default", [_file(_TASK)])
    assert await _published(services) == 1
    await services.tasks.apply(EDITOR, "default", [_file(_LETTERS)], dry_run=True)
    await services.tasks.apply(EDITOR, "default", [_file(_LETTERS)])
    assert await _published(services) == 2


async def test_only_owners_set_gates_and_that_is_audited(services: Services, database: Database) -> None:
    await services.tasks.apply(ANA, "default", [_file(_TASK)])
    for task in (None, "words"):
        with pytest.raises(Denied):
            await services.publish_gates.set(EDITOR, "default", task, gate=None)
        await services.publish_gates.set(OWNER, "default", task, gate=PublishGate(runs=7))
    assert (await services.publish_gates.get(EDITOR, "default", "words")).runs == 7
    told = await database.pool.fetch(
        "select detail::text as told from audit_entries where verb = 'project.edit' and outcome = 'done'"
    )
    assert [json.loads(row["told"])["gate"]["runs"] for row in told] == [7, 7]


async def test_a_gate_that_somebody_else_set_meanwhile_is_not_overwritten(services: Services) -> None:
    began = (await services.publish_gates.get(OWNER, "default")).digest
    await services.publish_gates.set(OWNER, "default", gate=PublishGate(runs=5), edited=[began])
    with pytest.raises(ChangedMeanwhile):
        await services.publish_gates.set(OWNER, "default", gate=None, edited=[began])
    now = await services.publish_gates.get(OWNER, "default")
    assert (now.runs, now.digest == began) == (5, False)
    assert (await services.publish_gates.set(OWNER, "default", gate=None, edited=[now.digest])).digest == began
