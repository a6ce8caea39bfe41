"""A run looked at closely: large values in pages, an agent's turns, two runs side by side, edited reruns."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.agents.fake_provider import FakeProvider, calls, provider, says
from tests.page.serving import Served

_LARGE = """
task: large
description: Makes a large value, and a file of each kind.
params: {rows: {type: integer, default: 40000}, word: {type: string, default: first}}
grants: {tools: [log, files.write, files.keep]}
steps:
  - {id: table, python: "[word + ' row ' + str(n) for n in range(rows)]"}
  - {id: counted, python: len(table)}
  - {id: told, tool: log, with: {message: "{{ word }}: {{ counted }}"}}
  - {id: csv, tool: files.write, with: {path: rows.csv, text: "name,amount\\n\\"lamp, large\\",3\\n"}}
  - {id: csv_kept, tool: files.keep, with: {path: rows.csv}}
output: "{{ table[:2] }}"
"""
_AGENT = """
task: brief
description: An agent that looks something up.
grants: {tools: [log]}
steps:
  - {id: answer, prompt: "What is **new**?", agent: clerk}
output: "{{ answer }}"
"""


@pytest.fixture(scope="module")
def large(served: Served) -> dict[str, str]:
    """Two runs of the same task that differ."""
    served.ask("POST", "/projects/default/files", {"files": [{"name": "large.yaml", "source": _LARGE}]})
    return {
        "first": served.start("large", wait="30s"),
        "second": served.start("large", {"word": "second", "rows": 3}, wait="30s"),
    }


@pytest.fixture(scope="module")
def model() -> Iterator[FakeProvider]:
    """A model that calls a tool and then answers, on a thread of its own."""
    ready, stop, made = threading.Event(), threading.Event(), list[FakeProvider]()

    async def serve() -> None:
        async with provider(calls(("log", '{"message": "looked"}')), says("Nothing **much**.")) as fake:
            made.append(fake)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(20)
    yield made[0]
    stop.set()
    thread.join(20)


def test_a_large_output_is_read_in_pages_and_never_whole(page: Page, large: dict[str, str]) -> None:
    sizes: list[int] = []
    page.on("response", lambda answer: sizes.append(int(answer.headers.get("content-length", "0"))))
    page.goto(f"/p/default/runs/{large['first']}?step=table")
    shown = page.get_by_label("Output", exact=True).first
    expect(shown).to_contain_text("first row 0")
    turning = page.get_by_role("group", name="Pages of a large value")
    expect(turning).to_contain_text("0 B to 64.0 KiB of")
    turning.get_by_role("button", name="On").click()
    expect(turning).to_contain_text("64.0 KiB to 128.0 KiB of")
    expect(shown).not_to_contain_text('"first row 0"')
    turning.get_by_role("button", name="Back").click()
    expect(shown).to_contain_text("first row 0")
    with page.expect_download() as download:
        turning.get_by_role("link", name="All of it").click()
    assert len(json.loads(download.value.path().read_text())) == 40_000
    api = [size for size in sizes if size]
    assert max(api, default=0) < 300_000


def test_a_table_file_is_shown_as_a_table(page: Page, large: dict[str, str]) -> None:
    page.goto(f"/p/default/runs/{large['first']}")
    page.get_by_role("button", name="Show").click()
    table = page.get_by_role("table", name="rows.csv")
    expect(table.get_by_role("columnheader", name="amount")).to_be_visible()
    expect(table.get_by_role("cell", name="lamp, large")).to_be_visible()


def test_two_runs_stand_side_by_side_with_what_differs(page: Page, large: dict[str, str]) -> None:
    page.goto(f"/p/default/runs/{large['second']}")
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", name="Compare two runs")).to_be_visible()
    page.goto(f"/p/default/runs/{large['second']}/compare?with={large['first']}")
    expect(page.get_by_label("Differences of the arguments")).to_contain_text('"word": "first"')
    expect(page.get_by_label("Differences of the output")).to_contain_text("second row 0")
    steps = page.get_by_role("region", name="Steps")
    expect(steps.get_by_text("counted", exact=True)).to_be_visible()
    expect(steps.get_by_text("csv", exact=True)).to_have_count(0)
    page.get_by_label("Those that are the same, too").check()
    expect(steps.get_by_text("csv", exact=True)).to_be_visible()
    steps.get_by_text("counted", exact=True).click()
    expect(steps.get_by_label("Differences of the output of counted")).to_contain_text("40000")


def test_a_rerun_takes_other_arguments_and_an_output_that_was_written_anew(
    page: Page, served: Served, large: dict[str, str]
) -> None:
    page.goto(f"/p/default/runs/{large['second']}?step=told")
    page.get_by_role("button", name="Rerun").click()
    page.get_by_role("menuitem", name="From told").click()
    dialog = page.get_by_role("dialog", name="Rerun from told?")
    dialog.get_by_label("Edit what it is given").check()
    dialog.get_by_label("word").fill("third")
    dialog.get_by_role("combobox", name="Output of an earlier step").click()
    page.get_by_role("option", name="counted").click()
    field = dialog.get_by_label("Output of counted")
    expect(field).to_have_value("3")
    field.fill("[")
    expect(dialog.get_by_text("This is no JSON yet")).to_be_visible()
    expect(dialog.get_by_role("button", name="Rerun")).to_be_disabled()
    field.fill("77")
    dialog.get_by_role("button", name="Rerun").click()
    expect(page.get_by_text("rerun from told of another run")).to_be_visible()
    expect(page.get_by_text("Succeeded").first).to_be_visible()
    page.get_by_role("treeitem", name=re.compile("told tool")).click()
    page.get_by_role("tab", name="Input").click()
    expect(page.get_by_label("Input", exact=True).first).to_contain_text("third: 77")
    page.get_by_role("treeitem", name=re.compile("counted python")).click()
    expect(page.get_by_text("output written by whoever started the rerun")).to_be_visible()


def test_a_run_is_copied_as_a_test_that_passes(context: BrowserContext, served: Served, large: dict[str, str]) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"/p/default/runs/{large['second']}")
    page.get_by_role("button", name="Copy", exact=True).first.click()
    page.get_by_role("menuitem", name="As a test for the task’s file").click()
    expect(page.get_by_text("Copied as a test")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    source = f"{_LARGE}tests:\n" + "".join(f"  {line}\n" for line in copied.splitlines())
    (came,) = served.ask("POST", "/projects/default/test", {"file": {"name": "large.yaml", "source": source}})
    assert (came["passed"], came["differences"]) == (True, []), copied


def test_a_run_is_printed_whole_whatever_the_screen_shows(page: Page, large: dict[str, str]) -> None:
    # As a browser does it, but for the dialog.
    page.add_init_script("window.print = () => window.dispatchEvent(new Event('beforeprint'))")
    page.goto(f"/p/default/runs/{large['first']}?step=counted")
    page.get_by_role("button", name="Copy", exact=True).first.click()
    page.get_by_role("menuitem", name="On paper or as PDF").click()
    page.emulate_media(media="print", color_scheme="dark")
    paper = page.get_by_role("main")
    for step in ("table", "counted", "told", "csv", "csv_kept"):
        expect(paper.get_by_role("heading", name=re.compile(f"Succeeded: {step} {step}"))).to_be_visible()
    for told in (large["first"], "KiB, not printed", "rows.csv", "Log", "told: first: 40000"):
        expect(paper).to_contain_text(told, use_inner_text=True)
    expect(paper.get_by_role("tree", name="Steps")).to_be_hidden()
    expect(page.get_by_role("navigation", name="Screens")).to_be_hidden()
    expect(page.get_by_role("button")).to_have_count(0)
    assert paper.evaluate("one => getComputedStyle(one).color") == "rgb(0, 0, 0)"


def test_a_page_that_came_over_plain_http_starts_runs_and_copies(
    context: BrowserContext, served: Served, large: dict[str, str]
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    # What a browser keeps from a page that another machine sent without TLS.
    page.add_init_script(
        "Object.defineProperty(Navigator.prototype, 'clipboard', {value: undefined})\n"
        "Object.defineProperty(Crypto.prototype, 'randomUUID', {value: undefined})"
    )
    page.goto("/p/default/tasks/large/run")
    page.get_by_label("rows").fill("2")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_text("Succeeded").first).to_be_visible()
    page.get_by_role("button", name="Copy", exact=True).first.click()
    page.get_by_role("menuitem", name="The id of the run").click()
    expect(page.get_by_text("Copied as the id")).to_be_visible()
    elsewhere = context.new_page()
    elsewhere.goto("/p/default")
    assert elsewhere.evaluate("navigator.clipboard.readText()") in page.url


def test_an_agents_step_opens_into_turns_and_calls(page: Page, served: Served, model: FakeProvider) -> None:
    files = {
        "tasks/brief.yaml": _AGENT,
        "agents/clerk.yaml": "agent: clerk\ndescription: d\nmodel: told\ninstructions: Be brief.\ntools: [log]\n",
        "models/told.yaml": f"model: told\nprovider: openai-compatible\nname: fake\nbase_url: {model.url}\n"
        "price: {input: 1000, output: 1000}\n",
    }
    listed = [{"name": name, "source": source} for name, source in files.items()]
    served.ask("POST", "/projects/default/files", {"files": listed})
    run = served.start("brief", wait="30s")
    page.goto(f"/p/default/runs/{run}?step=answer&pane=messages")
    expect(page.get_by_text(re.compile(r"2 turns · 1 tool call · \d+ tokens · \$0\.0"))).to_be_visible()
    panel = page.get_by_role("tabpanel", name="Messages")
    expect(panel.locator("strong", has_text="new")).to_be_visible()
    expect(panel.locator("strong", has_text="much")).to_be_visible()
    panel.get_by_text("Instructions", exact=True).click()
    expect(panel.get_by_label("Instructions", exact=True)).to_contain_text("Be brief.")
    panel.get_by_text("log[0]").click()
    expect(panel.get_by_label("Arguments of log[0]")).to_contain_text("looked")
