"""Files become versions, agents and models: all of them, or none; and nothing twice."""

import asyncio
from pathlib import Path

import pytest

from errands.bootstrap import Runtime, open_services
from errands.core.definition.parsing import parse_document
from errands.core.values import from_text, to_text
from errands.services import Services
from errands.services.applying import as_json, digest_of
from errands.services.cursors import whole
from errands.services.errors import FilesInvalid, Invalid, NotFound
from errands.services.principals import operator
from errands.services.views import Applied, SourceFile
from errands.settings import Settings

ANA = operator("ana")

_EXAMPLES = Path(__file__).parents[2] / "examples"
_HELLO = """
task: hello
title: Hello
description: Says hello.
tags: [greeting]
params:
  name: {type: string, default: world}
steps:
  - {id: words, python: "['hello', name]"}
output: "{{ ' '.join(words) }}"
"""
_AGENT = "agent: writer\ndescription: Writes.\nmodel: fast\n"
_MODEL = "model: fast\nprovider: openai-compatible\nname: tiny\nbase_url: http://llm.example/v1\n"
_ASKS_WRITER = """
task: letter
description: Writes a letter.
agent: writer
steps:
  - {id: text, prompt: "Write a letter."}
"""


async def _apply(services: Services, *sources: str, publish: bool = True, dry_run: bool = False) -> list[Applied]:
    files = [SourceFile(f"file{number}.yaml", source.strip() + "\n") for number, source in enumerate(sources)]
    return await services.tasks.apply(ANA, "default", files, publish=publish, dry_run=dry_run)


async def test_a_new_file_becomes_version_1_and_is_published(services: Services) -> None:
    (applied,) = await _apply(services, _HELLO)
    assert (applied.kind, applied.name, applied.change, applied.version) == ("task", "hello", "created", 1)
    task = await services.tasks.get(ANA, "default", "hello")
    assert (task.published, task.latest, task.title, task.tags) == (1, 1, "Hello", ("greeting",))
    (version,) = (await services.tasks.versions(ANA, "default", "hello")).items
    assert (version.author, version.published, version.digest) == ("user:ana", True, digest_of(_HELLO))


async def test_the_same_file_again_makes_no_version(services: Services) -> None:
    await _apply(services, _HELLO)
    (applied,) = await _apply(services, _HELLO.replace("\n", "  \r\n"))
    assert (applied.change, applied.version, applied.diff) == ("unchanged", 1, "")
    assert len((await services.tasks.versions(ANA, "default", "hello")).items) == 1


async def test_a_changed_file_becomes_the_next_version_and_shows_what_changed(services: Services) -> None:
    await _apply(services, _HELLO)
    (applied,) = await _apply(services, _HELLO.replace("'hello'", "'good day'"))
    assert (applied.change, applied.version) == ("changed", 2)
    assert "-  - {id: words, python: \"['hello', name]\"}" in applied.diff
    assert "+  - {id: words, python: \"['good day', name]\"}" in applied.diff
    assert (await services.tasks.get(ANA, "default", "hello")).published == 2


async def test_an_earlier_version_stays_as_it_was(services: Services) -> None:
    await _apply(services, _HELLO)
    await _apply(services, _HELLO.replace("'hello'", "'good day'"))
    assert "'hello'" in await services.tasks.source(ANA, "default", "hello", 1)
    assert "'good day'" in await services.tasks.source(ANA, "default", "hello")


async def test_without_publishing_new_runs_keep_the_published_version(services: Services) -> None:
    await _apply(services, _HELLO)
    (applied,) = await _apply(services, _HELLO.replace("Says", "Shouts"), publish=False)
    assert (applied.version, applied.published) == (2, False)
    task = await services.tasks.get(ANA, "default", "hello")
    assert (task.published, task.latest, task.description) == (1, 2, "Says hello.")
    task = await services.tasks.publish(ANA, "default", "hello", 2)
    assert (task.published, task.description) == (2, "Shouts hello.")
    task = await services.tasks.publish(ANA, "default", "hello", 1)
    assert (task.published, task.description) == (1, "Says hello.")


async def test_files_that_need_each_other_are_applied_together_in_any_order(services: Services) -> None:
    applied = await _apply(services, _ASKS_WRITER, _AGENT, _MODEL)
    assert [(one.kind, one.change) for one in applied] == [
        ("model", "created"),
        ("agent", "created"),
        ("task", "created"),
    ]
    assert [one.change for one in await _apply(services, _MODEL, _ASKS_WRITER, _AGENT)] == ["unchanged"] * 3


async def test_one_bad_file_keeps_all_others_out_and_every_problem_is_told(services: Services) -> None:
    with pytest.raises(FilesInvalid) as refused:
        await _apply(services, _HELLO, _ASKS_WRITER, "task: broken\nstep: []\n", _MODEL)
    assert set(refused.value.problems) == {"file1.yaml", "file2.yaml"}
    assert "there is no agent `writer`" in [problem.message for problem in refused.value.problems["file1.yaml"]]
    assert len(refused.value.problems["file2.yaml"]) > 1
    assert (await services.tasks.list(ANA, "default")).items == ()
    assert await services.tasks.export(ANA, "default") == []


async def test_tasks_are_found_by_words_of_their_name_title_description_or_tags(services: Services) -> None:
    report = (
        "task: report\ntitle: Sales of 100 %\ndescription: Sums up.\ntags: [weekly]\nsteps: [{id: a, python: '1'}]\n"
    )
    await _apply(services, _HELLO, report)

    async def found(sought: str, limit: int = 500) -> list[str]:
        return [task.name for task in (await services.tasks.list(ANA, "default", sought=sought, limit=limit)).items]

    assert await found("") == ["hello", "report"]
    assert await found("", limit=1) == ["hello"]
    assert await found("WEEK sums rep") == ["report"]
    assert await found("100 %") == ["report"]
    assert await found("weekly hello") == []


async def test_tasks_and_versions_are_told_page_by_page_and_none_is_lost(services: Services) -> None:
    source = "task: {}\ndescription: Number {}.\nsteps: [{{id: a, python: '1'}}]\n"
    for number in range(5):
        await _apply(services, source.format("b", number), source.format("acde"[number % 4], 0))
    read = await services.tasks.list(ANA, "default", limit=2)
    await _apply(services, source.format("aa", 0))  # What comes meanwhile does not move later pages.
    names = [one.name for one in read.items]
    while read.next_cursor is not None:
        read = await services.tasks.list(ANA, "default", cursor=read.next_cursor, limit=2)
        names += [one.name for one in read.items]
    assert names == ["a", "b", "c", "d", "e"]
    numbers = await whole(lambda cursor: services.tasks.versions(ANA, "default", "b", cursor=cursor, limit=2))
    assert [one.number for one in numbers] == [5, 4, 3, 2, 1]
    for refused in (services.tasks.list(ANA, "default", cursor="x"), services.tasks.list(ANA, "default", limit=501)):
        with pytest.raises(Invalid):
            await refused
    with pytest.raises(Invalid, match="no cursor"):
        await services.tasks.versions(ANA, "default", "b", cursor="b")
    assert (await services.tasks.versions(ANA, "default", "b", cursor="9" * 18, limit=1)).items[0].number == 5


async def test_two_files_that_declare_the_same_are_refused(services: Services) -> None:
    with pytest.raises(FilesInvalid) as refused:
        await _apply(services, _HELLO, _HELLO)
    (problem,) = refused.value.problems["file1.yaml"]
    assert problem.message == "task `hello` is declared in file0.yaml as well"


async def test_a_trial_tells_what_would_change_and_changes_nothing(services: Services) -> None:
    (applied,) = await _apply(services, _HELLO, dry_run=True)
    assert (applied.change, applied.version) == ("created", 1)
    assert (await services.tasks.list(ANA, "default")).items == ()


async def test_what_is_exported_applies_unchanged(services: Services) -> None:
    await _apply(services, _ASKS_WRITER, _AGENT, _MODEL, _HELLO)
    exported = await services.tasks.export(ANA, "default")
    assert [file.name for file in exported] == [
        "models/fast.yaml",
        "agents/writer.yaml",
        "tasks/hello.yaml",
        "tasks/letter.yaml",
    ]
    applied = await services.tasks.apply(ANA, "default", exported)
    assert {one.change for one in applied} == {"unchanged"}


async def test_comments_are_kept_and_a_changed_comment_is_a_new_version(services: Services) -> None:
    await _apply(services, "# ours\n" + _HELLO)
    (applied,) = await _apply(services, "# yours\n" + _HELLO)
    assert applied.version == 2
    assert (await services.tasks.source(ANA, "default", "hello")).startswith("# yours")


async def test_applies_at_the_same_moment_number_their_versions_one_after_the_other(services: Services) -> None:
    sources = [_HELLO.replace("Says", f"Says {number} times") for number in range(6)]
    applied = await asyncio.gather(*(_apply(services, source) for source in sources))
    assert sorted(one.version or 0 for (one,) in applied) == [1, 2, 3, 4, 5, 6]


async def test_a_circle_of_sub_tasks_is_refused_even_when_it_is_closed_by_a_later_file(services: Services) -> None:
    await _apply(services, _HELLO)
    caller = "task: caller\ndescription: Calls.\nsteps:\n  - {id: said, run: hello}\n"
    await _apply(services, caller)
    back = _HELLO.replace("output:", "  - {id: back, run: caller}\noutput:")
    with pytest.raises(FilesInvalid, match="nothing was changed"):
        await _apply(services, back)


async def test_a_missing_secret_is_told_with_the_command_that_sets_it(services: Services) -> None:
    asks = """
task: fetch
description: Fetches.
grants: {tools: [http.request], secrets: [TOKEN], hosts: [api.example]}
steps:
  - {id: page, tool: http.request, with: {url: "https://api.example/", headers: {authorization: "secret:TOKEN"}}}
"""
    with pytest.raises(FilesInvalid) as refused:
        await _apply(services, asks)
    (problem,) = refused.value.problems["file0.yaml"]
    assert problem.hint == "store it: errands secrets set TOKEN"
    await services.secrets.set(ANA, "default", "TOKEN", "value")
    assert [one.change for one in await _apply(services, asks)] == ["created"]


async def test_validating_without_a_project_looks_up_nothing_of_it(services: Services) -> None:
    assert await services.tasks.validate(ANA, None, _ASKS_WRITER) == []
    assert [problem.code for problem in await services.tasks.validate(ANA, "default", _ASKS_WRITER)] == [
        "unknown-agent"
    ]


async def test_unknown_names_come_with_the_nearest_that_exist(services: Services) -> None:
    await _apply(services, _HELLO)
    with pytest.raises(NotFound) as missing:
        await services.tasks.get(ANA, "default", "helo")
    assert (str(missing.value), missing.value.hint) == ("There is no task 'helo'.", "Did you mean hello?")
    with pytest.raises(NotFound) as missing:
        await services.tasks.publish(ANA, "default", "hello", 7)
    assert missing.value.hint == "Its only version is 1."
    with pytest.raises(NotFound, match="There is no project 'defualt'"):
        await services.tasks.get(ANA, "defualt", "hello")
    with pytest.raises(Invalid, match="cannot be the name of a project"):
        await services.tasks.apply(ANA, "Not A Name", [])


async def test_pausing_shows_the_note_until_it_is_resumed(services: Services) -> None:
    await _apply(services, _HELLO)
    paused = await services.tasks.pause(ANA, "default", "hello", "holidays")
    assert paused.paused_at is not None
    assert paused.pause_note == "holidays"
    assert (await services.tasks.pause(ANA, "default", "hello", "longer")).paused_at == paused.paused_at
    resumed = await services.tasks.resume(ANA, "default", "hello")
    assert (resumed.paused_at, resumed.pause_note) == (None, None)


@pytest.mark.parametrize("file", sorted(_EXAMPLES.rglob("*.yaml")), ids=lambda file: file.stem)
def test_a_stored_definition_reads_back_as_it_was_checked(file: Path) -> None:
    definition = parse_document(file.read_text()).definition
    assert definition is not None
    assert type(definition).model_validate(from_text(to_text(as_json(definition)))) == definition


async def test_files_of_another_process_are_seen_at_once(runtime: Runtime, settings: Settings) -> None:
    async with open_services(settings, worker=False) as other:
        await _apply(other.services, _HELLO)
    assert [task.name for task in (await runtime.services.tasks.list(ANA, "default")).items] == ["hello"]
