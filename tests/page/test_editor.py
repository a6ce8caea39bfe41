"""Editing a task by its steps and by its file: the checker's findings, a dry run, and what is stored in the end."""

import re

from playwright.sync_api import BrowserContext, Page, expect

from tests.page.serving import Served

_DRAFTED = """
task: drafted
title: Drafted
description: Is edited by the tests.
params: {name: {type: string, default: world}}
grants: {tools: [log]}
steps:
  # Said first
  - {id: said, python: "'hello ' + name"}
  - {id: told, tool: log, with: {message: "{{ said }}"}}
output: "{{ said }}"
"""


def _apply(served: Served) -> None:
    served.ask("POST", "/projects/default/files", {"files": [{"name": "drafted.yaml", "source": _DRAFTED}]})


def test_a_task_is_edited_step_by_step_tried_and_published(page: Page, served: Served, seeded: dict[str, str]) -> None:
    _apply(served)
    page.goto("/p/default/tasks/drafted/edit")
    page.get_by_role("button", name=re.compile("python said")).click()
    form = page.get_by_role("region", name="Fields of said")
    form.get_by_label("python").fill("'goodbye ' + nmae")
    form.get_by_label("title").focus()
    expect(page.get_by_role("region", name="Problems")).to_contain_text("nmae")
    expect(page.get_by_role("button", name="Save …")).to_be_disabled()
    form.get_by_label("python").fill("'goodbye ' + name")
    form.get_by_label("title").focus()
    expect(page.get_by_role("region", name="Problems")).to_be_hidden()
    page.get_by_role("button", name="Add a step after said").click()
    page.get_by_role("menuitem", name="Compute something").click()
    expect(page.get_by_role("button", name=re.compile("python python"))).to_be_visible()
    page.get_by_role("button", name="Dry run").click()
    dialog = page.get_by_role("dialog", name="Dry run")
    dialog.get_by_label("name").fill("Ana")
    dialog.get_by_label("Answers of tools, agents and people").fill("told: {}")
    dialog.get_by_role("button", name="Try it").click()
    expect(dialog.get_by_label("Output of the dry run")).to_have_text("goodbye Ana")
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Save …").click()
    expect(page.get_by_label("What changes")).to_contain_text("goodbye")
    page.get_by_label("Message").fill("Say goodbye")
    page.get_by_role("button", name="Save and publish").click()
    expect(page.get_by_text("v2 published")).to_be_visible()
    source = served.ask("GET", "/projects/default/tasks/drafted/source")["source"]
    assert "# Said first" in source, "the author's comment stays"


def test_a_draft_outlives_a_reload_and_two_editors_are_told(page: Page, served: Served, seeded: dict[str, str]) -> None:
    source = _DRAFTED.replace("drafted", "shared")
    served.ask("POST", "/projects/default/files", {"files": [{"name": "shared.yaml", "source": source}]})
    page.goto("/p/default/tasks/shared/edit")
    page.get_by_role("button", name=re.compile("python said")).click()
    page.get_by_label("title").first.fill("Mine")
    page.get_by_label("python").first.focus()
    expect(page.get_by_text("draft saved")).to_be_visible()
    other = source.replace("Is edited", "Was edited by somebody else")
    served.ask("POST", "/projects/default/files", {"files": [{"name": "shared.yaml", "source": other}]})
    page.reload()
    expect(page.get_by_role("button", name=re.compile("said Mine"))).to_be_visible()
    page.get_by_role("button", name="Save …").click()
    page.get_by_role("button", name="Save and publish").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody else saved a version meanwhile")
    assert "somebody else" in served.ask("GET", "/projects/default/tasks/shared/source")["source"]


def test_a_new_task_is_written_as_yaml_with_keys_to_choose_from(
    context: BrowserContext, served: Served, seeded: dict[str, str]
) -> None:
    # Chromium itself gives text that is typed over a selection a style, which the page's policy keeps it from; that is
    # told in the console, and so this tab may complain.
    page = context.new_page()
    page.goto("/p/default/new-task")
    page.get_by_text("YAML", exact=True).click()
    editor = page.get_by_role("textbox", name="Task file")
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("task: typed\ndescription: Typed by hand.\nst")
    page.get_by_role("option", name="steps").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("task: typed\ndescription: Typed by hand.\nsteps:\n  - {id: one, pyhton: '1'}\n")
    expect(page.get_by_role("region", name="Problems")).to_contain_text("python")
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("task: typed\ndescription: Typed by hand.\nsteps:\n  - {id: one, python: '1'}\n")
    expect(page.get_by_role("region", name="Problems")).to_be_hidden()
    page.get_by_role("button", name="Save …").click()
    page.get_by_role("button", name="Save and publish").click()
    expect(page.get_by_role("heading", name="typed", exact=True, level=1)).to_be_visible()
    assert served.ask("GET", "/projects/default/tasks/typed")["published"] == 1


_SCOPED = """
task: scoped
description: Has names to choose from.
params: {region: {type: string, default: emea}}
steps:
  - {id: orders, python: "{'rows': [1, 2], 'total': 3}"}
  - {id: counted, python: "len(orders['rows'])"}
  - {id: last, python: "counted + 1"}
output: "{{ last }}"
"""


def test_names_and_keys_are_offered_in_expressions_and_a_step_is_run_up_to(
    page: Page, served: Served, seeded: dict[str, str]
) -> None:
    served.ask("POST", "/projects/default/files", {"files": [{"name": "scoped.yaml", "source": _SCOPED}]})
    page.goto("/p/default/tasks/scoped/edit")
    page.get_by_role("button", name=re.compile("python counted")).click()
    form = page.get_by_role("region", name="Fields of counted")
    form.get_by_role("button", name="Run to here").click()
    dialog = page.get_by_role("dialog", name="Dry run up to counted")
    dialog.get_by_role("button", name="Try it").click()
    expect(dialog.get_by_label("Output of the dry run")).to_have_text("2")
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_role("button", name=re.compile("python orders"))).to_contain_text('{"rows":[1,2]')
    expect(page.get_by_role("button", name=re.compile("python last"))).not_to_contain_text("3")
    field = form.get_by_label("python")
    field.fill("")
    field.press_sequentially("ord")
    page.get_by_role("option", name="orders").click()
    expect(field).to_have_value("orders")
    field.press_sequentially('["t')
    expect(page.get_by_role("option", name="total")).to_be_visible()
    field.press("Enter")
    expect(field).to_have_value('orders["total"]')
    form.get_by_label("title").focus()
    expect(page.get_by_role("region", name="Problems")).to_be_hidden()
    expect(page.get_by_role("button", name=re.compile("python counted"))).to_contain_text('orders["total"]')


def test_a_step_is_dragged_to_another_place(page: Page, served: Served, seeded: dict[str, str]) -> None:
    source = _SCOPED.replace("scoped", "dragged").replace("counted + 1", "7")
    served.ask("POST", "/projects/default/files", {"files": [{"name": "dragged.yaml", "source": source}]})
    page.goto("/p/default/tasks/dragged/edit")
    steps = page.get_by_role("group", name="Steps").get_by_role("button")
    expect(steps).to_have_count(3)
    steps.nth(2).drag_to(steps.nth(0), target_position={"x": 60, "y": 4})
    expect(steps.nth(0)).to_contain_text("last")
    page.get_by_role("button", name="Undo").click()
    expect(steps.nth(2)).to_contain_text("last")
    steps.nth(2).click()
    page.keyboard.press("Alt+ArrowUp")
    expect(steps.nth(1)).to_contain_text("last")


def test_a_version_that_somebody_else_stores_is_told_at_once_with_what_it_changed(
    page: Page, served: Served, seeded: dict[str, str]
) -> None:
    source = _SCOPED.replace("scoped", "together")
    served.ask("POST", "/projects/default/files", {"files": [{"name": "together.yaml", "source": source}]})
    page.goto("/p/default/tasks/together/edit")
    page.get_by_role("button", name=re.compile("python last")).click()
    form = page.get_by_role("region", name="Fields of last")
    form.get_by_label("title").fill("Mine")
    form.get_by_label("python").focus()
    other = source.replace("Has names", "Has other names")
    served.ask("POST", "/projects/default/files", {"files": [{"name": "together.yaml", "source": other}]})
    told = page.get_by_role("status").filter(has_text="v2 was saved while you edit")
    expect(told).to_be_visible()
    told.get_by_role("button", name="Show what changed").click()
    expect(page.get_by_label("What somebody else changed")).to_contain_text("Has other names")
    page.get_by_role("button", name="Go on with my draft, on top of v2").click()
    expect(told).to_be_hidden()
    page.get_by_role("button", name="Save …").click()
    page.get_by_role("button", name="Save and publish").click()
    expect(page.get_by_text("v3 published")).to_be_visible()
