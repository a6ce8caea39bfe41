"""Before a version is published: the gate, backtests with real models, and grants that would be enough."""

import re

from playwright.sync_api import Page, expect

from tests.agents.fake_provider import provider, says
from tests.page.loopback import aside
from tests.page.serving import Served

_WORDS = """
task: {name}
description: Counts words.
params: {{text: {{type: string, default: "one two three"}}}}
grants: {{tools: {tools}}}
steps:
  - {{id: counted, python: "len(text.split())"}}
  - {{id: told, tool: log, with: {{message: "{{{{ counted }}}} words"}}}}
output: "{{{{ counted }}}}"
"""
_MODEL = """
model: asked
provider: openai-compatible
name: tiny
base_url: {url}
price: {{input: 10, output: 10}}
"""
_LETTER = """
task: letter
description: Writes a letter.
steps:
  - {id: text, agent: scribe, prompt: "Write to Ana."}
output: "{{ text }}"
"""


def _apply(served: Served, *sources: str, publish: bool = True) -> None:
    files = [{"name": f"p{place}.yaml", "source": source} for place, source in enumerate(sources)]
    served.ask("POST", "/projects/default/files", {"files": files, "publish": publish})


def _words(name: str, tools: str = "[log]") -> str:
    return _WORDS.format(name=name, tools=tools)


def _gated(served: Served, name: str) -> str:
    """A task with a run, and a newer version that would make something else of it; gives the run."""
    source = _words(name)
    _apply(served, source)
    run = served.start(name, wait="20s")
    _apply(served, source.replace("len(text.split())", "len(text)"), publish=False)
    return run


def test_a_gate_holds_a_version_back_until_somebody_says_why_it_is_published(
    page: Page, served: Served, seeded: dict[str, str]
) -> None:
    gated = _gated(served, "gated")
    page.goto("/p/default/tasks/gated?tab=versions")
    gate = page.get_by_role("region", name="Gate before a version is published")
    expect(gate).to_contain_text("Every version may be published.")
    gate.get_by_label("Last runs").fill("5")
    gate.get_by_role("button", name="Set a gate").click()
    expect(gate).to_contain_text("Gate of the task: the last 5 runs are walked again, and all of them must come out")
    page.get_by_role("button", name="Publish", exact=True).click()
    dialog = page.get_by_role("dialog", name="Publish v2?")
    expect(dialog).to_contain_text("the last 5 runs are walked again")
    dialog.get_by_role("button", name="Publish v2").click()
    held = dialog.get_by_role("alert").filter(has_text="The gate holds it back")
    expect(held.get_by_role("list").get_by_role("listitem")).to_have_count(1)
    expect(held.get_by_role("link", name=gated[-8:])).to_be_visible()
    overrule = dialog.get_by_role("button", name="Overrule and publish v2")
    expect(overrule).to_be_disabled()
    assert served.ask("GET", "/projects/default/tasks/gated")["published"] == 1
    held.get_by_label("Publish it all the same, because").fill("Letters are wanted now")
    overrule.click()
    expect(page.get_by_text("v2 published").first).to_be_visible()
    page.goto("/p/default/audit?verb=task.publish")
    page.get_by_role("row").filter(has_text="gated").first.get_by_role("button", name="Show").click()
    expect(page.get_by_text("Letters are wanted now")).to_be_visible()
    page.goto("/p/default/tasks/gated?tab=versions")
    gate.get_by_role("button", name="As the project says").click()
    expect(gate).to_contain_text("Every version may be published.")


def test_the_editor_tells_the_gates_rule_and_is_held_back_by_it(
    page: Page, served: Served, seeded: dict[str, str]
) -> None:
    _gated(served, "guarded")
    page.goto("/p/default/settings")
    gate = page.get_by_role("region", name="Gate before a version of default is published")
    gate.get_by_role("button", name="Set a gate").click()
    expect(gate).to_contain_text("Gate of the project: the last 20 runs")
    page.goto("/p/default/tasks/guarded/edit")
    page.get_by_role("button", name=re.compile("python counted")).click()
    page.get_by_role("region", name="Fields of counted").get_by_label("python").fill("7")
    page.get_by_role("region", name="Fields of counted").get_by_label("title").focus()
    page.get_by_role("button", name="Save …").click()
    dialog = page.get_by_role("dialog", name="Save guarded")
    expect(dialog).to_contain_text("Gate of the project")
    dialog.get_by_role("button", name="Save and publish").click()
    expect(dialog.get_by_role("alert")).to_contain_text("The gate holds it back")
    assert len(served.ask("GET", "/projects/default/tasks/guarded/versions")["items"]) == 2, "nothing is stored"
    dialog.get_by_label("Publish it all the same, because").fill("Seven it is")
    dialog.get_by_role("button", name="Overrule and publish").click()
    expect(page.get_by_text("v3 published")).to_be_visible()
    page.goto("/p/default/settings")
    gate.get_by_role("button", name="Take it away").click()
    expect(gate).to_contain_text("Every version may be published.")


def test_a_backtest_asks_real_models_within_a_budget_and_tells_what_it_paid(
    page: Page, served: Served, seeded: dict[str, str]
) -> None:
    with aside(lambda: provider(says("Dear Ana."))) as fake:
        agent = "agent: scribe\nmodel: asked\ninstructions: Be kind.\n"
        _apply(served, _MODEL.format(url=fake.url), agent, _LETTER)
        run = served.start("letter", wait="30s")
        fake.behaviours = [says("Dear Berta.")]
        fake.bodies.clear()
        _apply(served, _LETTER.replace("Ana", "Berta"), publish=False)
        page.goto("/p/default/tasks/letter?tab=versions")
        page.get_by_role("button", name="Backtest").first.click()
        dialog = page.get_by_role("dialog", name="Backtest of v2")
        dialog.get_by_role("button", name="Try it").click()
        result = dialog.get_by_role("region", name="Result of the backtest")
        expect(result.get_by_role("row", name=run[-8:])).to_contain_text("cannot be told")
        assert fake.bodies == [], "nobody is asked without being told to"
        dialog.get_by_label("Ask real models for what the records cannot answer").check()
        for bound in ("US dollars", "Tokens"):
            dialog.get_by_label(bound).fill("")
        expect(dialog.get_by_role("button", name="Try it and pay for it")).to_be_disabled()
        dialog.get_by_label("Requests").fill("3")
        dialog.get_by_role("button", name="Try it and pay for it").click()
        expect(result).to_contain_text("Real models were asked 1 time, for $")
        row = result.get_by_role("row", name=run[-8:])
        expect(row).to_contain_text("differs")
        expect(row).to_contain_text("Dear Berta.")
        assert len(fake.bodies) == 1


def test_grants_that_nothing_needed_are_taken_out_by_a_draft(
    page: Page, served: Served, seeded: dict[str, str]
) -> None:
    _apply(served, _words("broad", "[log, http.request, files.write]"))
    page.goto("/p/default/tasks/broad?tab=access")
    grants = page.get_by_role("region", name="What it may use")
    grants.get_by_role("button", name="Propose grants").click()
    expect(grants).to_contain_text("No run of v1 has succeeded yet")
    served.start("broad", wait="20s")
    grants.get_by_role("button", name="Propose grants").click()
    expect(grants).to_contain_text("Enough for 1 run of v1")
    expect(grants.get_by_label("Suggested grants")).to_contain_text("- log")
    expect(grants.get_by_role("list").first).to_contain_text("http.request")
    grants.get_by_role("button", name="Make a draft with them").click()
    expect(page.get_by_role("heading", name="Edit broad")).to_be_visible()
    page.get_by_role("button", name="Save …").click()
    expect(page.get_by_label("What changes")).to_contain_text("- log")
    page.get_by_role("button", name="Save and publish").click()
    expect(page.get_by_text("v2 published").first).to_be_visible()
    definition = served.ask("GET", "/projects/default/tasks/broad/definition")
    assert "http.request" not in str(definition["grants"])
