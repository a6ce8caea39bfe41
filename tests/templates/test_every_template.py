"""What holds for every template: it is valid, its tests pass, its trial works, its pages are current, it is adopted."""

import sys
from pathlib import Path
from typing import Any

import pytest

from errands.core.definition.parsing import load_task
from errands.core.outcomes import RunStatus
from errands.core.task_templates import TemplateBroken, find_place
from errands.core.values import Json
from errands.services.errors import FilesInvalid, NotFound
from errands.services.template_shelf import Shelf
from tests.templates.stage import PROJECT, ROOT, Stage

SHELF = Shelf()
NAMES = SHELF.names()
SAMPLES: dict[str, Json] = {"email": "ana@example.com", "uri": "https://example.com/", "date": "2026-03-02"}


def answer(schema: Any) -> Json:
    """Something that fits a question without a default."""
    given: Json = (schema.get("examples") or schema.get("enum") or [None])[0]
    if given is not None:
        return given
    match schema.get("type"):
        case "array":
            return [answer(schema["items"])]
        case "integer" | "number":
            return int(schema.get("minimum", 1))
        case "boolean":
            return True
        case _:
            return SAMPLES.get(str(schema.get("format")), "something")


@pytest.mark.parametrize("name", NAMES)
async def test_a_template_is_tried_adopted_with_its_defaults_and_passes_its_own_tests(stage: Stage, name: str) -> None:
    services, found = stage.services, SHELF.find(name)
    trial = await services.templates.attempt(ROOT, name)
    assert trial.run.status is RunStatus.SUCCEEDED, trial.run.error
    view = await services.templates.get(ROOT, name)
    assert all(picture.svg.startswith("<svg") for picture in view.tasks)
    assert (await services.tasks.list(ROOT, PROJECT)).items == (), "a trial keeps nothing"
    needed = {one.param.name: answer(one.param.schema_) for one in found.about.asks if not one.param.has_default}
    drafted = await services.templates.adopt(ROOT, PROJECT, name, needed)
    assert set(drafted.missing) == set(found.about.secrets)
    assert {one.change for one in drafted.applied} == {"created"}
    assert [one.problems for one in drafted.applied] == [()] * len(drafted.applied)
    for secret in found.about.secrets:
        await stage.secret(secret, "jsons://hooks.example/x")
    published = await services.templates.adopt(ROOT, PROJECT, name, needed, publish=True)
    assert all(one.published for one in published.applied)
    assert published.missing == ()
    for file in published.files:
        if file.name.startswith("tasks/"):
            results = await services.tasks.test(ROOT, PROJECT, file)
            assert results, f"{file.name} has no tests"
            assert [found for one in results for found in one.differences] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_grants_secrets_and_texts_of_a_template_say_what_its_files_need(name: str) -> None:
    found = SHELF.find(name)
    definitions = [load_task(source) for file, source in found.sources.items() if file.startswith("tasks/")]
    assert {secret for one in definitions for secret in one.grants.secrets} == set(found.about.secrets)
    assert found.about.summary.endswith(".")
    assert (found.folder / "sample").is_dir()


def test_the_pages_of_the_templates_are_current() -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from scripts.template_pages import pages

    for name in NAMES:
        folder = SHELF.find(name).folder
        for page, text in pages(folder):
            assert (folder / page).read_text() == text, f"templates/{name}/{page}: run make pages"


async def test_answers_are_written_into_the_file_and_comments_stay(stage: Stage) -> None:
    answers: dict[str, Json] = {"recipients": ["bo@example.com"], "day": "thu", "time": "08:30", "title": "Tea: sold"}
    adopted = await stage.services.templates.adopt(ROOT, PROJECT, "report-generation", answers, dry_run=True)
    (file,) = adopted.files
    definition = load_task(file.source)
    values = {param.name: param.default for param in definition.params}
    assert (values["title"], values["recipients"]) == ("Tea: sold", ["bo@example.com"])
    assert "weekly: {on: [thu], at: 08:30}" in file.source.replace('"', "")
    assert "# Rows of `label` and `value`" in file.source
    assert (await stage.services.tasks.list(ROOT, PROJECT)).items == ()


async def test_publishing_without_the_secrets_is_refused_and_changes_nothing(stage: Stage) -> None:
    with pytest.raises(FilesInvalid) as refused:
        await stage.adopt("report-generation", recipients=["bo@example.com"])
    messages = [problem.message for found in refused.value.problems.values() for problem in found]
    assert "there is no secret `REPORT_DB`" in messages
    assert (await stage.services.tasks.list(ROOT, PROJECT)).items == ()


async def test_a_template_that_is_not_there_is_told_with_one_that_is_near(stage: Stage) -> None:
    with pytest.raises(NotFound, match="no template 'report-generatoin'") as refused:
        await stage.services.templates.get(ROOT, "report-generatoin")
    assert refused.value.hint == "Did you mean report-generation?"


def test_places_are_found_by_id_name_and_index_and_a_missing_item_is_said() -> None:
    data: Json = {"triggers": [{"id": "weekly", "schedule": {"at": "07:00"}}], "tests": [{"name": "one"}]}
    assert find_place(data, "triggers[weekly].schedule.at") == ("triggers", 0, "schedule", "at")
    assert find_place(data, "tests[one].now") == ("tests", 0, "now")
    assert find_place(data, "triggers[0].enabled") == ("triggers", 0, "enabled")
    with pytest.raises(TemplateBroken, match="no item daily"):
        find_place(data, "triggers[daily].schedule")


def test_each_of_the_sixteen_use_cases_has_a_template() -> None:
    assert sorted(SHELF.find(name).about.use_case for name in NAMES) == [
        "API synchronization", "Approval workflow", "Backup", "Compliance report", "Content moderation",
        "Data migration", "Data synchronization", "Document processing", "Health checks", "Issue resolution",
        "Maintenance notices", "Notifications", "Onboarding", "Publishing", "Report generation", "Usage analytics",
    ]  # fmt: skip


async def test_a_project_holds_two_of_a_kind_under_names_of_their_own(stage: Stage) -> None:
    adopt = stage.services.templates.adopt
    answers: dict[str, Json] = {"recipients": ["bo@example.com"]}
    await adopt(ROOT, PROJECT, "report-generation", answers)
    second = await adopt(ROOT, PROJECT, "report-generation", answers, task="tea-report")
    assert [(one.name, one.change) for one in second.applied] == [("tea-report", "created")]
    assert {one.name for one in (await stage.services.tasks.list(ROOT, PROJECT)).items} == {
        "weekly-report",
        "tea-report",
    }
    with pytest.raises(FilesInvalid):
        await adopt(ROOT, PROJECT, "report-generation", answers, task="Tea Report")
